"""A Web Feature Service: its capabilities, the schema of a type, and features page by page."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nabe.adapters.ogc_features.answers import guard, shown, without_reports
from nabe.adapters.ogc_features.documents import (
    Capabilities,
    FeatureType,
    capabilities,
    exception,
    schema,
    tree,
)
from nabe.adapters.ogc_features.features import Features, FeatureStream, failed
from nabe.adapters.ogc_features.fes import Language, written_filter
from nabe.adapters.ogc_features.repeats import Repeats
from nabe.adapters.ogc_features.settings import ConnectionSettings, SourceSettings
from nabe.adapters.ogc_features.translate import Property
from nabe.adapting.axes import crs_of, is_degrees
from nabe.adapting.json_http.interface import Body, Interface, Page
from nabe.adapting.json_http.paging import with_params
from nabe.adapting.json_http.paths import Each, Member, Row
from nabe.adapting.json_http.settings import TableSettings
from nabe.adapting.json_http.stream import Broken, Cut, Envelope, TooLarge, records, utf8
from nabe.errors import NabeError, SourceRefused, SourceUnavailable
from nabe.model.expr import Expr
from nabe.query.needs import has_bbox

#: Seconds for which it is believed what a service says of itself.
_KEPT_S = 3_600.0
_VERSIONS = "2.0.0,1.1.0"
_MOST_DOCUMENT = 64_000_000
#: Filters that are longer do not fit into every server's address.
_LONGEST_FILTER = 3_000
#: Features from which the order of coordinates is told.
_LOOKED_AT = 20
_LOG = logging.getLogger("nabe")


class Wfs:
    """One service, used by several threads; what it says of itself is asked once an hour."""

    def __init__(self, interface: Interface, settings: ConnectionSettings) -> None:
        self.interface, self.settings, self.system = interface, settings, interface.system
        self._capabilities: Capabilities | None = None
        self._until = 0.0
        self._schemas: dict[str, dict[str, Property]] = {}
        self._orders: dict[tuple[str, str], tuple[str, bool]] = {}
        self._lock = threading.Lock()

    def capabilities(self) -> Capabilities:
        """What the service offers. Raises `SourceUnavailable`, `SourceRefused`."""
        with self._lock:
            if self._capabilities is None or time.monotonic() >= self._until:
                wanted = self.settings.version or _VERSIONS
                params = {"service": "WFS", "request": "GetCapabilities", "acceptversions": wanted}
                root, spaces = self._document(params)
                if root.name != "WFS_Capabilities":
                    raise SourceRefused(
                        self.system,
                        f"its address answers with {root.name[:60]!r} instead of a WFS's capabilities.",
                        hint="Check the url; it is that of a WFS or of an OGC API.",
                    )
                found = capabilities(root, spaces)
                if found.version.startswith("1.0"):
                    raise SourceRefused(
                        self.system,
                        "it speaks WFS 1.0.0 only.",
                        hint="Right would be 1.1.0 or 2.0.0; ask its operator.",
                    )
                self._capabilities, self._schemas, self._orders = found, {}, {}
                self._until = time.monotonic() + _KEPT_S
            return self._capabilities

    @property
    def version(self) -> str:
        """The version that is spoken."""
        return self.settings.version or ("1.1.0" if self.capabilities().version.startswith("1.") else "2.0.0")

    def type(self, name: str) -> FeatureType:
        """The feature type of this name. `SourceRefused` says which there are."""
        found = self.capabilities().find(name)
        if found is None:
            there = ", ".join(list(self.capabilities().types)[:10])
            raise SourceRefused(
                self.system,
                f"there is no feature type {name!r}.",
                hint=f"There are: {there}." if there else "It lists none; perhaps it wants a log-in.",
                field="collection",
            )
        return found

    def schema(self, name: str) -> Mapping[str, Property]:
        """The properties of a type; empty if the service does not say them."""
        with self._lock:
            known = self._schemas.get(name)
        if known is None:
            of = self.type(name)
            params = self.named(of) | {"typename": of.name}
            try:
                root, _ = self._document(
                    {"service": "WFS", "request": "DescribeFeatureType", "version": self.version} | params
                )
                known = schema(root, of.name)
            except SourceRefused as error:
                _LOG.warning("system %s: the schema of %s is not to be had: %s", self.system, of.name, error.detail)
                known = {}
            with self._lock:
                self._schemas[name] = known
        return known

    def order(self, name: str, crs: str, reading: Reading) -> tuple[str, bool]:
        """How the service writes the places of a type, by `reading` some; asked once."""
        with self._lock:
            known = self._orders.get((name, crs))
        if known is None:
            known = reading.seen_order()
            with self._lock:
                self._orders[name, crs] = known
        return known

    def named(self, of: FeatureType) -> dict[str, str]:
        """The parameters that name a type, with its namespace."""
        space = self.capabilities().spaces.get(of.prefix, "") if of.prefix else ""
        if self.version.startswith("2"):
            return {"typenames": of.name} | ({"namespaces": f"xmlns({of.prefix},{space})"} if space else {})
        return {"typename": of.name} | ({"namespace": f"xmlns({of.prefix}={space})"} if space else {})

    def body(self, params: Mapping[str, str]) -> Body:
        """The answer to a request."""
        url = with_params(self.interface.address(""), list(params.items()))
        return self.interface.body(url, "application/xml, text/xml;q=0.9, */*;q=0.5", guard)

    def _document(self, params: Mapping[str, str]) -> tuple[Any, dict[str, str]]:
        body = self.body(params)

        def bounded() -> Iterator[bytes]:
            for chunk in body.chunks():
                if body.read > _MOST_DOCUMENT:
                    raise SourceRefused(
                        self.system,
                        f"{params['request']} gives more than {_MOST_DOCUMENT // 1_000_000} MB.",
                        hint="Ask its operator.",
                    )
                yield chunk

        try:
            root, spaces = tree(self.system, f"{shown(body.url)} {params['request']}", bounded())
        finally:
            body.close()
        if said := exception(root):
            raise failed(self.system, f"{shown(body.url)} {params['request']}", said)
        return root, spaces


@dataclass(slots=True)
class Reading:
    """One question to a type; goes from page to page (`read_rows` takes it for an interface)."""

    service: Wfs
    source: SourceSettings
    conditions: list[Expr] = field(default_factory=list)
    key: tuple[str, ...] = ()
    features: Features = field(init=False)
    system: str = field(init=False)
    place: str = ""

    def __post_init__(self) -> None:
        self.system = self.service.system
        self.features = Features(self.system, crs=self.source.crs, axes=self.source.axes)

    def srs(self) -> str:
        """The reference system that is asked for, as the server spells it; empty: its usual one."""
        if not self.source.crs:
            return ""
        offered = self.service.type(self.source.collection).crs
        return next(
            (said for said in offered if crs_of(said) == self.source.crs),
            f"urn:ogc:def:crs:{self.source.crs.replace(':', '::', 1)}",
        )

    def filter(self) -> str:
        """The conditions as the server reads them."""
        of = self.service.type(self.source.collection)
        space = self.service.capabilities().spaces.get(of.prefix, "")
        srs, yx = self._order() if any(has_bbox(part) for part in self.conditions) else ("", False)
        language = Language(self.service.version, of.prefix if space else "", space, srs, yx)
        text = written_filter(self.conditions, language)
        return text if len(text) <= _LONGEST_FILTER else ""

    def _order(self) -> tuple[str, bool]:
        """The reference system in which boxes are asked for, as the server spells it, and whether it means the north first.

        As declared; else as the server writes places itself, where that can be told from them. Empty: nobody knows.
        """
        of = self.service.type(self.source.collection)
        if self.source.axes != "auto" and self.source.format == "gml":
            return self.srs() or next(iter(of.crs), ""), self.source.axes == "yx"
        plain = self.source.model_copy(update={"format": "gml", "axes": "auto"})
        return self.service.order(of.name, self.source.crs, Reading(self.service, plain))

    def seen_order(self) -> tuple[str, bool]:
        """The same, by the first places. Degrees tell nothing: both orders are somewhere on the earth."""
        page, _ = self._page(self.source.table(), self.params(0, _LOOKED_AT), Repeats())
        try:
            for _ in page.rows:
                pass
        finally:
            page.body.close()
        found = list(self.features.orders.items())
        if len(found) != 1 or is_degrees(crs_of(found[0][0]) or self.source.crs):
            return "", False
        return found[0]

    def params(self, begin: int, count: int, *, hits: bool = False, filter: bool = True) -> dict[str, str]:
        """The parameters of GetFeature. `count` 0: as many as the server gives."""
        service, source = self.service, self.source
        of, two = service.type(source.collection), service.version.startswith("2")
        found = {"service": "WFS", "version": service.version, "request": "GetFeature", **service.named(of)}
        text = self.filter() if filter else ""
        found |= {"filter": text} if text else {}
        if hits:
            return found | {"resulttype": "hits"} | _own(source)
        if count:
            found["count" if two else "maxfeatures"] = str(count)
        if begin or (count and two):
            found["startindex"] = str(begin)
        srs = self.srs() or (next(iter(of.crs), "") if source.format == "geojson" else "")
        if srs:
            found["srsname"] = srs
        sort = (self.key if service.capabilities().sorts else ()) if source.sort is None else source.sort
        if sort and (count or begin):
            found["sortby"] = ",".join(sort)
        if source.properties:
            found["propertyname"] = ",".join(source.properties)
        if source.format == "geojson":
            found["outputformat"] = self._json_format()
        return found | _own(source)

    def _json_format(self) -> str:
        formats = self.service.capabilities().formats
        found = next((item for item in formats if "json" in item.lower() and "jsonp" not in item.lower()), "")
        if not found:
            raise SourceRefused(
                self.system, "it does not offer GeoJSON.", hint="Set source.format: gml.", field="format"
            )
        return found

    def size(self) -> int:
        """Rows of a page. WFS 1.1 knows no pages by its standard: all at once, and more only if that was not all."""
        if self.source.page_size is not None:
            return self.source.page_size
        if self.service.version.startswith("1.") or self.service.capabilities().pages is False:
            return 0
        return self.service.settings.page_size

    def pages(self, settings: TableSettings, pushed: list[tuple[str, str]], size: int = 0) -> Iterator[Page]:
        """The pages of the answer. Raises `SourceRefused` when they do not come to an end, or not to all rows."""
        of = self.service.type(self.source.collection)
        self.features.usual = self.srs() or next(iter(of.crs), "")
        repeats, each, matched, asked = Repeats(), self.size(), None, False
        count = min(item for item in (each, size) if item) if each or size else 0
        for number in range(self.service.settings.pages):
            unsure = number > 0 and matched is None and repeats.page < count
            page, facts = self._page(settings, self.params(repeats.rows, count), repeats)
            if unsure:  # the page before was not full, and nobody says how many there are: perhaps it was all
                held = list(itertools.islice(page.rows, count + 1))
                if len(held) <= count and repeats.repeated:
                    page.body.close()
                    _LOG.warning("system %s: %s has no pages; what it gives is taken for all", self.system, of.name)
                    return
                page.rows = itertools.chain(held, page.rows)
            try:
                yield page
            finally:
                page.body.close()
            if repeats.repeated:
                self._end_of_repeats(repeats, matched, count)
                return
            matched = facts.matched if facts.matched is not None else matched
            if matched is None and repeats.page and not asked:
                matched, asked = self._hits(), True
            if not repeats.page or (matched is None and not count):
                self._judge_end(repeats.rows, matched, number)
                return
            if matched is not None and repeats.rows >= matched:
                return
        raise self._refused(f"there are more than {self.service.settings.pages:,} pages")

    def _end_of_repeats(self, repeats: Repeats, matched: int | None, count: int) -> None:
        """The same page came twice. Was the first one all there is?"""
        first = repeats.rows - repeats.page
        raise self._refused(
            f"it gives the same {repeats.page:,} rows again and again"
            + (f", {first:,} of {matched:,}" if matched is not None else "")
        )

    def _judge_end(self, rows: int, matched: int | None, number: int) -> None:
        if matched is None or rows >= matched:
            return
        why = f"it ends after {rows:,} of {matched:,} rows"
        if number > 1:
            raise SourceUnavailable(self.system, f"{why}; it changed meanwhile.", hint="Try again later.")
        raise self._refused(why)

    def _refused(self, why: str) -> SourceRefused:
        return SourceRefused(
            self.system,
            f"{self.source.collection}: {why}.",
            hint="Set source.page_size (0: all at once) or source.sort.",
            dataset=self.source.collection,
        )

    def _hits(self) -> int | None:
        """How many features there are by the server's own count; None if it does not say."""
        try:
            body = self.service.body(self.params(0, 0, hits=True))
        except SourceRefused:
            return None
        stream = FeatureStream(self.system, shown(body.url), body.chunks())
        try:
            for _ in stream.run():
                if stream.root is not None:
                    break
        except NabeError:
            return None
        finally:
            body.close()
        root = stream.root or {}
        return _whole(root.get("numberMatched") or root.get("numberOfFeatures"))

    def _page(self, settings: TableSettings, params: Mapping[str, str], repeats: Repeats) -> tuple[Page, _Facts]:
        body = self.service.body(params)
        facts, envelope = _Facts(), Envelope()
        made = self._json(body, facts, envelope) if self.source.format == "geojson" else self._gml(body, facts)
        return Page(body, repeats.watched(made), envelope), facts

    def _gml(self, body: Body, facts: _Facts) -> Iterator[Row]:
        stream = FeatureStream(self.system, shown(body.url), body.chunks())
        yield from self.features.rows(stream)
        facts.matched = _whole((stream.root or {}).get("numberMatched"))

    def _json(self, body: Body, facts: _Facts, envelope: Envelope) -> Iterator[Row]:
        chunks = without_reports(self.system, body)
        try:
            found = records(utf8(chunks, "utf-8"), (Member("features"), Each()), envelope)
            yield from self.features.placed(map(unfolded_feature, found), self.features.usual)
        except Cut as error:
            raise SourceUnavailable(self.system, f"{shown(body.url)}: {error}.", hint="Try again later.") from None
        except (Broken, TooLarge) as error:
            why = str(error) or "a feature is too large"
            raise SourceRefused(
                self.system, f"{shown(body.url)}: {why}.", hint="Set source.format: gml.", field="format"
            ) from None
        document = envelope.document if isinstance(envelope.document, dict) else {}
        facts.matched = _whole(document.get("numberMatched", document.get("totalFeatures")))


@dataclass(slots=True)
class _Facts:
    """What a page says of all: how many there are."""

    matched: int | None = None


def unfolded_feature(row: Row) -> Row:
    """A GeoJSON feature as a record: its properties beside its place and id."""
    value = row.value
    if not isinstance(value, dict) or not isinstance(value.get("properties"), dict):
        return row
    return Row(
        {"id": value.get("id"), **value["properties"], "geometry": value.get("geometry")},
        str(value.get("geometry_name") or ""),
    )


def _own(source: SourceSettings) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in source.params.items()
    }


def _whole(value: Any) -> int | None:
    """A count; None for `unknown` and all that is none."""
    text = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None
