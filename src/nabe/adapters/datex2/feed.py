"""One feed: publications fetched as snapshots (unchanged ones are not sent again), or read from a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from nabe.adapters.datex2.settings import SystemSettings, TableSettings
from nabe.adapters.datex2.translate import records
from nabe.adapting.json_http.interface import Body, Interface, Page
from nabe.adapting.json_http.paths import Row
from nabe.adapting.json_http.reading import PlainReader
from nabe.adapting.json_http.settings import TableSettings as HttpTable
from nabe.adapting.json_http.source import HttpJsonSource
from nabe.adapting.json_http.stream import Envelope
from nabe.adapting.places import Folder, Place
from nabe.adapting.xml.markup import XmlFile, XmlStream
from nabe.adapting.xml.web import xml_only
from nabe.model.query import SealedScan
from nabe.outbound import Answer, Client, named, short
from nabe.ports.source import AdapterContext


class Feed(Interface):
    """Where the publications of one system come from."""

    accept = "application/xml, text/xml, */*;q=0.5"

    def __init__(
        self,
        system: str,
        settings: SystemSettings,
        context: AdapterContext,
        secrets: Callable[[str], str],
        timeout_s: float,
        **more: Any,
    ) -> None:
        super().__init__(system, settings, context, secrets, timeout_s, **more)
        self.folder = Folder(system, context.root, settings.location) if settings.location else None

    def check(self) -> None:
        """Does it answer, is the folder there?"""
        if self.folder is not None:
            self.folder.check()
        else:
            super().check()

    def pages(self, settings: HttpTable, pushed: list[tuple[str, str]], size: int = 0) -> Iterator[Page]:
        """Each publication is one page."""
        assert isinstance(settings, TableSettings)
        if self.folder is not None:
            for place in self.places(settings.path):
                rows = _rows(records(self.system, XmlFile(place.path, place.shown), settings))
                yield Page(Body(place.shown, {}, iter(()), None), rows, Envelope(None, found=True))
            return
        body = self._ask(self.start(settings, []))
        try:
            document = XmlStream(body.chunks(), named(body.url))
            yield Page(body, _rows(records(self.system, document, settings)), Envelope(None, found=True))
        finally:
            body.close()

    def places(self, path: str) -> list[Place]:
        """The files of a path or pattern in the folder; the system's own, or every *.xml, if there is no path."""
        assert self.folder is not None and isinstance(self.settings, SystemSettings)
        return self.folder.find(path or self.settings.path or "*.xml")

    def document(self, settings: TableSettings) -> XmlFile | XmlStream:
        """The first publication, to look into."""
        if self.folder is not None:
            place = self.places(settings.path)[0]
            return XmlFile(place.path, place.shown)
        body = self._ask(self.start(settings, []))
        return XmlStream(body.chunks(), named(body.url))

    def _vetted(self, client: Client, url: str, answer: Answer, kind: str) -> Iterator[bytes]:
        """The body, refused if it begins as a web page does, or not as XML."""
        return xml_only(client, url, answer)


class _Reader(PlainReader):
    """A publication's records."""

    kind = TableSettings


class Datex2Source(HttpJsonSource):
    """A feed as a source. It promises nothing: a snapshot has all rows."""

    def __init__(self, feed: Feed) -> None:
        super().__init__(feed, _Reader)
        self._feed = feed

    def explain(self, scan: SealedScan) -> str:
        """What is read, without secrets."""
        settings = self._reader_of(scan.dataset).settings
        if self._feed.folder is not None:
            return f"{settings.path or 'the files'} of the folder"
        return f"GET {short(self._feed.start(settings, []))}"


def _rows(found: Iterator[dict[str, Any]]) -> Iterator[Row]:
    for number, record in enumerate(found):
        yield Row(record, number)
