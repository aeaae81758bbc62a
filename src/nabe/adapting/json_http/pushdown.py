"""Which part of a question the interface filters itself, as query parameters. Pure.

Nothing is promised by it: the hub filters all rows again. A parameter is sent only where the rows that it keeps hold
all rows that are wanted.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

from nabe.adapting.json_http.settings import ColumnSettings, Filter, TableSettings
from nabe.adapting.json_http.values import to_utc, written_time
from nabe.adapting.times import strptime_format
from nabe.model.dataset import Dataset, Field, FieldType
from nabe.model.expr import ALL_ROWS, BBox, Compare, Expr, In, NoRows, Op, conjuncts
from nabe.model.query import SealedScan

_ORDERED = (FieldType.INTEGER, FieldType.NUMBER, FieldType.DATE, FieldType.DATETIME)


def conditions(scan: SealedScan) -> tuple[Expr, ...]:
    """Conditions on the silo's own values, which may be applied before anything else."""
    early = conjuncts(scan.allowed)
    if not scan.rounding and scan.floor is None:
        early += conjuncts(scan.where)
    return early


def asks_nothing(scan: SealedScan) -> bool:
    """Can no row be wanted?"""
    return any(isinstance(part, NoRows) for part in conditions(scan))


def rows_wanted(scan: SealedScan) -> int | None:
    """How many of the silo's first rows are the answer; None if that cannot be said beforehand."""
    plain = scan.allowed == ALL_ROWS and scan.where == ALL_ROWS and scan.floor is None and not scan.order
    return scan.offset + scan.limit if plain and scan.limit is not None else None


def pushed(scan: SealedScan, settings: TableSettings) -> list[tuple[str, str]]:
    """Query parameters for the conditions that the interface knows."""
    found: list[tuple[str, str]] = []
    for part in conditions(scan):
        made = _params(part, scan.dataset, settings)
        taken = {name for name, _ in found}
        if not any(name in taken for name, _ in made):  # the same parameter twice may mean "or"
            found += made
    wanted = rows_wanted(scan)
    if settings.limit and wanted is not None:
        found.append((settings.limit, str(wanted)))
    return found


def _params(part: Expr, dataset: Dataset, settings: TableSettings) -> list[tuple[str, str]]:
    if isinstance(part, BBox):
        if (
            not settings.bbox
            or part.west > part.east
            or dataset.geometry is None
            or part.field != dataset.geometry.name
        ):
            return []
        return [(settings.bbox, f"{part.west!r},{part.south!r},{part.east!r},{part.north!r}")]
    if not isinstance(part, (Compare, In)):
        return []
    field, filter = dataset.field(part.field), settings.filters.get(part.field)
    if field is None or filter is None:
        return []
    column = settings.column(field.source_column)
    if column.constant is not None or column.join is not None:
        return []
    if isinstance(part, In):
        return _listed(part, field, column, filter, settings.timezone)
    return _compared(part, field, column, filter, settings.timezone)


def _listed(part: In, field: Field, column: ColumnSettings, filter: Filter, zone: str) -> list[tuple[str, str]]:
    texts = [_text(value, field, column, zone, exact=True) for value in part.values]
    if not filter.in_ or not texts or any(text is None for text in texts):
        return []
    known = [text for text in texts if text is not None]
    if not filter.separator:
        return [(filter.in_, text) for text in known]
    if any(filter.separator in text for text in known):
        return []
    return [(filter.in_, filter.separator.join(known))]


def _compared(part: Compare, field: Field, column: ColumnSettings, filter: Filter, zone: str) -> list[tuple[str, str]]:
    if part.op is Op.EQ:
        if filter.eq or filter.in_:
            text = _text(part.value, field, column, zone, exact=True)
            single = text is not None and (filter.eq or not filter.separator or filter.separator not in text)
            return [(filter.eq or filter.in_, text)] if text is not None and single else []
        return []
    if field.type not in _ORDERED:
        return []
    name = {
        Op.GE: filter.ge,
        Op.GT: filter.gt or filter.ge,
        Op.LE: filter.le,
        Op.LT: filter.lt or filter.le,
    }.get(part.op, "")
    text = _text(part.value, field, column, zone, exact=part.op in (Op.LE, Op.LT)) if name else None
    return [(name, text)] if text is not None else []


def _text(value: Any, field: Field, column: ColumnSettings, zone: str, *, exact: bool) -> str | None:
    """The value as the interface writes it; None if it cannot be written, or (`exact`) not without a loss.

    What is lost of a time makes it earlier, which does no harm to a lower bound.
    """
    match field.type:
        case FieldType.STRING:
            return value if isinstance(value, str) and value else None
        case FieldType.BOOLEAN:
            return str(value).lower() if isinstance(value, bool) else None
        case FieldType.INTEGER | FieldType.NUMBER:
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
                return None
            if float(value).is_integer() and abs(value) < 2**53:
                return str(int(value))
            return repr(value) if field.type is FieldType.NUMBER else None
        case FieldType.DATE | FieldType.DATETIME:
            return _time(value, field.type, column, zone, exact)
    return None


def _time(value: Any, kind: FieldType, column: ColumnSettings, zone: str, exact: bool) -> str | None:
    formats = column.date_formats
    unix = formats[0] if formats and formats[0].startswith("unix") else ""
    if kind is FieldType.DATE:
        if unix or not isinstance(value, dt.date) or isinstance(value, dt.datetime):
            return None
        return value.strftime(strptime_format(formats[0])) if formats else value.isoformat()
    if not isinstance(value, dt.date):
        return None
    if not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day)  # the hub's days begin in UTC
    moment = value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)
    if unix:
        count = math.floor(moment.timestamp() * (1000 if unix == "unix_ms" else 1))
        back = dt.datetime.fromtimestamp(count / (1000 if unix == "unix_ms" else 1), dt.UTC)
        text = str(count)
    elif formats:
        from zoneinfo import ZoneInfo

        text = moment.astimezone(ZoneInfo(zone)).strftime(strptime_format(formats[0]))
        back = to_utc(written_time(text, formats[:1]), zone)
    else:
        back = moment.replace(microsecond=0)
        text = back.strftime("%Y-%m-%dT%H:%M:%SZ")
    return text if back == moment or (not exact and back < moment) else None
