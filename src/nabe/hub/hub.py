"""The Hub: its verbs, and the order in which an answer comes to be.

resolve names -> decide -> seal -> plan and read -> ledger -> stream. See docs/architecture.md, "A question".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import BinaryIO

from nabe.errors import Denied, Invalid, NabeError
from nabe.hub.checking import Checking, Counts
from nabe.hub.deciding import NO_DATASET, Deciding, unknown
from nabe.hub.declaring import Declaring, Validate
from nabe.hub.delivering import Delivering
from nabe.hub.explaining import Explanation
from nabe.hub.finding import Finding, Found, Lineage, SystemView
from nabe.hub.keeping import Due, Keeping, Kept
from nabe.hub.noting import Counted, Note
from nabe.hub.reading import Asking, Sealing, described, readable, scans
from nabe.hub.sensing import Sensing, SensorStores
from nabe.model.catalogue import Change, City, Goal, Revision, Snapshot, Vocabulary
from nabe.model.dataset import Access, Dataset, Mode
from nabe.model.decision import Action, Decision
from nabe.model.delivery import Delivery, Reception
from nabe.model.lake import Run
from nabe.model.ledger import ChainedEntry, Entry
from nabe.model.party import QUALITY_JOB, Actor, Organisation
from nabe.model.quality import QualityView
from nabe.model.quality import Result as QualityResult
from nabe.model.query import Query
from nabe.model.result import Result
from nabe.model.text import Text
from nabe.model.usecase import UseCase
from nabe.ports.catalogue import Catalogue
from nabe.ports.engine import Budget, Engine
from nabe.ports.lake import Lake
from nabe.ports.ledger import Ledger, Usage
from nabe.ports.quality import NoHistory, QualityHistory
from nabe.ports.runs import Runs
from nabe.query import plan
from nabe.query.reach import Reach


class Hub:
    """The one door to a city's data. Thread-safe; every verb names the actor, reads also the use case."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        ledger: Ledger,
        reach: Reach,
        engine: Engine,
        clock: Callable[[], dt.datetime],
        budget: Budget,
        lake: Lake | None = None,
        runs: Runs | None = None,
        validate: Validate = lambda _: (),
        quality: QualityHistory = NoHistory(),  # noqa: B008  holds nothing
        sensors: SensorStores | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._ledger = ledger
        self._reach = reach
        self._engine = engine
        self._clock = clock
        self._budget = budget
        self._deciding = Deciding(catalogue, clock)
        self._sealing = Sealing(self._deciding)
        self._finding = Finding(self._deciding)
        self._declaring = Declaring(catalogue, self._deciding, validate)
        self._lake = lake
        self._keeping = Keeping(self._deciding, lake, runs, reach, clock) if lake and runs else None
        self._delivering = Delivering(self._deciding, reach, ledger, clock)
        self._quality = quality
        self._checking = Checking(
            self._deciding, self._sealing, quality, lambda sealed: plan.run(sealed, reach, engine, budget, lake)
        )

        self._sensing = Sensing(sensors, self._deciding, ledger, clock, budget.seconds) if sensors else None

    @property
    def sensing(self) -> Sensing:
        """The door to what sensors tell. `Invalid` for a hub that keeps no sensor data."""
        if self._sensing is None:
            raise Invalid("This hub keeps no sensor data.", code="no-sensors")
        return self._sensing

    def close(self) -> None:
        """Store and note what is held back. The stores themselves are their owner's."""
        if self._sensing is not None:
            self._sensing.close()

    # --- find -------------------------------------------------------------------------------------------------------

    def now(self) -> dt.datetime:
        """The hub's clock, UTC."""
        return self._clock()

    def version(self) -> int:
        """Version of the declarations; what was read before a change of it may be out of date."""
        return self._catalogue.snapshot().version

    def city(self) -> City:
        """The municipality."""
        return self._catalogue.snapshot().city or City("city", Text("Ohne Namen", "Unnamed"))

    def organisations(self) -> Mapping[str, Organisation]:
        """The organisation tree, public."""
        return self._catalogue.snapshot().organisations

    def goals(self) -> Mapping[str, Goal]:
        """Goals of the city's strategy, public."""
        return self._catalogue.snapshot().goals

    def vocabularies(self) -> Mapping[str, Vocabulary]:
        """Code lists, public."""
        return self._catalogue.snapshot().vocabularies

    def find(self, actor: Actor, use_case: str, *, text: str = "", ids: Iterable[str] = ()) -> list[Found]:
        """Datasets the actor may know of, best match first, each with the decision to read it for `use_case`."""
        return self._finding.datasets(actor, use_case, text, ids, self._catalogue.snapshot())

    def dataset(self, actor: Actor, use_case: str, id: str) -> Found:
        """One dataset; `Unknown` if it is not there or may not be known."""
        return self._finding.dataset(actor, use_case, id, self._catalogue.snapshot())

    def systems(self, actor: Actor) -> list[SystemView]:
        """Silos that hold something the actor may know of."""
        return self._finding.systems(actor, self._catalogue.snapshot())

    def usecases(self, actor: Actor) -> list[UseCase]:
        """Use cases the actor may know of."""
        return list(self._finding.usecases(actor, self._catalogue.snapshot()))

    def usecase(self, actor: Actor, id: str) -> UseCase:
        """One use case; `Unknown` if it is not there or may not be known."""
        return self._finding.usecase(actor, id, self._catalogue.snapshot())

    def lineage(self, actor: Actor, use_case: str, id: str) -> Lineage:
        """Where a dataset comes from and what is made of it, as far as the actor may know."""
        self.dataset(actor, use_case, id)
        return self._finding.lineage(actor, id, self._catalogue.snapshot())

    # --- read -------------------------------------------------------------------------------------------------------

    def read(
        self,
        actor: Actor,
        use_case: str,
        question: Query | str,
        *,
        interface: str = "",
        as_of: dt.datetime | None = None,
    ) -> Result:
        """The answer to a question (a `Query`, or SQL), streamed. `as_of`: from the copies that stood at that moment.

        Raises any error of `nabe.errors`; a denial and a failure leave a line in the ledger, too. What is not open is
        written to the ledger, durably, before its first row is handed out.
        """
        asking = Asking(actor, use_case, self._catalogue.snapshot())
        note = Note(self._ledger, self._clock, asking, interface)
        try:
            query = self._sealing.query(asking, question)
            if as_of is not None:
                query = replace(query, as_of=as_of)
            sealed = self._sealing.seal(asking, query)
            answer = plan.run(sealed, self._reach, self._engine, self._budget, self._lake)
        except Denied as error:
            note.refused(error)
            raise
        except NabeError as error:
            note.failed(error)
            raise
        note.reading(sealed)
        counted = Counted(answer.batches.batches, note)

        def close() -> None:
            counted.close()
            answer.batches.close()
            note.done()

        return Result(
            schema=answer.batches.schema,
            batches=counted,
            fields=described(answer.batches.schema, sealed),
            decisions=tuple(dict.fromkeys(scan.decision for scan in scans(sealed))),
            sources=answer.sources,
            total=answer.total,
            on_close=close,
        )

    def instant(self, id: str) -> bool:
        """Do open rows of this dataset come from memory, so that asking for them waits for nobody?

        For whoever shares out threads; tells nothing of what is in it.
        """
        snapshot = self._catalogue.snapshot()
        dataset = snapshot.datasets.get(id)
        if dataset is None or dataset.product is not None or dataset.access is not Access.OPEN:
            return False
        if dataset.mode is Mode.SNAPSHOT:
            return self._lake is not None
        try:
            return self._reach.source(dataset.system, 1.0).capabilities.instant
        except NabeError:
            return False

    # --- explain ----------------------------------------------------------------------------------------------------

    def explain(self, actor: Actor, use_case: str, question: Query | str) -> Explanation:
        """The decisions and the plan for a question, without reading data.

        A denial of a dataset that the actor may know of is explained, not raised. Other errors are.
        """
        asking = Asking(actor, use_case, self._catalogue.snapshot())
        if isinstance(question, Query):
            datasets = [scan.dataset for _, scan in question.scans]
            found = [self._sealing.decision(asking, name) for name in dict.fromkeys(datasets)]
            decisions = tuple(decision for _, decision in found)
            fields = tuple((dataset.id, readable(dataset, decision)) for dataset, decision in found)
            if not all(decision.permit for decision in decisions):
                return Explanation(False, decisions, tuple((name, ()) for name, _ in fields))
        query = self._sealing.query(asking, question)
        sealed = self._sealing.seal(asking, query)
        if isinstance(question, str):
            found = [self._sealing.decision(asking, scan.dataset) for _, scan in query.scans]
            decisions = tuple({decision.id: decision for _, decision in found}.values())
            fields = tuple({dataset.id: readable(dataset, decision) for dataset, decision in found}.items())
        return Explanation(
            True, decisions, fields, tuple(plan.explain(sealed, self._reach, self._engine, self._budget, self._lake))
        )

    # --- quality ----------------------------------------------------------------------------------------------------

    def quality(self, actor: Actor, use_case: str, ids: Iterable[str] = (), *, limit: int = 30) -> list[QualityView]:
        """Rules of datasets that the actor may know of (all, or those named), with their newest `limit` results.

        Whether a rule is kept is for all who may know the dataset (unless it asks about persons); counts for those who may have it checked or read the fields
        as they are; keys of failing rows for those who may read them. `Unknown` for a named one that may not be known.
        """
        snapshot, wanted = self._catalogue.snapshot(), list(ids)
        known = [self._known(actor, use_case, id, snapshot) for id in wanted or snapshot.datasets]
        for id, dataset in zip(wanted, known, strict=False):
            if dataset is None:
                raise unknown(id)
        found = [dataset for dataset in known if dataset is not None and (wanted or dataset.quality)]
        return self._checking.views(actor, use_case, found, snapshot, limit)

    def measure_quality(self, actor: Actor, id: str, *, interface: str = "") -> Counts:
        """Count by the rules of a dataset, now; what a silo does not answer says so. Hands out counts and open keys only.

        `Unknown`, `Denied` with the reasons. Leaves a line in the ledger before anything is read.
        """
        snapshot = self._catalogue.snapshot()
        dataset = snapshot.datasets.get(id)
        if dataset is None or (actor != QUALITY_JOB and self._known(actor, "", id, snapshot) is None):
            raise unknown(id)
        note = Entry(self._clock(), actor.id, "", "checked", id, interface=interface)
        return self._checking.noted(actor, dataset, snapshot, note, self.record)

    def keep_quality(self, actor: Actor, results: Sequence[QualityResult], *, keep: int = 60) -> None:
        """Add results to the history, which keeps `keep` of each rule. `Denied` unless the actor may check the datasets."""
        snapshot = self._catalogue.snapshot()
        for id in {result.dataset for result in results}:
            dataset = snapshot.datasets.get(id)
            if dataset is None:
                raise unknown(id)
            self._checking.demand(actor, dataset, snapshot)
        self._quality.add(results, keep=keep)

    def _known(self, actor: Actor, use_case: str, id: str, snapshot: Snapshot) -> Dataset | None:
        """The dataset as declared, if the actor may know it."""
        dataset = snapshot.datasets.get(id)
        if dataset is None or (actor == QUALITY_JOB and dataset.quality):
            return dataset
        permit = self._deciding.decide(actor, Action.READ, dataset, use_case, snapshot).permit
        return dataset if permit or self._deciding.may_know(actor, dataset, snapshot) else None

    # --- declare ----------------------------------------------------------------------------------------------------

    def declare(
        self, actor: Actor, changes: Sequence[Change], *, expect: int, approvals_from_files: bool = False
    ) -> int:
        """Change the declarations, all or none; the new version. Needs a role that keeps the catalogue."""
        version = self._declaring.declare(
            actor, changes, expect=expect, at=self._clock(), approvals_from_files=approvals_from_files
        )
        what = ", ".join(f"{change.kind} {change.id}" for change in changes[:20])
        more = f" and {len(changes) - 20} more" if len(changes) > 20 else ""
        consent = "; consents as recorded in the files" if approvals_from_files else ""
        self.record(Entry(self._clock(), actor.id, "", "declared", detail=f"version {version}: {what}{more}{consent}"))
        return version

    def approve(self, actor: Actor, use_case: str, dataset: str, *, note: str = "") -> int:
        """The data owner's consent to the grant of `dataset` for `use_case`; the new version."""
        version = self._declaring.approve(actor, use_case, dataset, note=note, at=self._clock())
        self.record(Entry(self._clock(), actor.id, use_case, "approved", dataset, detail=f"version {version}"))
        return version

    def withdraw(self, actor: Actor, use_case: str, dataset: str) -> int:
        """The data owner takes the consent back; the new version. From then on nothing is read by this grant."""
        version = self._declaring.withdraw(actor, use_case, dataset, at=self._clock())
        self.record(Entry(self._clock(), actor.id, use_case, "withdrawn", dataset, detail=f"version {version}"))
        return version

    def nouns(self, actor: Actor) -> Snapshot:
        """All declarations as they are, for those who keep them."""
        snapshot = self._catalogue.snapshot()
        self._declaring.may_declare(actor, snapshot)
        return snapshot

    def history(self, actor: Actor, kind: str = "", id: str = "", limit: int = 100) -> list[Revision]:
        """Revisions, newest first. Of one dataset for those who may know it; of everything for those who keep it."""
        snapshot = self._catalogue.snapshot()
        if kind == "dataset" and id:
            self.dataset(actor, "", id)
        else:
            self._declaring.may_declare(actor, snapshot)
        return self._catalogue.history(kind, id, limit)

    # --- copies -----------------------------------------------------------------------------------------------------

    def snapshot(self, actor: Actor, dataset: str) -> Run:
        """Copy a dataset into the lake now, or confirm its newest copy; a failure is told by the run, not raised.

        Raises `Unknown`, `Denied`, and `Conflict` while it is being copied already.
        """
        run = self._copies().take(actor, dataset, self._catalogue.snapshot())
        self.record(Entry(self._clock(), actor.id, "", "snapshot", dataset, detail=run.state.value))
        return run

    def forget(self, actor: Actor, dataset: str, before: dt.datetime | None = None) -> int:
        """Remove copies read before a moment (None: all of them, also of what is declared no more); how many."""
        gone = self._copies().forget(actor, dataset, before, self._catalogue.snapshot())
        what = f"{gone} copies" + (f" before {before.isoformat()}" if before else "")
        self.record(Entry(self._clock(), actor.id, "", "forgotten", dataset, detail=what))
        return gone

    def kept(self, actor: Actor, dataset: str) -> Kept:
        """What the lake holds of a dataset that the actor may know of, and when the next copy is due."""
        return self._copies().kept(actor, dataset, self._catalogue.snapshot())

    def runs(self, actor: Actor, system: str, limit: int = 50) -> list[Run]:
        """Reaches into a silo on schedule or on demand, newest first, as far as the actor may know its datasets."""
        return self._copies().runs(actor, system, limit, self._catalogue.snapshot())

    def check(self, actor: Actor, system: str) -> Run | None:
        """See whether a silo answers; None while another process looks. No data are read."""
        return self._copies().check(actor, system, self._catalogue.snapshot())

    def agenda(self, actor: Actor) -> list[Due]:
        """What is to be done on schedule, and when; for the schedule itself and IT."""
        return self._copies().agenda(actor, self._catalogue.snapshot())

    def tidy(self, actor: Actor, keep: int) -> int:
        """Forget the oldest runs of each silo beyond `keep`; how many went."""
        return self._copies().tidy(actor, keep, self._catalogue.snapshot())

    def _copies(self) -> Keeping:
        if self._keeping is None:
            raise Invalid("This hub keeps no copies.", code="no-lake")
        return self._keeping

    # --- deliver ----------------------------------------------------------------------------------------------------

    def reception(self, actor: Actor, dataset: str) -> Reception:
        """May the actor deliver a new file for this dataset, and does its silo take one? `Unknown` as for `dataset`."""
        return self._delivering.reception(actor, dataset, self._catalogue.snapshot())

    def deliver(self, actor: Actor, dataset: str, name: str, content: BinaryIO, *, interface: str = "") -> Delivery:
        """Hold a new file for a dataset aside and read it as declared: what is missing, new, of another type.

        Nothing is replaced before `take_delivery`. One with flaws is not held. Needs a data owner of its organisation.
        """
        snapshot = self._catalogue.snapshot()
        return self._delivering.hold(actor, dataset, name, content, snapshot, interface=interface)

    def delivery(self, actor: Actor, dataset: str, id: str, *, interface: str = "") -> Delivery:
        """A file that waits for its word, for whoever delivered it."""
        return self._delivering.held(actor, dataset, id, self._catalogue.snapshot(), interface=interface)

    def take_delivery(self, actor: Actor, dataset: str, id: str, *, interface: str = "") -> Delivery:
        """Put it in the old file's place, all or nothing; from then on the dataset shows it."""
        return self._delivering.take(actor, dataset, id, self._catalogue.snapshot(), interface=interface)

    def drop_delivery(self, actor: Actor, dataset: str, id: str, *, interface: str = "") -> None:
        """Forget it."""
        self._delivering.drop(actor, dataset, id, self._catalogue.snapshot(), interface=interface)

    # --- audit ------------------------------------------------------------------------------------------------------

    def audit(self, actor: Actor, *, dataset: str = "", after: int = 0, limit: int = 100) -> list[ChainedEntry]:
        """Ledger entries: all for data protection and ethics, those of their data for data owners."""
        self._may_audit(actor, dataset)
        if self._sensing is not None:
            self._sensing.flush()
        self.record(Entry(self._clock(), actor.id, "", "audited", dataset))
        return self._ledger.entries(after=after, limit=limit, dataset=dataset)

    def usage(self, actor: Actor, since: dt.datetime, until: dt.datetime) -> list[Usage]:
        """Reads by dataset and use case, as far as the actor may audit or know the dataset."""
        snapshot = self._catalogue.snapshot()
        known = {
            dataset.id for dataset in snapshot.datasets.values() if self._deciding.may_know(actor, dataset, snapshot)
        }
        return [use for use in self._ledger.usage(since, until) if use.dataset in known]

    def record(self, entry: Entry, *, durable: bool = True) -> None:
        """Write an event that is not a read (log-in, token, ...) to the ledger."""
        self._ledger.append([entry], durable=durable)

    def _may_audit(self, actor: Actor, dataset: str) -> Decision:
        snapshot = self._catalogue.snapshot()
        noun = self.dataset(actor, "", dataset).dataset if dataset else NO_DATASET
        decision = self._deciding.decide(actor, Action.AUDIT, noun, "", snapshot)
        if not decision.permit:
            raise Denied(
                "Reading the ledger is not permitted.",
                reasons=tuple((verdict.reason, dict(verdict.params)) for verdict in decision.because),
            )
        return decision
