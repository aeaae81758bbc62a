"""Which hours of MDS a question is about: what the dataset holds, cut to what the question's conditions leave. Pure."""

from __future__ import annotations

import datetime as dt
import re

from nabe.adapters.mobility.settings import TableSettings
from nabe.adapting.json_http.pushdown import conditions
from nabe.model.dataset import FieldType
from nabe.model.expr import Compare, Op
from nabe.model.query import SealedScan

HOUR = dt.timedelta(hours=1)
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")


def extent(settings: TableSettings, now: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """From which hour to which (not with it) the dataset goes: whole hours that are over."""
    end = now.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
    if not settings.since:
        return end - settings.hours * HOUR, end
    text = settings.since if "T" in settings.since else f"{settings.since}T00"
    return dt.datetime.strptime(text, "%Y-%m-%dT%H").replace(tzinfo=dt.UTC), end


def window(
    settings: TableSettings, column: str, scan: SealedScan | None, now: dt.datetime, *, running: bool = False
) -> tuple[dt.datetime, dt.datetime]:
    """The extent, cut to the hours that can hold wanted rows; end before start: none can.

    `running`: the hour that is not over belongs to it, too.
    """
    start, end = extent(settings, now)
    if running:
        end = now.astimezone(dt.UTC)
    for part in conditions(scan) if scan is not None else ():
        if not isinstance(part, Compare) or not _is_moment(scan, part.field, column, settings):
            continue
        value = _moment(part.value)
        if value is None:
            continue
        hour = value.replace(minute=0, second=0, microsecond=0)
        if part.op in (Op.GE, Op.GT, Op.EQ):
            start = max(start, hour)
        if part.op in (Op.LE, Op.EQ):
            end = min(end, hour + HOUR)
        if part.op is Op.LT:
            end = min(end, hour if value == hour else hour + HOUR)
    return start, end


def wanted_id(column: str, scan: SealedScan | None) -> str:
    """The one id that is wanted, if the question says so and it can stand in an address."""
    for part in conditions(scan) if scan is not None else ():
        if isinstance(part, Compare) and part.op is Op.EQ and scan is not None:
            field = scan.dataset.field(part.field)
            if field is not None and field.source_column == column and field.type is FieldType.STRING:
                if isinstance(part.value, str) and _ID.fullmatch(part.value):
                    return part.value
    return ""


def _is_moment(scan: SealedScan | None, name: str, column: str, settings: TableSettings) -> bool:
    """Is this the field of the moment by which hours are told, read as the standard writes it?"""
    field = scan.dataset.field(name) if scan is not None else None
    return (
        field is not None
        and field.type is FieldType.DATETIME
        and field.source_column == column
        and column not in settings.columns
    )


def _moment(value: object) -> dt.datetime | None:
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)
    if isinstance(value, dt.date):  # the hub's days begin in UTC
        return dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    return None
