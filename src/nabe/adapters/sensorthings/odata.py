"""What a service is asked: $filter, $select and $expand in the words of the standard (18-088, clause 9). Pure.

A filter keeps all rows that are wanted; the hub filters again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from nabe.adapters.sensorthings.entities import ID, PLACES, TEXTS, Way
from nabe.adapters.sensorthings.settings import EntitySettings
from nabe.adapting.json_http import bounds
from nabe.adapting.json_http.paths import Index
from nabe.model.dataset import Field, FieldType
from nabe.model.expr import And, BBox, Compare, Expr, In, Op, Or, Value

_MOST_VALUES, _LONGEST = 40, 4000
_NUMBERS = (FieldType.INTEGER, FieldType.NUMBER)
_TIMES = (FieldType.DATE, FieldType.DATETIME)

T = TypeVar("T", int | float, dt.datetime)
#: A field and its way; None: no such field.
Known = Callable[[str], tuple[Field, Way] | None]


def quoted(text: str) -> str:
    """A text as a literal: its apostrophes doubled."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def literal(value: int | float | str) -> str:
    """A number or text as a literal."""
    if isinstance(value, str):
        return quoted(value)
    return str(value) if isinstance(value, int) else format(Decimal(repr(value)), "f")


def filter_text(parts: Iterable[Expr], known: Known, settings: EntitySettings) -> str:
    """The conditions that the service can judge, joined by `and`; empty if there are none."""
    found: list[str] = []
    for part in parts:
        made = _condition(part, known, settings)
        if made and sum(map(len, found)) + len(made) < _LONGEST:
            found.append(made)
    return " and ".join(found)


def _condition(part: Expr, known: Known, settings: EntitySettings) -> str:
    """One condition, in brackets if it has several parts; empty if the service cannot judge it."""
    if isinstance(part, (And, Or)):
        made = [_condition(inner, known, settings) for inner in part.parts]
        if isinstance(part, Or) and not all(made):
            return ""
        return _joined([text for text in made if text], "or" if isinstance(part, Or) else "and")
    if not isinstance(part, (Compare, In, BBox)) or (found := known(part.field)) is None:
        return ""
    field, way = found
    name = way.slashed
    if not name or any(link.name == "Observations" for link in way.links):
        return ""  # of several observations only the latest is read
    column = settings.columns.get(field.source_column)
    if column is not None and (column.constant is not None or column.join is not None):
        return ""
    if isinstance(part, BBox):
        return _box(part, field, way, settings)
    if isinstance(part, In):
        several = [_compared(Compare(part.field, Op.EQ, value), field, way, settings) for value in part.values]
        return _joined(several, "or") if len(several) <= _MOST_VALUES and all(several) else ""
    return _compared(part, field, way, settings)


def _compared(part: Compare, field: Field, way: Way, settings: EntitySettings) -> str:
    name = way.slashed
    is_id = way.member == ID and len(way.own) == 1
    if field.type is FieldType.STRING:
        last = "/".join(name.split("/")[len(way.links) :])
        if part.op is not Op.EQ or not (last in TEXTS or (is_id and settings.ids == "text")):
            return ""
        return f"{name} eq {quoted(text)}" if (text := bounds.text_of(part.value)) is not None else ""
    if field.type in _NUMBERS:
        is_result = way.member == "result" and len(way.own) == 1 and settings.results == "number"
        if not (is_result or (is_id and settings.ids == "number" and _whole(part.value))):
            return ""
        found = bounds.numbers(part)
        return _between(name, found, literal) if found is not None else ""
    if field.type in _TIMES:
        return _timed(part, field, way, settings)
    return ""


def _timed(part: Compare, field: Field, way: Way, settings: EntitySettings) -> str:
    """Times. A service compares an interval with a moment as a whole: what begins before it may end after it."""
    own = settings.columns.get(field.source_column)
    if settings.timezone != "UTC" or settings.date_formats or (own is not None and own.date_formats):
        return ""
    instant = (way.entity, way.member) in (("HistoricalLocations", "time"), ("Observations", "resultTime"))
    if not (way.time or instant) or (not way.time and len(way.own) > 1):
        return ""
    found = bounds.moments(part, field.type)
    if found is None:
        return ""
    low, high = found
    if not instant and not (settings.instants and way.entity == "Observations"):
        low, high = (low, None) if way.time == "begin" else (None, high)
    return _between(way.slashed, (low, high), bounds.written)


def _box(part: BBox, field: Field, way: Way, settings: EntitySettings) -> str:
    if not settings.points or field.type is not FieldType.GEOMETRY or way.member not in PLACES or len(way.own) > 1:
        return ""
    ring = bounds.ring(part)
    if ring is None:
        return ""
    corners = ",".join(f"{x:.6f} {y:.6f}" for x, y in ring)
    return f"st_intersects({way.slashed},geography'POLYGON(({corners}))')"


def _between(name: str, found: tuple[T | None, T | None], text: Callable[[T], str]) -> str:
    low, high = found
    if low is not None and low == high:
        return f"{name} eq {text(low)}"
    texts = [f"{name} {op} {text(value)}" for op, value in (("ge", low), ("le", high)) if value is not None]
    return _joined(texts, "and")


def _joined(texts: Sequence[str], word: str) -> str:
    return texts[0] if len(texts) == 1 else f"({f' {word} '.join(texts)})" if texts else ""


def _whole(value: Value) -> bool:
    return isinstance(value, (int, float)) and abs(value) < 2**53


@dataclass(slots=True)
class Wanted:
    """What is wanted of an entity: own members, and linked entities."""

    members: set[str] = field(default_factory=set)
    links: dict[str, Wanted] = field(default_factory=dict)
    first: int | None = 0  # so many of several are enough; None: all

    def add(self, way: Way) -> None:
        """What this way needs, too."""
        at = self
        for link in way.links:
            at = at.links.setdefault(link.name, Wanted())
            if isinstance(link.at, Index) and link.at.number >= 0:
                at.first = max(at.first, link.at.number + 1) if at.first is not None else None
            elif link.at is not None:
                at.first = None
        at.members.add(way.member.replace(ID, "id"))

    def select(self) -> str:
        """The members, the id always."""
        return ",".join(["id", *sorted(name for name in self.members if name != "id" and not name.startswith("@"))])

    def expand(self, select: bool) -> str:
        """The linked entities. Of observations the latest come first, and no more than are read."""
        texts = []
        for name, inner in sorted(self.links.items()):
            options = [f"$select={inner.select()}"] if select else []
            if name == "Observations":
                options += ["$orderby=phenomenonTime desc", *([f"$top={inner.first}"] if inner.first else [])]
            if inner.links:
                options.append(f"$expand={inner.expand(select)}")
            texts.append(f"{name}({';'.join(options)})" if options else name)
        return ",".join(texts)
