"""Ask governance, with the facts at hand, and remember the answer while it holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nabe.errors import NabeError, Unknown
from nabe.governance.decide import decide
from nabe.governance.facts import Facts
from nabe.model.catalogue import Snapshot
from nabe.model.dataset import Access, Dataset
from nabe.model.decision import Action, Decision, Request
from nabe.model.expr import ALL_ROWS, Expr, NoRows
from nabe.model.party import Actor
from nabe.model.text import Text
from nabe.ports.catalogue import Catalogue
from nabe.query.text import Known, parse, parse_filter

#: Stands where an action concerns no dataset.
NO_DATASET = Dataset("", Text(), "", Access.RESTRICTED, ())

_MOST_REMEMBERED = 50_000


@dataclass(frozen=True, slots=True)
class _Key:
    actor: Actor
    action: Action
    dataset: str
    use_case: str
    for_product: str
    for_check: str


class Deciding:
    """Decisions, cached per actor x action x dataset x use case x catalogue version, until they expire."""

    def __init__(self, catalogue: Catalogue, clock: Callable[[], dt.datetime]) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._remembered: tuple[int, dict[_Key, Decision]] = (-1, {})
        self._prepared: tuple[int, dict[tuple[str, str], Expr], dict[str, tuple[Dataset, ...]]] = (-1, {}, {})

    def snapshot(self) -> Snapshot:
        """The declarations as they are now."""
        return self._catalogue.snapshot()

    def decide(
        self,
        actor: Actor,
        action: Action,
        dataset: Dataset,
        use_case: str,
        snapshot: Snapshot,
        *,
        for_product: str = "",
        for_check: str = "",
    ) -> Decision:
        """The decision for this request, now."""
        now = self._clock()
        version, remembered = self._remembered
        if version != snapshot.version or len(remembered) > _MOST_REMEMBERED:
            remembered = {}
            self._remembered = (snapshot.version, remembered)
        key = _Key(actor, action, dataset.id, use_case, for_product, for_check)
        found = remembered.get(key)
        if found is not None and (found.expires_at is None or now < found.expires_at):
            return found
        facts = self._facts(dataset, use_case, snapshot, for_product, for_check)
        decision = decide(Request(actor, action, dataset.id, use_case, now), facts)
        remembered[key] = decision
        return decision

    def dataset(self, actor: Actor, use_case: str, name: str, snapshot: Snapshot) -> tuple[Dataset, Decision]:
        """A dataset and the decision to read it; `Unknown` alike whether it is not there or may not be known."""
        dataset = snapshot.datasets.get(name)
        if dataset is None:
            raise unknown(name)
        decision = self.decide(actor, Action.READ, dataset, use_case, snapshot)
        if not decision.permit and not self.may_know(actor, dataset, snapshot):
            raise unknown(name)
        return dataset, decision

    def may_know(self, actor: Actor, dataset: Dataset, snapshot: Snapshot) -> bool:
        """May the actor know that this dataset exists?"""
        return self.decide(actor, Action.FIND, dataset, "", snapshot).permit

    def inputs(self, dataset: Dataset, snapshot: Snapshot) -> tuple[Dataset, ...]:
        """The datasets that a product reads; empty for any other dataset."""
        if dataset.product is None:
            return ()
        _, inputs = self._prepared_for(snapshot)
        if dataset.id not in inputs:
            inputs[dataset.id] = _inputs(dataset, snapshot.datasets)
        return inputs[dataset.id]

    def _facts(self, dataset: Dataset, use_case: str, snapshot: Snapshot, for_product: str, for_check: str) -> Facts:
        case = snapshot.usecases.get(use_case)
        return Facts(
            snapshot=snapshot,
            dataset=dataset,
            use_case=case,
            row_filter=self._row_filter(dataset, use_case, snapshot),
            inputs=self.inputs(dataset, snapshot),
            for_product=for_product,
            for_check=for_check,
        )

    def _row_filter(self, dataset: Dataset, use_case: str, snapshot: Snapshot) -> Expr:
        case = snapshot.usecases.get(use_case)
        grant = case.grant(dataset.id) if case else None
        if grant is None or not grant.where:
            return ALL_ROWS
        filters, _ = self._prepared_for(snapshot)
        key = (use_case, dataset.id)
        if key not in filters:
            try:
                filters[key] = parse_filter(grant.where, dataset)
            except NabeError:
                filters[key] = NoRows()  # a filter nobody can read lets nothing through
        return filters[key]

    def _prepared_for(self, snapshot: Snapshot) -> tuple[dict[tuple[str, str], Expr], dict[str, tuple[Dataset, ...]]]:
        version, filters, inputs = self._prepared
        if version != snapshot.version:
            filters, inputs = {}, {}
            self._prepared = (snapshot.version, filters, inputs)
        return filters, inputs


def unknown(name: str) -> Unknown:
    """The same words whether a dataset is absent or hidden."""
    return Unknown(
        f"There is no dataset {name!r} that you may know of.",
        hint="`nabe datasets list` shows those you may; log in or name your use case to see more.",
        dataset=name,
    )


def _inputs(dataset: Dataset, datasets: Mapping[str, Dataset]) -> tuple[Dataset, ...]:
    def resolve(name: str) -> Known:
        found = datasets.get(name)
        if found is None:
            raise unknown(name)
        return Known(found, tuple(field.name for field in found.fields))

    assert dataset.product is not None
    query = parse(dataset.product.sql, resolve)
    names = dict.fromkeys(scan.dataset for _, scan in query.scans)
    return tuple(datasets[name] for name in names)
