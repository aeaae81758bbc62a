"""The entities of a type as a dataset: its requests, and the ways of its columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from nabe.adapters.ngsi_ld.query import geo, ids, q_text
from nabe.adapters.ngsi_ld.settings import Connection, EntitySettings
from nabe.adapters.ngsi_ld.translate import Form, attribute_of, shaped, steps_of
from nabe.adapting.json_http.interface import Interface
from nabe.adapting.json_http.paths import Member, Row, written
from nabe.adapting.json_http.pushdown import conditions
from nabe.adapting.json_http.reading import Asked
from nabe.adapting.json_http.settings import TableSettings
from nabe.adapting.json_http.source import HttpJsonSource
from nabe.adapting.settings import parsed
from nabe.errors import SourceRefused
from nabe.model.dataset import Dataset, Field, FieldType
from nabe.model.query import SealedScan
from nabe.ports.source import AdapterContext

_DIALECT = ("decimal", "thousands", "date_format", "nulls")
_SYSTEM = frozenset({"createdAt", "modifiedAt", "deletedAt"})


class EntityReader:
    """Reads the entities of one dataset from a broker."""

    def __init__(self, connection: Connection, system: str, dataset: Dataset) -> None:
        self._dataset, self._api = dataset, connection.api
        self._own = own = parsed(EntitySettings, dataset.source, system, "source")
        self._columns = {field.name: self._column(system, field) for field in dataset.fields}
        self._simple = own.representation == "keyValues"
        self._filterable = {
            field.name: (name, field.type) for field in dataset.fields if (name := self._may_filter(field))
        }
        strict = {name: kind for name, kind in self._filterable.values()}
        places = frozenset(f.source_column for f in dataset.fields if f.type is FieldType.GEOMETRY)
        self._form = Form(self._api, self._simple, own.language, strict, places)
        columns = {
            self._columns[field.name]: own.columns[field.source_column].model_dump(exclude_none=True)
            for field in dataset.fields
            if field.source_column in own.columns
        }
        header = "NGSILD-Results-Count" if self._api == "ngsi-ld" else "Fiware-Total-Count"
        self.settings = TableSettings.model_validate(
            {
                **{name: value for name in _DIALECT if (value := getattr(own, name)) is not None},
                "path": connection.path("entities"),
                "page": {
                    "type": "offset",
                    "param": "offset",
                    "size_param": "limit",
                    "size": own.page_size,
                    "total_header": header,
                    "short_pages": True,
                    "most": own.pages,
                },
                "columns": columns,
                "timezone": own.timezone,
            }
        )

    def ask(self, fields: Sequence[Field], scan: SealedScan | None) -> Asked:
        """type, q, geo-query, ids, attrs and options."""
        own = self._own
        parts = conditions(scan) if scan is not None else ()
        pushed = q_text(parts, self._filterable, self._api)
        box = [] if own.georel or not own.points else self._box(parts)
        by_id = self._ids(parts)
        fixed = {
            "type": own.type,
            "id": ",".join(own.ids or by_id),
            "q": ";".join(filter(None, (f"({own.q})" if "|" in own.q else own.q, pushed))),
            "scopeQ": own.scope,
            "attrs": ",".join(own.attrs or self._attributes(fields)),
            "georel": own.georel,
            "geometry": own.geometry,
            "coords" if self._api == "ngsi-v2" else "coordinates": own.coordinates,
            "geoproperty": own.geoproperty,
            **self._options(fields),
        }
        params = (*((name, text) for name, text in fixed.items() if text), *box)
        narrowed = bool(pushed or box or (by_id and not own.ids))
        return Asked(params, narrowed, sparse=narrowed)

    def field(self, field: Field) -> Field:
        """The field with its way in an entity of the common form."""
        return replace(field, column=self._columns[field.name])

    def shaped(self, rows: Iterator[Row], fields: Sequence[Field]) -> Iterator[Row]:
        """The entities in the common form."""
        return shaped(rows, self._form)

    def _options(self, fields: Sequence[Field]) -> dict[str, str]:
        options: list[str] = [self._own.representation] if self._own.representation != "normalized" else []
        if self._api == "ngsi-v2":
            return {"options": ",".join([*options, "count"])}
        ways = (steps_of(field.source_column) for field in fields)
        if any(isinstance(step, Member) and step.name in _SYSTEM for way in ways for step in way):
            options.append("sysAttrs")
        return {"options": ",".join(options), "count": "true"}

    def _attributes(self, fields: Sequence[Field]) -> list[str]:
        """Only what is read. NGSI-LD has no way to ask for it that does not leave entities out."""
        if self._api == "ngsi-ld":
            return []
        names = dict.fromkeys(attribute_of(field.source_column, self._api) for field in fields)
        return [] if any("," in name for name in names) else [name for name in names if name]

    def _ids(self, parts: Sequence[object]) -> tuple[str, ...]:
        field = next((field for field in self._dataset.fields if field.source_column == "id"), None)
        plain = field is not None and field.type is FieldType.STRING and field.source_column not in self._own.columns
        return ids(parts, field.name, self._api) if plain and field is not None else ()  # type: ignore[arg-type]

    def _box(self, parts: Sequence[object]) -> list[tuple[str, str]]:
        field = self._dataset.geometry
        name = field.source_column if field is not None else ""
        plain = attribute_of(name, self._api) == name if field is not None else False
        if not plain or (self._api == "ngsi-v2" and name != "location"):
            return []  # in NGSI v2 an entity has one place to ask by
        return geo(parts, field, name, self._api)  # type: ignore[arg-type]

    def _may_filter(self, field: Field) -> str:
        """The attribute that the broker may filter by for this field, or nothing."""
        name = attribute_of(field.source_column, self._api)
        column = self._own.columns.get(field.source_column)
        told = column is not None and (column.constant is not None or column.join is not None or column.date_formats)
        is_time = field.type in (FieldType.DATE, FieldType.DATETIME)
        if self._simple or name != field.source_column or name not in self._own.filterable or told:
            return ""  # values alone do not tell what the broker compares
        if field.type is FieldType.GEOMETRY or (is_time and self._own.date_formats):
            return ""
        same = [other for other in self._dataset.fields if other.source_column == name and other.type is not field.type]
        return "" if same else name

    def _column(self, system: str, field: Field) -> str:
        try:
            return written(steps_of(field.source_column, self._api))
        except ValueError as error:
            raise SourceRefused(
                system, f"field {field.name!r}: column {field.source_column!r} {error}.", hint="Correct its column."
            ) from None


def reader(connection: Connection) -> Callable[[str, Dataset], EntityReader]:
    """Makes the readers of a broker's datasets."""
    return lambda system, dataset: EntityReader(connection, system, dataset)


def interface(
    system: str, settings: Connection, context: AdapterContext, secrets: Callable[[str], str], timeout_s: float
) -> Interface:
    """The broker's interface; it connects at the first question."""
    return Interface(system, settings.system(), context, secrets, timeout_s)


def source(made: Interface, settings: Connection) -> HttpJsonSource:
    """The broker as a source."""
    return HttpJsonSource(made, reader(settings))
