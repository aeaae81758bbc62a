"""Conditions as a filter in XML: Filter Encoding 2.0 (OGC 09-026r2) for WFS 2.0, 1.1 (OGC 04-095) for WFS 1.1. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from nabe.adapting.axes import box_in, crs_of
from nabe.model.expr import And, BBox, Compare, Expr, Like, Op, Or

_OPERATORS = {
    Op.EQ: "PropertyIsEqualTo",
    Op.GE: "PropertyIsGreaterThanOrEqualTo",
    Op.LE: "PropertyIsLessThanOrEqualTo",
}


@dataclass(frozen=True, slots=True)
class Language:
    """How a server is asked. `prefix`, `space`: of the feature type's namespace. `srs`: the reference system for boxes, as
    the server spells it; `yx`: does it mean the north first?"""

    version: str
    prefix: str = ""
    space: str = ""
    srs: str = ""
    yx: bool = False

    @property
    def two(self) -> bool:
        return self.version.startswith("2")


def written_filter(parts: list[Expr], language: Language) -> str:
    """The conditions, all of which must hold, as a `Filter` element; empty if there are none to be said."""
    known = [text for part in parts if (text := _written(part, language))]
    if not known:
        return ""
    inner = known[0] if len(known) == 1 else f"<f:And>{''.join(known)}</f:And>"
    space = "http://www.opengis.net/fes/2.0" if language.two else "http://www.opengis.net/ogc"
    gml = "http://www.opengis.net/gml/3.2" if language.two else "http://www.opengis.net/gml"
    own = f" xmlns:{language.prefix}={quoteattr(language.space)}" if language.prefix and language.space else ""
    return f'<f:Filter xmlns:f="{space}" xmlns:gml="{gml}"{own}>{inner}</f:Filter>'


def _written(part: Expr, language: Language) -> str:
    match part:
        case And((Compare(name, Op.GE, low), Compare(other, Op.LE, high))) if name == other:
            limits = "".join(
                f"<f:{side}Boundary>{_literal(value)}</f:{side}Boundary>"
                for side, value in (("Lower", low), ("Upper", high))
            )
            return f"<f:PropertyIsBetween>{_name(name, language)}{limits}</f:PropertyIsBetween>"
        case And(parts):
            return _joined("And", [text for item in parts if (text := _written(item, language))])
        case Or(parts):
            texts = [_written(item, language) for item in parts]
            return _joined("Or", texts) if all(texts) else ""
        case Compare(name, op, value) if op in _OPERATORS:
            return f"<f:{_OPERATORS[op]}>{_name(name, language)}{_literal(value)}</f:{_OPERATORS[op]}>"
        case Like(name, pattern):
            text = "".join({"%": "*", "_": "."}.get(sign, sign) for sign in pattern)
            signs = 'wildCard="*" singleChar="." escapeChar="!"'
            return f"<f:PropertyIsLike {signs}>{_name(name, language)}{_literal(text)}</f:PropertyIsLike>"
        case BBox(name, west, south, east, north):
            return _box(name, (west, south, east, north), language)
    return ""


def _joined(operator: str, texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"<f:{operator}>{''.join(texts)}</f:{operator}>" if texts else ""


def _name(name: str, language: Language) -> str:
    whole = escape(f"{language.prefix}:{name}" if language.prefix else name)
    element = "ValueReference" if language.two else "PropertyName"
    return f"<f:{element}>{whole}</f:{element}>"


def _literal(value: Any) -> str:
    return f"<f:Literal>{escape(text_of(value))}</f:Literal>"


def text_of(value: Any) -> str:
    """A value as XML Schema writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return format(value, ".17g") if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def _box(name: str, degrees: tuple[float, float, float, float], language: Language) -> str:
    box = box_in(crs_of(language.srs), *degrees) if language.srs and crs_of(language.srs) else None
    if box is None or not name:
        return ""
    west, south, east, north = box
    low, high = ((south, west), (north, east)) if language.yx else ((west, south), (east, north))
    corners = "".join(
        f"<gml:{corner}Corner>{point[0]!r} {point[1]!r}</gml:{corner}Corner>"
        for corner, point in (("lower", low), ("upper", high))
    )
    return f"<f:BBOX>{_name(name, language)}<gml:Envelope srsName={quoteattr(language.srs)}>{corners}</gml:Envelope></f:BBOX>"
