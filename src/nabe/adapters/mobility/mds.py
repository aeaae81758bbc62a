"""MDS 2.0, as providers serve it and agencies give it back: vehicles, trips hour by hour, events, stops, zones, reports."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from nabe.adapters.mobility.feeds import Feeds, Kept
from nabe.adapters.mobility.gbfs import seconds
from nabe.adapters.mobility.opened import Opened, elements, in_parts, json_maker, told, unknown_table
from nabe.adapters.mobility.settings import TableSettings
from nabe.adapters.mobility.spec import SpecTable, tables
from nabe.adapters.mobility.texttable import TextTable, Unreadable, read
from nabe.adapters.mobility.translate import Record, geography, geography_features, instant, mds_record
from nabe.adapters.mobility.windows import HOUR, wanted_id, window
from nabe.adapting.json_http.paging import Elsewhere, Endless, Pages, with_params
from nabe.adapting.json_http.paths import Row
from nabe.adapting.json_http.settings import Paging
from nabe.adapting.json_http.stream import Envelope
from nabe.errors import SourceRefused
from nabe.model.dataset import Field
from nabe.model.query import SealedScan

#: An hour that is not there (the provider did not work then) and one whose data come later (MDS: Trips - Responses).
_NO_HOUR = frozenset({202, 404})
#: Statuses of an endpoint that a provider does not have.
_NOT_THERE = frozenset({400, 404, 405, 406, 501})
_RECENT = dt.timedelta(days=14) - dt.timedelta(minutes=5)
_REPORT = re.compile(r"(.*report.*|[0-9]{4}-[0-9]{2})\.csv", re.IGNORECASE)
_MADE: dict[str, Callable[[Any], Iterator[Record]]] = {
    "geographies": lambda item: iter((geography(item),)),
    "geography_features": geography_features,
}
_PAGED = Paging(type="next", at="links.next")


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a page says: where its records are, and the rest of it."""

    way: str
    rest: Any
    rows: int
    digest: str


class Mds:
    """The endpoints below one address, or their answers in a folder."""

    kind = "mds"

    def __init__(self, feeds: Feeds, now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)) -> None:
        self._feeds, self._now = feeds, now
        self.system = feeds.system
        self._spec = tables("mds")

    def check(self) -> None:
        """Does the server answer, or is the folder there?"""
        if self._feeds.local is not None:
            self._feeds.local.check()
        elif self._feeds.interface is not None:
            self._feeds.interface.check()

    def tables(self) -> list[str]:
        """Endpoints that answer."""
        return [name for name, spec in self._spec.items() if self._is_there(name, spec)]

    def notes(self, table: str) -> list[str]:
        """What is withheld, which hours are asked for, what can be told of persons."""
        spec, found = self._spec[table], []
        if spec.more.get("withheld"):
            found.append(
                "-1 says that fewer than ten (or none) were counted: read as no value, told by ..._withheld. Sums are "
                "then too small; do not work the withheld numbers out from sums and differences."
            )
        if "hour" in spec.more or "span" in spec.more:
            found.append(
                f"The dataset holds whole hours that are over: of the last source.hours, or from source.since on; at most "
                f"{TableSettings.MOST_HOURS} at once, narrowed by conditions on {self._column(spec)}."
            )
        personal = [item.name for item in spec.fields.values() if item.personal]
        if personal:
            found.append(
                f"{', '.join(personal)} tell of movements of persons even without names: restricted, for a purpose, and "
                "never longer than it needs."
            )
        return found

    def asks(self, settings: TableSettings, scan: SealedScan) -> str:
        """The endpoint, and for how many hours or for which id."""
        found = f"MDS {settings.table} of {self._feeds.place}"
        spec = self._spec.get(settings.table)
        if spec is None or self._feeds.local is not None:
            return found
        if "hour" in spec.more:
            start, end = window(settings, spec.more["hour"][1], scan, self._now())
            return f"{found}, {max(int((end - start) / HOUR), 0)} hours by {spec.more['hour'][0]}"
        return f"{found}, one {spec.more['one']}" if wanted_id(spec.more.get("one", ""), scan) else found

    def open(self, settings: TableSettings, fields: Sequence[Field], scan: SealedScan | None) -> Opened:
        """The rows of a table; asked for page by page, hour by hour, when the first is taken."""
        spec = self._spec.get(settings.table)
        if spec is None:
            raise unknown_table(self.system, settings.table, self._spec)
        if spec.name == "reports":
            withheld = spec.more["withheld"]
            texts = TextTable(fields, spec.fields, settings.columns, settings.timezone, withheld=withheld)
            return Opened(texts, self._reports(settings))
        maker = json_maker(self.system, fields, spec, settings, times="unix_ms")
        return Opened(maker, self._parts(spec, settings, scan))

    def close(self) -> None:
        """Free connections."""
        self._feeds.close()

    def _parts(
        self, spec: SpecTable, settings: TableSettings, scan: SealedScan | None
    ) -> Generator[list[Row], None, None]:
        """The records of each page as soon as it is there. A page without any is a part, too: it shows that the
        provider answers, however many hours of a span are empty."""
        make: Callable[[Any], Iterator[Record]] = _MADE.get(spec.name, lambda item: iter((mds_record(item),)))
        for kept in self._documents(spec, settings, scan):
            some = False
            items = elements(kept.body, kept.facts.way, Envelope()) if kept is not None else iter(())
            for part in in_parts(record for item in items for record in make(item)):
                some = True
                yield part
            if not some:
                yield []

    def _documents(self, spec: SpecTable, settings: TableSettings, scan: SealedScan | None) -> Iterator[Kept | None]:
        local = self._feeds.local
        if local is not None:
            name = settings.file or f"{spec.more['path'].replace('/', '_')}.json"
            body = local.read(name)
            yield Kept(name, body, self._look(spec, name)(body)[0], dt.datetime.now(dt.UTC), 0.0)
            return
        for address, absent in self._addresses(spec, settings, scan):
            yield from self._pages(spec, address, absent)

    def _addresses(
        self, spec: SpecTable, settings: TableSettings, scan: SealedScan | None
    ) -> Iterator[tuple[str, frozenset[int]]]:
        fixed = [
            (name, str(value).lower() if isinstance(value, bool) else str(value))
            for name, value in settings.params.items()
        ]
        more, absent = spec.more, frozenset[int]()
        path = str(more["path"])
        if "one" in more and (id := wanted_id(more["one"], scan)):
            path, absent = f"{path}/{id}", frozenset({404})
        address = with_params(self._address(path), fixed)
        if "hour" in more:
            param, column = more["hour"]
            start, end = self._hours(settings, column, scan)
            while start < end:
                yield with_params(address, [(param, start.strftime("%Y-%m-%dT%H"))]), _NO_HOUR
                start += HOUR
        elif "span" in more:
            first, last, column = more["span"]
            start, end = window(settings, column, scan, self._now(), running=True)
            start = max(start, self._now() - _RECENT)
            if start < end:
                span = [(first, str(int(start.timestamp() * 1000))), (last, str(int(end.timestamp() * 1000)))]
                yield with_params(address, span), absent
        else:
            yield address, absent

    def _hours(self, settings: TableSettings, column: str, scan: SealedScan | None) -> tuple[dt.datetime, dt.datetime]:
        start, end = window(settings, column, scan, self._now())
        if (end - start) / HOUR > settings.MOST_HOURS:
            raise SourceRefused(
                self.system,
                f"{settings.table}: more than {settings.MOST_HOURS} hours would have to be asked for.",
                hint=f"Narrow the question by {column}, or the dataset by source.hours.",
                field=column,
            )
        return start, end

    def _pages(self, spec: SpecTable, address: str, absent: frozenset[int]) -> Iterator[Kept | None]:
        pages = Pages(_PAGED, address)
        url = pages.first()
        while url:
            kept = self._feeds.get(
                url, self._look(spec, spec.name), accept=self._accept("application/vnd.mds+json"), absent=absent
            )
            if kept is None:
                yield None
                return
            self._feeds.too_old(spec.name, instant(kept.facts.rest.get("last_updated")))
            yield kept
            try:
                url = pages.next(url, kept.facts.rest, {}, kept.facts.rows, kept.facts.digest)
            except (Endless, Elsewhere) as error:
                raise SourceRefused(self.system, f"{spec.name}: {error}.", hint="Ask its operator.") from None

    def _look(self, spec: SpecTable, name: str) -> Callable[[bytes], tuple[_Facts, float]]:
        def look(body: bytes) -> tuple[_Facts, float]:
            for way in spec.more["rows"]:
                envelope = Envelope()
                with told(self.system, name):
                    rows = sum(1 for _ in elements(body, way, envelope))
                if envelope.found:
                    rest = envelope.document if isinstance(envelope.document, dict) else {}
                    facts = _Facts(way, rest, rows, hashlib.blake2b(body, digest_size=16).hexdigest())
                    return facts, seconds(rest.get("ttl"), 0.001)  # MDS counts it in milliseconds
            first = spec.more["rows"][0].removesuffix("[*]")
            raise SourceRefused(self.system, f"{name} has nothing at {first!r}.", hint="Is it an endpoint of MDS?")

        return look

    def _reports(self, settings: TableSettings) -> Generator[pa.RecordBatch, None, None]:
        """The monthly files, one after the other."""
        for name, body in self._report_files(settings):
            try:
                yield from read(io.BytesIO(body))[1]
            except Unreadable as error:
                raise SourceRefused(self.system, f"{name}: {error}.", hint="Ask its operator.", file=name) from None

    def _report_files(self, settings: TableSettings) -> Iterator[tuple[str, bytes]]:
        local = self._feeds.local
        if local is not None:
            for name in [settings.file] if settings.file else [n for n in local.names() if _REPORT.fullmatch(n)]:
                yield name, local.read(name)
            return
        accept = self._accept("text/vnd.mds+csv")
        month = self._now().astimezone(dt.UTC).replace(day=1)
        months = []
        for _ in range(settings.months):
            month = (month - dt.timedelta(days=1)).replace(day=1)
            months.append(month.strftime("%Y-%m"))
        for name in reversed(months):
            url = self._address(f"reports/{name}.csv")
            kept = self._feeds.get(url, lambda _: (None, 0.0), accept=accept, kind="CSV", absent=frozenset({404}))
            if kept is not None:
                yield f"{name}.csv", kept.body

    def _is_there(self, name: str, spec: SpecTable) -> bool:
        local = self._feeds.local
        if local is not None:
            names = local.names()
            if name == "reports":
                return any(_REPORT.fullmatch(item) for item in names)
            return f"{spec.more['path'].replace('/', '_')}.json" in names
        settings = TableSettings(table=name, hours=1, months=2)
        if name == "reports":
            return next(self._report_files(settings), None) is not None
        for address, _ in self._addresses(spec, settings, None):
            accept = self._accept("application/vnd.mds+json")
            return self._feeds.get(address, self._look(spec, name), accept=accept, absent=_NOT_THERE) is not None
        return False

    def _accept(self, media: str) -> str:
        return f"{media};version={self._feeds.settings.version}"

    def _address(self, path: str) -> str:
        assert self._feeds.interface is not None
        return self._feeds.interface.address(path)

    @staticmethod
    def _column(spec: SpecTable) -> str:
        return str((spec.more.get("hour") or spec.more["span"])[-1])
