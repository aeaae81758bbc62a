"""A data owner's new file for a dataset: decided first, read before it replaces anything, noted before it does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO

from nabe.errors import Denied, Invalid, NabeError, Unknown
from nabe.hub.deciding import Deciding, unknown
from nabe.model.catalogue import Snapshot
from nabe.model.dataset import Access, Dataset
from nabe.model.decision import Action, Decision
from nabe.model.delivery import Delivery, Finding, Reception
from nabe.model.ledger import Entry
from nabe.model.party import Actor
from nabe.ports.ledger import Ledger
from nabe.ports.source import CanReceive
from nabe.query.reach import Reach

#: Seconds that reading a delivered file may take; its deliverer waits for it.
_TIMEOUT_S = 300.0


class Delivering:
    """Deliveries, each step of them decided anew."""

    def __init__(self, deciding: Deciding, reach: Reach, ledger: Ledger, clock: Callable[[], dt.datetime]) -> None:
        self._deciding, self._reach, self._ledger, self._clock = deciding, reach, ledger, clock

    def reception(self, actor: Actor, id: str, snapshot: Snapshot) -> Reception:
        """May the actor deliver a file for this dataset, and does its silo take one? Asks no silo."""
        dataset, decision = self._decided(actor, id, snapshot)
        if not decision.permit:
            return Reception(False)
        return Reception(True, self._why_not(dataset))

    def hold(
        self, actor: Actor, id: str, name: str, content: BinaryIO, snapshot: Snapshot, *, interface: str
    ) -> Delivery:
        """Keep a file aside and read it as the dataset is declared."""
        dataset, source, _ = self._opened(actor, id, snapshot, interface)
        found = self._ask(dataset, lambda: source.hold(dataset, name, content, actor.id))
        return _shown(found, dataset)

    def held(self, actor: Actor, id: str, delivery: str, snapshot: Snapshot, *, interface: str) -> Delivery:
        """A file that waits; `Unknown` for one that somebody else delivered: it may hold what not every owner may see."""
        dataset, source, _ = self._opened(actor, id, snapshot, interface)
        return _shown(self._own(actor, dataset, source, delivery), dataset)

    def take(self, actor: Actor, id: str, delivery: str, snapshot: Snapshot, *, interface: str) -> Delivery:
        """Put it in the old one's place. The line in the ledger stands before it is done."""
        dataset, source, decision = self._opened(actor, id, snapshot, interface)
        found = self._own(actor, dataset, source, delivery)
        entry = Entry(
            self._clock(),
            actor.id,
            "",
            "received",
            dataset.id,
            rows=found.rows,
            decision=decision.id,
            interface=interface,
            detail=f"sha256 {found.digest}",
        )
        self._ledger.append([entry], durable=True)
        try:
            self._ask(dataset, lambda: source.take(dataset, delivery))
        except NabeError as error:
            failed = replace(entry, at=self._clock(), action="failed", rows=-1, detail=f"received: {error.code}")
            self._ledger.append([failed], durable=True)
            raise
        return _shown(found, dataset)

    def drop(self, actor: Actor, id: str, delivery: str, snapshot: Snapshot, *, interface: str) -> None:
        """Forget a file that waits."""
        dataset, source, _ = self._opened(actor, id, snapshot, interface)
        self._own(actor, dataset, source, delivery)
        self._ask(dataset, lambda: source.drop(dataset, delivery))

    def _decided(self, actor: Actor, id: str, snapshot: Snapshot) -> tuple[Dataset, Decision]:
        dataset = snapshot.datasets.get(id)
        if dataset is None or not self._deciding.may_know(actor, dataset, snapshot):
            raise unknown(id)
        return dataset, self._deciding.decide(actor, Action.DELIVER, dataset, "", snapshot)

    def _opened(
        self, actor: Actor, id: str, snapshot: Snapshot, interface: str
    ) -> tuple[Dataset, CanReceive, Decision]:
        """The dataset and its silo, for those who may; a denial leaves its line in the ledger."""
        dataset, decision = self._decided(actor, id, snapshot)
        if not decision.permit:
            reasons = tuple((verdict.reason, dict(verdict.params)) for verdict in decision.because)
            detail = ",".join(reason for reason, _ in reasons)
            line = Entry(
                self._clock(), actor.id, "", "denied", id, decision=decision.id, interface=interface, detail=detail
            )
            self._ledger.append([line], durable=True)
            raise Denied(f"{actor.id!r} may not deliver files for {id!r}.", reasons=reasons, dataset=id)
        why_not = self._why_not(dataset)
        source = self._reach.source(dataset.system, _TIMEOUT_S)
        if why_not or not isinstance(source, CanReceive):
            raise Invalid(
                f"Dataset {id!r} takes no files: {_ENGLISH.get(why_not, why_not)}.",
                hint="Change it where it is kept.",
                code="takes-no-files",
                dataset=id,
            )
        return dataset, source, decision

    def _why_not(self, dataset: Dataset) -> str:
        source = self._reach.source(dataset.system, _TIMEOUT_S)
        return source.receives(dataset) if isinstance(source, CanReceive) else "elsewhere"

    def _own(self, actor: Actor, dataset: Dataset, source: CanReceive, delivery: str) -> Delivery:
        found = self._ask(dataset, lambda: source.held(dataset, delivery))
        if found.by != actor.id:
            raise Unknown("There is no such delivery (any more).", hint="Deliver the file anew.")
        return found

    def _ask(self, dataset: Dataset, ask: Callable[[], Delivery | None]) -> Delivery:
        return self._reach.call(dataset.system, _TIMEOUT_S, ask)  # type: ignore[return-value]  # only drop gives none


#: Why a silo takes no files, for interfaces of programs (people read `locale/*/delivery.toml`).
_ENGLISH = {
    "elsewhere": "its data are not kept in a folder of this machine",
    "many_folders": "its files lie in several folders",
    "several_files": "its table is made of several files",
}


def _shown(delivery: Delivery, dataset: Dataset) -> Delivery:
    """How many rows there were is told of open data only: whoever delivers new rows need not be one who reads the old."""
    if dataset.access is not Access.OPEN:
        return replace(delivery, rows_before=None)
    few = delivery.rows_before is not None and 2 * delivery.rows < delivery.rows_before
    return replace(delivery, notes=(*delivery.notes, Finding("fewer_rows"))) if few and delivery.fits else delivery
