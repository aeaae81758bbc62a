"""A dataset of a SensorThings service: its requests, and the ways of its columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from nabe.adapters.sensorthings.entities import Way, entity_of, way_of
from nabe.adapters.sensorthings.odata import Wanted, filter_text, literal
from nabe.adapters.sensorthings.settings import Connection, EntitySettings
from nabe.adapters.sensorthings.translate import shaped
from nabe.adapting.json_http.first import wants_first
from nabe.adapting.json_http.interface import Interface
from nabe.adapting.json_http.paths import Row, written
from nabe.adapting.json_http.pushdown import conditions
from nabe.adapting.json_http.reading import Asked
from nabe.adapting.json_http.settings import TableSettings
from nabe.adapting.json_http.source import HttpJsonSource
from nabe.adapting.settings import parsed
from nabe.errors import SourceRefused
from nabe.model.dataset import Dataset, Field, FieldType
from nabe.model.query import SealedScan
from nabe.ports.source import AdapterContext


class EntityReader:
    """Reads one dataset of a service."""

    def __init__(self, system: str, dataset: Dataset) -> None:
        self._dataset = dataset
        self._own = own = parsed(EntitySettings, dataset.source, system, "source")
        self._entity = entity_of(own.entity)
        self._ways = {field.name: self._way(system, field) for field in dataset.fields}
        columns = {}
        for field in dataset.fields:
            way = self._ways[field.name]
            column = own.columns.get(field.source_column)
            given = column.model_dump(exclude_none=True) if column is not None else {}
            columns[written(way.steps)] = {**given, "optional": way.optional or given.get("optional", False)}
        self.settings = TableSettings.model_validate(
            {
                **{name: value for name in _DIALECT if (value := getattr(own, name)) is not None},
                "path": own.entity,
                "rows": "value",
                "page": {
                    "type": "next",
                    "at": "['@iot.nextLink']",
                    "size_param": "$top",
                    "size": own.page_size,
                    "most": own.pages,
                },
                "columns": columns,
                "timezone": own.timezone,
            }
        )

    def ask(self, fields: Sequence[Field], scan: SealedScan | None) -> Asked:
        """$filter, $select, $expand and $orderby."""
        own = self._own
        fixed = [f"({own.filter})"] if own.filter else []
        if own.datastreams:
            name = "Datastream/id" if self._entity == "Observations" else "id"
            fixed.append("(" + " or ".join(f"{name} eq {literal(id)}" for id in own.datastreams) + ")")
        pushed = filter_text(conditions(scan), self._known, own) if scan is not None else ""
        order, wanted = self._order(scan), Wanted()
        for field in fields:
            wanted.add(self._ways[field.name])
        found = {
            "$filter": " and ".join([*fixed, *([pushed] if pushed else [])]),
            "$select": wanted.select() if own.select else "",
            "$expand": own.expand or wanted.expand(own.select),
            "$orderby": own.orderby or order,
        }
        params = tuple((name, text) for name, text in found.items() if text)
        return Asked(params, bool(pushed), ordered=not own.orderby and bool(order), sparse=bool(pushed))

    def field(self, field: Field) -> Field:
        """The field with its way in a record whose times are taken apart."""
        return replace(field, column=written(self._ways[field.name].steps))

    def shaped(self, rows: Iterator[Row], fields: Sequence[Field]) -> Iterator[Row]:
        """The records, times taken apart."""
        ways = [self._ways[field.name] for field in fields]
        numeric = [self._ways[field.name] for field in fields if field.type in (FieldType.INTEGER, FieldType.NUMBER)]
        return shaped(rows, ways, numeric if self._own.results == "number" else (), instants=self._own.instants)

    def _order(self, scan: SealedScan | None) -> str:
        """The scan's order in the words of the service, where both order alike and only the first rows are wanted."""
        if scan is None or not wants_first(scan) or self._entity != "Observations":
            return ""
        found = self._known(scan.order[0].field)
        if found is None:
            return ""
        field, way = found
        name = "phenomenonTime" if way.time and self._own.instants else ""
        name = (
            name if way.member == "phenomenonTime" else "resultTime" if way.time and way.member == "resultTime" else ""
        )
        own = self._own.columns.get(field.source_column)
        told = self._own.date_formats or (own is not None and (own.date_formats or own.constant is not None))
        if not name or way.links or field.type is not FieldType.DATETIME or told or self._own.timezone != "UTC":
            return ""
        return f"{name} {'desc' if scan.order[0].descending else 'asc'}"

    def _known(self, name: str) -> tuple[Field, Way] | None:
        field = self._dataset.field(name)
        return (field, self._ways[name]) if field is not None else None

    def _way(self, system: str, field: Field) -> Way:
        try:
            return way_of(field.source_column, self._entity)
        except ValueError as error:
            raise SourceRefused(
                system, f"field {field.name!r}: column {field.source_column!r}: {error}.", hint="Correct its column."
            ) from None


_DIALECT = ("decimal", "thousands", "date_format", "nulls")


def interface(
    system: str, settings: Connection, context: AdapterContext, secrets: Callable[[str], str], timeout_s: float
) -> Interface:
    """The service's interface; it connects at the first question."""
    return Interface(system, settings, context, secrets, timeout_s)


def source(made: Interface) -> HttpJsonSource:
    """The service as a source."""
    return HttpJsonSource(made, EntityReader)
