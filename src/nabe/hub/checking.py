"""Counting by the rules of a dataset, and showing what came of it: nothing but counts and open keys goes out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nabe.errors import Denied, Invalid, NabeError
from nabe.governance.facts import CITY_TIME
from nabe.hub.deciding import Deciding
from nabe.hub.reading import Asking, Sealing, readable
from nabe.model.catalogue import Snapshot
from nabe.model.dataset import Access, Dataset
from nabe.model.decision import Action, Decision
from nabe.model.expr import ALL_ROWS
from nabe.model.ledger import Entry
from nabe.model.party import QUALITY_JOB, Actor
from nabe.model.quality import Measured, QualityView, Result, Rule, RuleKind, RuleView
from nabe.model.query import SealedQuery
from nabe.ports.quality import QualityHistory
from nabe.query import checks
from nabe.query.plan import Answer

#: Most keys of failing rows that are kept per rule.
MOST_KEYS = 10
_LONGEST_KEY = 120

Run = Callable[[SealedQuery], Answer]


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted by the rules of `dataset` (its source and SQL blanked), in their order."""

    dataset: Dataset
    measured: tuple[Measured, ...]


class Checking:
    """Asks by the rules that owners declared, as the job whose policy is `quality_job`."""

    def __init__(self, deciding: Deciding, sealing: Sealing, history: QualityHistory, run: Run) -> None:
        self._deciding = deciding
        self._sealing = sealing
        self._history = history
        self._run = run

    def may_check(self, actor: Actor, dataset: Dataset, snapshot: Snapshot) -> Decision:
        """The decision to have this dataset checked and to see all figures."""
        return self._deciding.decide(actor, Action.CHECK, dataset, "", snapshot)

    def demand(self, actor: Actor, dataset: Dataset, snapshot: Snapshot) -> Decision:
        """The same; raises `Denied` with the reasons."""
        decision = self.may_check(actor, dataset, snapshot)
        if not decision.permit:
            reasons = tuple((verdict.reason, dict(verdict.params)) for verdict in decision.because)
            raise Denied(f"Checking {dataset.id!r} is not permitted.", reasons=reasons, dataset=dataset.id)
        return decision

    def noted(
        self, actor: Actor, dataset: Dataset, snapshot: Snapshot, note: Entry, record: Callable[..., None]
    ) -> Counts:
        """Count for an actor who may have it checked, with a line in the ledger before anything is read."""
        try:
            decision = self.demand(actor, dataset, snapshot)
        except Denied as error:
            reasons = ",".join(reason for reason, _ in error.reasons)
            record(replace(note, action="denied", detail=reasons))
            raise
        closed = dataset.access is not Access.OPEN
        detail = ", ".join(rule.id for rule in dataset.quality)
        record(replace(note, decision=decision.id, detail=detail), durable=closed)
        for other in sorted(dataset.refers_to - {dataset.id}):
            if other in snapshot.datasets and snapshot.datasets[other].access is not Access.OPEN:
                record(replace(note, dataset=other, detail=f"referred to by {dataset.id}"))
        return self.measure(dataset, snapshot, note.at)

    # --- counting ---------------------------------------------------------------------------------------------------

    def measure(self, dataset: Dataset, snapshot: Snapshot, now: dt.datetime) -> Counts:
        """One `Measured` for each rule; what cannot be counted says why. Raises `Denied`."""
        self.demand(QUALITY_JOB, dataset, snapshot)
        asking = Asking(QUALITY_JOB, "", snapshot, for_check=dataset.id)
        found: dict[str, Measured] = {}
        fit: list[Rule] = []
        for rule in dataset.quality:
            try:
                checks.passes(dataset, [rule], now)
                fit.append(rule)
            except NabeError as error:
                found[rule.id] = _not_counted(rule, error)
        rows = -1
        for number, one in enumerate(checks.passes(dataset, fit, now)):
            counted, counts = self._pass(asking, dataset, one, now)
            rows = counts if number == 0 else rows
            found |= {item.rule: item for item in counted}
        made = [replace(found[rule.id], rows=rows) for rule in dataset.quality]
        rules = {rule.id: rule for rule in dataset.quality}
        whole = tuple(self._with_keys(asking, dataset, rules[item.rule], item, now) for item in made)
        product = replace(dataset.product, sql="") if dataset.product else None
        return Counts(replace(dataset, source={}, product=product), whole)

    def _pass(self, asking: Asking, dataset: Dataset, one: checks.Pass, now: dt.datetime) -> tuple[list[Measured], int]:
        try:
            row = self._row(asking, one.sql)
        except NabeError as error:
            if isinstance(error, Invalid) and len(one.rules) > 1:
                # One rule's arithmetic must not keep the others from being counted.
                alone = [checks.passes(dataset, [rule], now)[0] for rule in one.rules]
                parts = [self._pass(asking, dataset, item, now) for item in alone]
                return [item for counted, _ in parts for item in counted], max(rows for _, rows in parts)
            return [_not_counted(rule, error) for rule in one.rules], -1
        counted = [
            Measured(
                rule.id,
                checked=_count(row, f"c{at}"),
                failing=_count(row, f"f{at}"),
                latest=_moment(row.get(f"t{at}")),
            )
            for at, rule in enumerate(one.rules)
        ]
        return counted, _count(row, "n")

    def _with_keys(self, asking: Asking, dataset: Dataset, rule: Rule, item: Measured, now: dt.datetime) -> Measured:
        personal = {field.name for field in dataset.fields if field.personal}
        if item.failing <= 0 or personal.intersection(dataset.key):
            return item
        try:
            sql = checks.keys(dataset, rule, now, MOST_KEYS)
            return replace(item, keys=_keys(self._rows(asking, sql))) if sql else item
        except NabeError:
            return item  # the count stands; examples are only a help

    def _row(self, asking: Asking, sql: str) -> Mapping[str, Any]:
        return self._rows(asking, sql)[0]

    def _rows(self, asking: Asking, sql: str) -> list[dict[str, Any]]:
        sealed = self._sealing.seal(asking, self._sealing.query(asking, sql))
        batches = self._run(sealed).batches
        try:
            return [row for batch in batches.batches for row in batch.to_pylist()]
        finally:
            batches.close()

    # --- showing ----------------------------------------------------------------------------------------------------

    def views(
        self, actor: Actor, use_case: str, datasets: Sequence[Dataset], snapshot: Snapshot, limit: int
    ) -> list[QualityView]:
        """Rules and results of datasets that the actor may know of, as far as each may be seen."""
        by_rule: dict[tuple[str, str], list[Result]] = {}
        for result in self._history.results([dataset.id for dataset in datasets], limit=limit):
            by_rule.setdefault((result.dataset, result.rule), []).append(result)
        views = []
        for dataset in datasets:
            sight = _Sight(self._deciding, actor, use_case, dataset, snapshot)
            seen = (sight.view(rule, by_rule.get((dataset.id, rule.id), [])) for rule in dataset.quality)
            rules = tuple(view for view in seen if view is not None)
            views.append(QualityView(dataset.id, rules, sight.may_check and bool(dataset.quality)))
        return views


class _Sight:
    """What one actor may see of one dataset's quality."""

    def __init__(self, deciding: Deciding, actor: Actor, use_case: str, dataset: Dataset, snapshot: Snapshot) -> None:
        self._deciding, self._actor, self._use_case = deciding, actor, use_case
        self._dataset, self._snapshot = dataset, snapshot
        self.may_check = deciding.decide(actor, Action.CHECK, dataset, "", snapshot).permit
        self._fields = self._whole(dataset)

    def view(self, rule: Rule, results: Sequence[Result]) -> RuleView | None:
        """The rule and its results, without what may not be seen; None where the outcome itself would tell too much."""
        reads = self._reads(rule)
        figures = self.may_check or reads
        if not figures and self._asks_about_persons(rule):
            return None
        keys = reads and set(self._dataset.key) <= self._fields
        shown = tuple(_shown(result, figures=figures, keys=keys) for result in results)
        return RuleView(rule if figures else self._public(rule), figures, shown)

    def _asks_about_persons(self, rule: Rule) -> bool:
        """Could a well-chosen constant in the rule make its outcome an answer ("is there anybody with ...")? Whoever keeps
        the catalogue may write rules, but reads personal data no more by them than without."""
        if rule.kind not in (RuleKind.SQL, RuleKind.PATTERN, RuleKind.RANGE, RuleKind.REFERENCE):
            return False
        personal = {field.name for field in self._dataset.fields if field.personal}
        return bool(personal) and (rule.kind is RuleKind.SQL or bool(personal.intersection(rule.fields)))

    def _whole(self, dataset: Dataset) -> set[str]:
        """Fields of which the actor may read all values as they are; a narrowed grant leaves none."""
        decision = self._deciding.decide(self._actor, Action.READ, dataset, self._use_case, self._snapshot)
        duties = decision.obligations
        if not decision.permit or duties.allowed != ALL_ROWS or duties.min_group > 1 or duties.rounding:
            return set()
        return set(readable(dataset, decision))

    def _reads(self, rule: Rule) -> bool:
        """May the actor find out by reading what the rule found out?"""
        if not self._fields:
            return False
        needed = set(rule.fields)
        if rule.kind is RuleKind.SQL:
            needed = {field.name for field in self._dataset.fields}
        elif rule.kind is RuleKind.FRESHNESS and not needed and self._dataset.time:
            needed = {self._dataset.time}
        try:
            others = checks.tables_of(self._dataset, rule)
        except NabeError:
            return False
        return needed <= self._fields and all(self._reads_other(rule, name) for name in others)

    def _reads_other(self, rule: Rule, name: str) -> bool:
        other = self._snapshot.datasets.get(name)
        if other is None:
            return False
        target = checks.target_of(self._dataset, rule) if rule.kind is RuleKind.REFERENCE else None
        needed = {target.field} if target else {field.name for field in other.fields}
        return needed <= self._whole(other)

    def _public(self, rule: Rule) -> Rule:
        """Conditions may name what others hold."""
        target = self._snapshot.datasets.get(rule.references.dataset) if rule.references else None
        known = target is not None and self._deciding.may_know(self._actor, target, self._snapshot)
        return replace(rule, sql="", references=rule.references if known else None)


def _shown(result: Result, *, figures: bool, keys: bool) -> Result:
    if not figures:
        result = replace(result, rows=-1, checked=-1, failing=-1, latest="", expected=None)
    return result if keys else replace(result, keys=())


def _not_counted(rule: Rule, error: NabeError) -> Measured:
    """The code of an error and the silo that it names; never its words."""
    params = {name: str(error.params[name]) for name in ("system", "dataset") if error.params.get(name)}
    return Measured(rule.id, why=error.code, params=params)


def _count(row: Mapping[str, Any], name: str) -> int:
    value = row.get(name)
    return int(value) if value is not None else -1


def _moment(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    return str(value.isoformat()) if isinstance(value, dt.date) else ""


def _keys(rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(" / ".join(_key(value) for value in row.values())[:_LONGEST_KEY] for row in rows))


def _key(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return value.astimezone(CITY_TIME).isoformat(sep=" ", timespec="seconds")
    return "–" if value is None else str(value)
