"""What a broker is asked: q and a geo-query in the words of NGSI-LD (4.9, 4.10) and NGSI v2. Pure.

A query keeps all entities that are wanted; the hub filters again. Only what every broker reads alike is sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal

from nabe.adapting.json_http import bounds
from nabe.model.dataset import Field, FieldType
from nabe.model.expr import BBox, Compare, Expr, In, Op

#: Texts without signs that mean something in a query, and that cannot be a number, yes, no, or time.
_TEXT = re.compile(r"[^\W\d_][\w ./-]{0,200}")
_NO_TEXT = frozenset({"true", "false", "null", "nan", "inf", "infinity"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,100}")
_MOST_VALUES, _LONGEST = 40, 3000

#: Field -> (attribute, type) of what the broker may filter by.
Filterable = Mapping[str, tuple[str, FieldType]]


def q_text(parts: Iterable[Expr], filterable: Filterable, api: str) -> str:
    """Conditions as q, joined by `;`; empty if there are none that the broker may judge."""
    found: list[str] = []
    for part in parts:
        if not isinstance(part, (Compare, In)) or part.field not in filterable:
            continue
        name, kind = filterable[part.field]
        if not _NAME.fullmatch(name):
            continue
        made = _listed(name, kind, part, api) if isinstance(part, In) else _compared(name, kind, part, api)
        if made and sum(map(len, found)) + len(made) < _LONGEST:
            found.append(made)
    return ";".join(found)


def ids(parts: Iterable[Expr], field: str, api: str) -> tuple[str, ...]:
    """The ids that are wanted, where the question names them; empty if it does not. In NGSI-LD they are URIs."""
    form = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\w:./~-]{1,250}" if api == "ngsi-ld" else r"[\w:./~-]{1,250}")
    for part in parts:
        if isinstance(part, Compare) and part.op is Op.EQ and part.field == field:
            values: tuple[object, ...] = (part.value,)
        elif isinstance(part, In) and part.field == field:
            values = part.values
        else:
            continue
        texts = [value for value in values if isinstance(value, str) and form.fullmatch(value)]
        if values and len(texts) == len(values) <= _MOST_VALUES:
            return tuple(texts)
    return ()


def geo(parts: Iterable[Expr], field: Field | None, attribute: str, api: str) -> list[tuple[str, str]]:
    """A box as a geo-query; nothing if there is none. Brokers measure on a sphere: see `bounds.ring`."""
    for part in parts:
        if not isinstance(part, BBox) or field is None or part.field != field.name:
            continue
        ring = bounds.ring(part)
        if ring is None:
            continue
        corners = [[round(x, 6), round(y, 6)] for x, y in ring]
        if api == "ngsi-v2":
            coords = ";".join(f"{y},{x}" for x, y in corners)
            return [("georel", "coveredBy"), ("geometry", "polygon"), ("coords", coords)]
        coordinates = json.dumps([corners], separators=(",", ":"))
        return [
            ("georel", "within"),
            ("geometry", "Polygon"),
            ("coordinates", coordinates),
            ("geoproperty", attribute),
        ]
    return []


def _compared(name: str, kind: FieldType, part: Compare, api: str) -> str:
    match kind:
        case FieldType.STRING:
            text = _text(part.value, api) if part.op is Op.EQ else ""
            return f"{name}=={text}" if text else ""
        case FieldType.BOOLEAN:
            return f"{name}=={str(part.value).lower()}" if part.op is Op.EQ and isinstance(part.value, bool) else ""
        case FieldType.INTEGER | FieldType.NUMBER:
            found = bounds.numbers(part)
            low, high = ("" if item is None else _number(item) for item in found or (None, None))
        case FieldType.DATE | FieldType.DATETIME:
            times = bounds.moments(part, kind)
            low, high = ("" if item is None else bounds.written(item) for item in times or (None, None))
        case _:
            return ""
    if low and low == high:
        return f"{name}=={low}"
    return ";".join([*([f"{name}>={low}"] if low else []), *([f"{name}<={high}"] if high else [])])


def _listed(name: str, kind: FieldType, part: In, api: str) -> str:
    if kind is not FieldType.STRING or not 0 < len(part.values) <= _MOST_VALUES:
        return ""
    texts = [_text(value, api) for value in part.values]
    return f"{name}=={','.join(texts)}" if all(texts) else ""


def _text(value: object, api: str) -> str:
    """A text as q writes it; empty if a broker might read something else."""
    if not isinstance(value, str) or not _TEXT.fullmatch(value) or value.lower() in _NO_TEXT or value != value.strip():
        return ""
    if ".." in value:
        return ""
    return value if api == "ngsi-v2" else f'"{value}"'


def _number(value: int | float) -> str:
    return str(value) if isinstance(value, int) else format(Decimal(repr(value)), "f")
