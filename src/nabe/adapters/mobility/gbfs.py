"""GBFS 2.x and 3.x: the list of feeds, each feed asked for when its time is over, stations joined with their status."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from nabe.adapters.mobility.feeds import Feeds, Kept
from nabe.adapters.mobility.opened import Opened, elements, in_parts, json_maker, told, unknown_table
from nabe.adapters.mobility.settings import TableSettings
from nabe.adapters.mobility.spec import SpecTable, tables
from nabe.adapters.mobility.translate import Record, gbfs_record, instant, joined, language_of, zone, zone_rules
from nabe.adapting.json_http.stream import Envelope, decode
from nabe.errors import SourceRefused
from nabe.model.dataset import Field
from nabe.model.query import SealedScan

_MOST_LIST = 4_000_000


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a feed says of itself."""

    version: str
    updated: dt.datetime | None
    rows: int


class Gbfs:
    """The feeds of one system."""

    kind = "gbfs"

    def __init__(self, feeds: Feeds) -> None:
        self._feeds = feeds
        self.system = feeds.system
        self._spec = tables("gbfs")

    def check(self) -> None:
        """Is the list of feeds there?"""
        self._list()

    def tables(self) -> list[str]:
        """Tables that the list of feeds allows."""
        there = self._list()
        return [
            name
            for name, spec in self._spec.items()
            if any(feed in there for feed in (*spec.more["feeds"], spec.more.get("joined", "")))
        ]

    def notes(self, table: str) -> list[str]:
        """Stations that are in one feed only; ids of vehicles that must change."""
        found = []
        if table == "stations":
            there = self._list()
            ids = [self._ids(feed, there) for feed in ("station_information", "station_status")]
            if all(item is not None for item in ids):
                for which, apart in (("information", ids[0] - ids[1]), ("status", ids[1] - ids[0])):
                    if apart:
                        found.append(f"Stations in station_{which} only: {len(apart)}; the rest of them is missing.")
        if table == "vehicles":
            found.append(
                "vehicle_id must change after each trip (GBFS 2.0 and later); if it does not, trips of persons can be "
                "followed: then leave it out."
            )
        return found

    def asks(self, settings: TableSettings, scan: SealedScan) -> str:
        """The table, and where it comes from."""
        return f"GBFS {settings.table} of {self._feeds.place}"

    def open(self, settings: TableSettings, fields: Sequence[Field], scan: SealedScan | None) -> Opened:
        """The rows of a table, from the feed as it was last asked for."""
        spec = self._spec.get(settings.table)
        if spec is None:
            raise unknown_table(self.system, settings.table, self._spec)
        maker = json_maker(self.system, fields, spec, settings)
        there = self._list()
        feed = next((name for name in spec.more["feeds"] if name in there), "")
        second = spec.more.get("joined", "")
        if not feed and second not in there:
            raise SourceRefused(
                self.system,
                f"its list of feeds has no {' or '.join(spec.more['feeds'])}.",
                hint=f"It has: {', '.join(sorted(there)[:20]) or 'nothing'}.",
                field="table",
            )
        main = self._feed(feed, there, spec, settings.file) if feed else None
        status = self._feed(second, there, spec) if second in there else None
        stale = [kept.stale_since for kept in (main, status) if kept is not None and kept.stale_since is not None]
        rows = self._records(main, feed, spec, settings.table)
        if second:
            rows = joined(rows, self._records(status, second, spec, settings.table))
        return Opened(maker, in_parts(rows), min(stale, default=None))

    def close(self) -> None:
        """Free connections."""
        self._feeds.close()

    def _records(self, kept: Kept | None, feed: str, spec: SpecTable, table: str) -> Iterator[Record]:
        if kept is None:
            return
        language = self._feeds.settings.language
        moment = kept.facts.updated.isoformat() if kept.facts.updated is not None else None
        for number, item in enumerate(elements(kept.body, spec.more["rows"][feed], Envelope())):
            if feed == "geofencing_zones":
                record = zone(item, number, language)
            else:
                record = gbfs_record(item, spec.more.get("renamed", {}), language)
            record.setdefault("feed_last_updated", moment)
            if table == "geofencing_rules":
                yield from zone_rules(record)
            else:
                yield record

    def _ids(self, feed: str, there: Mapping[str, str]) -> Any:
        if feed not in there:
            return None
        kept = self._feed(feed, there, self._spec["stations"])
        rows = elements(kept.body, self._spec["stations"].more["rows"][feed], Envelope())
        return {str(row.get("station_id")) for row in rows if isinstance(row, dict)}

    def _feed(self, feed: str, there: Mapping[str, str], spec: SpecTable, file: str = "") -> Kept:
        name = f"feed {feed}"

        def look(body: bytes) -> tuple[_Facts, float]:
            envelope, count = Envelope(), 0
            with told(self.system, name):
                for _ in elements(body, spec.more["rows"][feed], envelope):
                    count += 1
                if not envelope.found:
                    way = spec.more["rows"][feed].removesuffix("[*]")
                    raise SourceRefused(self.system, f"{name} has nothing at {way!r}.", hint="Is it a feed of GBFS?")
            document = envelope.document if isinstance(envelope.document, dict) else {}
            facts = _Facts(str(document.get("version", "")), instant(document.get("last_updated")), count)
            return facts, seconds(document.get("ttl"))

        local = self._feeds.local
        if local is not None:
            body = local.read(file or there[feed])
            facts, _ = look(body)
            kept = Kept(name, body, facts, dt.datetime.now(dt.UTC), 0.0)
        else:
            kept = self._feeds.get(self._address(feed, there[feed]), look)  # type: ignore[assignment]
        self._feeds.too_old(name, kept.facts.updated)
        return kept

    def _list(self) -> Mapping[str, str]:
        """Name of a feed -> its address, or its file in a folder."""
        local = self._feeds.local
        if local is not None:
            return {name.removesuffix(".json"): name for name in local.names() if name.endswith(".json")}
        kept = self._feeds.get(self._feeds.settings.url, self._read_list)
        assert kept is not None
        found: Mapping[str, str] = kept.facts
        return found

    def _read_list(self, body: bytes) -> tuple[dict[str, str], float]:
        name = "the list of feeds"
        if len(body) > _MOST_LIST:
            raise SourceRefused(self.system, f"{name} is too large.", hint="Is url the address of gbfs.json?")
        with told(self.system, name):
            document = decode(body.removeprefix(b"\xef\xbb\xbf"))
        found = feed_list(document, self._feeds.settings.language)
        if not found:
            raise SourceRefused(
                self.system, f"{name} names no feeds.", hint="Is url the address of gbfs.json?", field="url"
            )
        return found, seconds(document.get("ttl"))

    def _address(self, feed: str, given: str) -> str:
        """Where a feed is: on the system's own host, or on one that the declaration names."""
        base = urlsplit(self._feeds.settings.url)
        there = urlsplit(urljoin(self._feeds.settings.url, given))
        host = (there.hostname or "").lower()
        if there.scheme not in ("http", "https") or there.username or there.password:
            raise SourceRefused(self.system, f"the address of feed {feed} cannot be asked.", hint="Ask its operator.")
        if host == (base.hostname or "").lower():
            # Servers behind a proxy say http: where they were asked by https.
            port = there.netloc if there.scheme == base.scheme else base.netloc
            return urlunsplit(there._replace(scheme=base.scheme, netloc=port, fragment=""))
        if host not in {item.lower() for item in self._feeds.settings.hosts}:
            raise SourceRefused(
                self.system,
                f"feed {feed} is said to be on another host.",
                hint="If it belongs to the provider, name it in hosts of the system.",
                where=host,
            )
        return urlunsplit(there._replace(fragment=""))


def feed_list(document: Any, language: str) -> dict[str, str]:
    """Name -> address of a list of feeds: of 3.x, or of 2.x in the wanted language; empty if it is none. Pure."""
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, dict):
        return {}
    feeds = data.get("feeds")
    if not isinstance(feeds, list):
        inner = {name: item["feeds"] for name, item in data.items() if isinstance(item, dict) and "feeds" in item}
        feeds = inner.get(language_of(inner, language))
    found: dict[str, str] = {}
    for item in feeds if isinstance(feeds, list) else []:
        if isinstance(item, dict) and isinstance(item.get("name"), str) and isinstance(item.get("url"), str):
            found.setdefault(item["name"], item["url"])
    return found


def seconds(value: Any, unit: float = 1.0) -> float:
    """A `ttl` as seconds; 0 if it is no sensible number."""
    try:
        found = float(value) * unit
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return found if 0 <= found < 1e12 and not isinstance(value, bool) else 0.0
