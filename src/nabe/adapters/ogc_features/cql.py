"""Conditions as text: CQL2 (OGC 21-065r2), basic comparisons and LIKE. Pure."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from nabe.adapters.ogc_features.fes import text_of
from nabe.model.expr import And, Compare, Expr, Like, Op, Or

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = frozenset("and or not like between in is null true false casei accenti date timestamp interval div".split())


def written_cql(parts: list[Expr], *, like: bool) -> str:
    """The conditions, all of which must hold; empty if there are none to be said. `like`: does the server know LIKE?"""
    return " AND ".join(text for part in parts if (text := _written(part, like)))


def _written(part: Expr, like: bool) -> str:
    match part:
        case And(parts):
            return _joined(" AND ", [text for item in parts if (text := _written(item, like))])
        case Or(parts):
            texts = [_written(item, like) for item in parts]
            return _joined(" OR ", texts) if all(texts) else ""
        case Compare(name, op, value) if op in (Op.EQ, Op.GE, Op.LE):
            return f"{_name(name)} {op.value} {_literal(value)}" if _sayable(name) else ""
        case Like(name, pattern) if like and _sayable(name):
            return f"{_name(name)} LIKE {_literal(pattern)}"
    return ""


def _joined(sign: str, texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"({sign.join(texts)})" if texts else ""


def _sayable(name: str) -> bool:
    return '"' not in name and name.isprintable()


def _name(name: str) -> str:
    return name if _PLAIN.fullmatch(name) and name.lower() not in _WORDS else f'"{name}"'


def _literal(value: Any) -> str:
    text = text_of(value)
    if isinstance(value, str):
        quoted = text.replace("'", "''")
        return f"'{quoted}'"
    if isinstance(value, dt.datetime):
        return f"TIMESTAMP('{text}')"
    return f"DATE('{text}')" if isinstance(value, dt.date) else text
