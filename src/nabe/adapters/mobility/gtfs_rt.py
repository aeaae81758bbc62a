"""GTFS Realtime: one message, asked for when its time is over, as tables of positions, trips, stops and alerts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

from nabe.adapters.mobility import realtime
from nabe.adapters.mobility.feeds import Feeds, Kept
from nabe.adapters.mobility.opened import Opened, in_parts, json_maker, unknown_table
from nabe.adapters.mobility.settings import TableSettings
from nabe.adapters.mobility.spec import tables
from nabe.errors import SourceRefused
from nabe.model.dataset import Field
from nabe.model.query import SealedScan

_ACCEPT = "application/x-protobuf, application/protobuf, application/octet-stream;q=0.9, */*;q=0.5"


class GtfsRealtime:
    """The feed at one address."""

    kind = "gtfs_rt"

    def __init__(self, feeds: Feeds) -> None:
        self._feeds = feeds
        self.system = feeds.system
        self._spec = tables("gtfs_rt")

    def check(self) -> None:
        """Does it deliver a message?"""
        self._message()

    def tables(self) -> list[str]:
        """Tables that can be made of the message as it is now; all, if it is empty."""
        found = realtime.tables(realtime.parse(self._message().body))
        return [name for name in self._spec if name in found] or list(self._spec)

    def notes(self, table: str) -> list[str]:
        """Where drivers could be followed."""
        if table in ("vehicle_positions", "trip_updates"):
            return ["With a duty roster, vehicle_id tells who drove: keep no history of it without a reason."]
        return []

    def asks(self, settings: TableSettings, scan: SealedScan) -> str:
        """The table, and where it comes from."""
        return f"GTFS Realtime {settings.table} of {self._feeds.place}"

    def open(self, settings: TableSettings, fields: Sequence[Field], scan: SealedScan | None) -> Opened:
        """The rows of a table."""
        spec = self._spec.get(settings.table)
        if spec is None:
            raise unknown_table(self.system, settings.table, self._spec)
        kept = self._message()

        def records() -> Iterator[Any]:
            yield from realtime.rows(realtime.parse(kept.body), settings.table, self._feeds.settings.language)

        return Opened(json_maker(self.system, fields, spec, settings), in_parts(records()), kept.stale_since)

    def close(self) -> None:
        """Free connections."""
        self._feeds.close()

    def _message(self) -> Kept:
        local = self._feeds.local
        if local is not None:
            body = local.read()
            kept = Kept(local.opened().name, body, self._look(body)[0], dt.datetime.now(dt.UTC), 0.0)
        else:
            found = self._feeds.get(
                self._feeds.settings.url, self._look, accept=_ACCEPT, kind="GTFS Realtime (protobuf)"
            )
            assert found is not None
            kept = found
        self._feeds.too_old(kept.name, kept.facts)
        return kept

    def _look(self, body: bytes) -> tuple[dt.datetime | None, float]:
        try:
            message = realtime.parse(body)
            realtime.check(message)
        except realtime.NotRealtime as error:
            raise SourceRefused(
                self.system, f"its answer cannot be read: {error}.", hint="Check the address of the feed."
            ) from None
        if realtime.incremental(message):
            raise SourceRefused(
                self.system, "it sends differences only.", hint="Ask for a feed with FULL_DATASET.", field="url"
            )
        return realtime.stamp(message), 0.0
