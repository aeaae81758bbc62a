"""A table of a portal: its requests, and the ways of its columns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from nabe.adapters.ckan.settings import Connection, PortalSettings
from nabe.adapters.ckan.translate import entries, judged
from nabe.adapting.json_http import bounds
from nabe.adapting.json_http.interface import Interface
from nabe.adapting.json_http.paths import Row, parse, written
from nabe.adapting.json_http.pushdown import conditions
from nabe.adapting.json_http.reading import Asked
from nabe.adapting.json_http.settings import TableSettings
from nabe.adapting.json_http.source import HttpJsonSource
from nabe.adapting.settings import parsed
from nabe.errors import SourceRefused
from nabe.model.dataset import Dataset, Field, FieldType
from nabe.model.expr import Compare, Expr, In, Op
from nabe.model.query import SealedScan
from nabe.ports.source import AdapterContext

ACTION = "api/3/action"
#: (table, how packages are listed) -> action, rows in the answer, parameters of a page, where the total stands.
_REQUESTS: dict[tuple[str, str], tuple[str, str, str, str, str]] = {
    ("packages", "search"): ("package_search", "result.results", "start", "rows", "result.count"),
    ("resources", "search"): ("package_search", "result.results[*].resources[*]", "start", "rows", "result.count"),
    ("packages", "current"): ("current_package_list_with_resources", "result", "offset", "limit", ""),
    ("resources", "current"): ("current_package_list_with_resources", "result[*].resources[*]", "offset", "limit", ""),
    ("organizations", ""): ("organization_list", "result", "offset", "limit", ""),
    ("", ""): ("datastore_search", "result.records", "offset", "limit", "result.total"),
}
_DIALECT = ("decimal", "thousands", "date_format", "nulls")
_FILTERED = (FieldType.STRING, FieldType.INTEGER, FieldType.BOOLEAN)
_MOST_VALUES = 100


class PortalReader:
    """Reads one table of a portal."""

    def __init__(self, system: str, dataset: Dataset) -> None:
        self._own = own = parsed(PortalSettings, dataset.source, system, "source")
        ways = {field.name: self._way(system, field) for field in dataset.fields}
        self._ways = ways
        self._filterable = {
            field.name: field
            for field in dataset.fields
            if field.source_column in own.filterable and field.type in _FILTERED and self._is_plain(field, dataset)
        }
        columns = {
            ways[field.name]: own.columns[field.source_column].model_dump(exclude_none=True)
            for field in dataset.fields
            if field.source_column in own.columns
        }
        action, rows, offset, limit, total = _REQUESTS[own.table, own.listed if own.table in _LISTED else ""]
        self._action = action
        page = {"type": "offset", "param": offset, "size_param": limit, "size": own.page_size, "short_pages": True}
        self.settings = TableSettings.model_validate(
            {
                **{name: value for name in _DIALECT if (value := getattr(own, name)) is not None},
                "path": f"{ACTION}/{action}",
                "rows": rows,
                "page": {**page, "total": total, "most": own.pages},
                "columns": columns,
                "timezone": own.timezone,
                "crs": own.crs,
                "x": written((own.x,)) if own.x else "",
                "y": written((own.y,)) if own.y else "",
            }
        )

    def ask(self, fields: Sequence[Field], scan: SealedScan | None) -> Asked:
        """Which resource, filters, search and order."""
        own = self._own
        found: dict[str, str] = {"resource_id": own.resource, "q": own.q, "fq": own.fq}
        pushed = self._pushed(conditions(scan)) if scan is not None and own.resource else {}
        filters = {**pushed, **own.filters}
        if filters:
            found["filters"] = json.dumps(filters, ensure_ascii=False)
        if self._action in ("package_search", "datastore_search"):
            usual = "_id asc" if own.resource else "id asc"
            found["sort"] = "" if own.sort == "-" else own.sort or usual
        if own.table == "organizations":
            found["all_fields"] = "true"
        return Asked(tuple((name, text) for name, text in found.items() if text), bool(pushed))

    def field(self, field: Field) -> Field:
        """The field with its way in an entry."""
        if field.type is FieldType.GEOMETRY and self._own.x and not field.column:
            return field
        return replace(field, column=self._ways[field.name])

    def shaped(self, rows: Iterator[Row], fields: Sequence[Field]) -> Iterator[Row]:
        """The entries made fit."""
        if self._own.table:
            return entries(rows)
        strict = {field.source_column: field.type for field in self._filterable.values()}
        return judged(rows, strict) if strict else rows

    def _pushed(self, parts: Sequence[Expr]) -> dict[str, Any]:
        """Column -> value or values that the rows wanted have; the portal knows no other filters."""
        found: dict[str, Any] = {}
        for part in parts:
            if not isinstance(part, (Compare, In)) or part.field not in self._filterable:
                continue
            field = self._filterable[part.field]
            name = field.source_column
            if name in found or name in self._own.filters or (isinstance(part, Compare) and part.op is not Op.EQ):
                continue
            values = [_value(item, field.type) for item in (part.values if isinstance(part, In) else (part.value,))]
            if values and len(values) <= _MOST_VALUES and all(value is not None for value in values):
                found[name] = values[0] if len(values) == 1 else values
        return found

    def _is_plain(self, field: Field, dataset: Dataset) -> bool:
        """Read as it comes, and by all fields of its column alike?"""
        own = self._own.columns.get(field.source_column)
        same = {other.type for other in dataset.fields if other.source_column == field.source_column}
        return len(same) == 1 and (own is None or (own.constant is None and own.join is None))

    def _way(self, system: str, field: Field) -> str:
        if self._own.resource:
            return written((field.source_column,))
        try:
            parse(field.source_column)
        except ValueError as error:
            raise SourceRefused(
                system, f"field {field.name!r}: column {field.source_column!r} {error}.", hint="Correct its column."
            ) from None
        return field.source_column


_LISTED = ("packages", "resources")


def _value(value: object, kind: FieldType) -> Any:
    """The value as the portal compares it; None if it cannot."""
    if kind is FieldType.STRING:
        return bounds.text_of(value) if isinstance(value, str) else None
    if kind is FieldType.BOOLEAN:
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if float(value).is_integer() and abs(value) < 2**31 else None


def interface(
    system: str, settings: Connection, context: AdapterContext, secrets: Callable[[str], str], timeout_s: float
) -> Interface:
    """The portal's interface; it connects at the first question."""
    if not settings.check_path:
        settings = settings.model_copy(update={"check_path": f"{ACTION}/package_list"})
    return Interface(system, settings, context, secrets, timeout_s)


def source(made: Interface) -> HttpJsonSource:
    """The portal as a source."""
    return HttpJsonSource(made, PortalReader)
