"""A service as a source: sealed scans become requests, their pages become batches as they arrive."""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator
from typing import Any

import pyarrow as pa

from nabe.adapters.ogc_features.api import Api, ApiInterface, ApiReading, parameters, table_settings
from nabe.adapters.ogc_features.settings import ConnectionSettings, SourceSettings
from nabe.adapters.ogc_features.translate import Known, Property, narrowed
from nabe.adapters.ogc_features.wfs import Reading, Wfs
from nabe.adapting.json_http.paths import Member, parse
from nabe.adapting.json_http.pushdown import asks_nothing, conditions, rows_wanted
from nabe.adapting.json_http.source import Paged, made_table, read_rows
from nabe.adapting.json_http.translate import Table
from nabe.adapting.settings import parsed
from nabe.errors import SourceRefused
from nabe.model.dataset import Dataset, FieldType
from nabe.model.expr import Expr
from nabe.model.query import SealedScan
from nabe.outbound import short
from nabe.ports.source import Batches, Capabilities
from nabe.query.needs import needed_fields

#: Rows guessed for an answer that nobody has seen yet.
_UNKNOWN_ROWS = 1_000
_LOG = logging.getLogger("nabe")


class Service:
    """What an address offers: an OGC API or a WFS; found out at the first question where it is not declared."""

    def __init__(self, interface: ApiInterface, settings: ConnectionSettings) -> None:
        self.interface, self.settings = interface, settings
        self.api, self.wfs = Api(interface, settings), Wfs(interface, settings)
        self._kind: str = "wfs" if settings.version else settings.type
        self._lock = threading.Lock()

    @property
    def kind(self) -> str:
        """`ogcapi` or `wfs`. Raises `SourceUnavailable`, `SourceRefused`."""
        with self._lock:
            if self._kind == "auto":
                self._kind = self._found()
            return self._kind

    def _found(self) -> str:
        try:
            document = self.interface.document("")
        except SourceRefused:
            self.wfs.capabilities()
            return "wfs"
        if isinstance(document, dict) and ("links" in document or "collections" in document):
            return "ogcapi"
        raise SourceRefused(
            self.interface.system,
            "its address is neither an OGC API nor a WFS.",
            hint="Right would be the landing page, or the address before '?request=GetCapabilities'.",
        )

    def check(self) -> None:
        """Does it answer as what it is?"""
        if self.kind == "wfs":
            self.wfs.capabilities()
        else:
            self.api.collections()


class OgcFeaturesSource:
    """One service. It promises nothing (`capabilities`): what the server filters, the hub filters again."""

    capabilities = Capabilities()

    def __init__(self, service: Service) -> None:
        self._service, self._system = service, service.interface.system
        self._rows: dict[str, int] = {}
        self._settings: dict[str, tuple[Dataset, SourceSettings]] = {}
        self._unfiltered: set[str] = set()  # datasets whose server did not take its filter

    def check(self) -> None:
        """Does it answer, and does it take the log-in?"""
        self._service.check()

    def read(self, scan: SealedScan) -> Batches:
        """The rows of a scan, and more where the server does not filter; nothing is asked before the first is taken."""
        source = self._source_of(scan.dataset)
        fields = [field for name in needed_fields(scan, self.capabilities) if (field := scan.dataset.field(name))]
        table = made_table(self._system, fields, table_settings(source, 0))
        if asks_nothing(scan):
            return Batches(table.schema, iter(()))
        following = self._following(scan, source, fields)
        return Batches(table.schema, following, following.close)

    def _following(
        self, scan: SealedScan, source: SourceSettings, fields: list[Any]
    ) -> Generator[pa.RecordBatch, None, None]:
        """The batches. A server that refuses the filter before the first of them is asked without."""
        id, most = scan.dataset.id, rows_wanted(scan)
        size = source.page_size or self._service.settings.page_size
        settings = table_settings(source, size, degrees=self._service.kind == "wfs")
        refused: SourceRefused | None = None
        while True:
            table = made_table(self._system, fields, settings)
            push = source.push_down and id not in self._unfiltered and refused is None
            asked, params, filtered = self._asked(scan, source, table, push)
            rows = read_rows(asked, table, settings, params, most, dataset=id, narrowed=filtered)
            try:
                yield from rows
            except SourceRefused as error:
                if not filtered or table.rows:
                    raise
                refused = error
                continue
            finally:
                rows.close()
            if refused is not None:
                _LOG.warning("system %s, dataset %s: asked without a filter: %s", self._system, id, refused.detail)
                self._unfiltered.add(id)
            if most is None and not filtered:
                self._rows[id] = table.rows
            return

    def _asked(
        self, scan: SealedScan, source: SourceSettings, table: Table, push: bool
    ) -> tuple[Paged, list[tuple[str, str]], bool]:
        """Whom to ask for the pages, with which parameters, and whether they filter."""
        if self._service.kind == "wfs":
            reading = self._reading(scan, source, push)
            schema = self._service.wfs.schema(source.collection)
            if schema:
                for tally in table.tallies:  # what is missing in a feature of GML has no value
                    tally.optional = (
                        tally.optional or tally.column in ("id", "geometry") or _first(tally.column) in schema
                    )
            return reading, [], bool(reading.conditions)
        params = self._params(scan, source) if push else []
        return ApiReading(self._service.interface, source), params, bool(params)

    def _reading(self, scan: SealedScan, source: SourceSettings, push: bool) -> Reading:
        schema = self._service.wfs.schema(source.collection)
        key = [field.source_column for name in scan.dataset.key if (field := scan.dataset.field(name))]
        if not all(name in schema for name in key):  # a feature's own id is no property
            key = []
        found: list[Expr] = []
        if push and conditions(scan):
            known = self._known(scan.dataset, source, schema, "")
            found = [made for part in conditions(scan) if (made := narrowed(part, scan.dataset, known)) is not None]
        return Reading(self._service.wfs, source, found, tuple(key))

    def _params(self, scan: SealedScan, source: SourceSettings) -> list[tuple[str, str]]:
        if not conditions(scan):
            return []
        of = self._service.api.collection(source.collection)
        field = scan.dataset.field(source.time) if source.time else None
        timely = {field.source_column: Property(field.source_column, field.type)} if field else {}
        known = self._known(scan.dataset, source, {**timely, **of.properties}, of.place or "geometry")
        found = [made for part in conditions(scan) if (made := narrowed(part, scan.dataset, known)) is not None]
        return parameters(found, of, field.source_column if field else "")

    def _known(self, dataset: Dataset, source: SourceSettings, properties: Any, place: str) -> Known:
        own = dataset.geometry
        named = own.source_column if own is not None else ""
        places = [item for item in properties.values() if item.type is FieldType.GEOMETRY]
        one = properties.get(named) or (places[0] if len(places) == 1 else None)
        points = source.points or (one is not None and one.point)
        return Known(properties, source.columns, points, one.name if one is not None else place)

    def estimate(self, scan: SealedScan) -> int:
        """As many rows as last time, a third for each condition; a guess before the first time."""
        if asks_nothing(scan):
            return 0
        rows = self._rows.get(scan.dataset.id, _UNKNOWN_ROWS)
        for _ in conditions(scan):
            rows //= 3
        rows = max(rows - scan.offset, 0)
        return rows if scan.limit is None else min(rows, scan.limit)

    def explain(self, scan: SealedScan) -> str:
        """What is asked, without secrets."""
        source = self._source_of(scan.dataset)
        return f"{self._service.settings.type} {short(self._service.settings.url)} {source.collection}"

    def close(self) -> None:
        """Free connections; the source can be used again."""
        self._service.interface.close()

    def _source_of(self, dataset: Dataset) -> SourceSettings:
        known = self._settings.get(dataset.id)
        if known is None or (known[0] is not dataset and known[0] != dataset):
            known = (dataset, parsed(SourceSettings, dataset.source, self._system, "source"))
            self._settings[dataset.id] = known
        return known[1]


def _first(column: str) -> str:
    """The property in which a way begins."""
    steps = parse(column).steps
    return steps[0].name if steps and isinstance(steps[0], Member) else ""
