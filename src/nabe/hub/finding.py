"""What is there, as far as the asker may know: the governed inventory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from nabe.errors import Unknown
from nabe.governance.facts import is_member
from nabe.hub.deciding import Deciding, unknown
from nabe.hub.reading import readable
from nabe.model.catalogue import Snapshot
from nabe.model.dataset import Dataset, Limits
from nabe.model.decision import Action, Decision
from nabe.model.party import Actor
from nabe.model.text import Text
from nabe.model.usecase import Member, UseCase
from nabe.query.lineage import FieldLineage, lineage
from nabe.query.text import Known


@dataclass(frozen=True, slots=True)
class Found:
    """A dataset the asker may know of, with the decision to read it for the use case named. `source` is blanked,
    and so are its rules (`Hub.quality` shows what may be seen of them)."""

    dataset: Dataset
    decision: Decision
    readable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SystemView:
    """A silo without its connection, and the datasets of it that the asker may know of."""

    id: str
    title: Text
    description: Text
    adapter: str
    owner: str
    limits: Limits
    datasets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a product comes from. `inputs`: dataset ids that the asker may know of; `hidden`: how many more there are."""

    dataset: str
    inputs: tuple[str, ...]
    hidden: int
    fields: tuple[FieldLineage, ...]
    used_by: tuple[str, ...]
    sql: str


class Finding:
    """The governed view of a snapshot."""

    def __init__(self, deciding: Deciding) -> None:
        self._deciding = deciding

    def datasets(self, actor: Actor, use_case: str, text: str, ids: Iterable[str], snapshot: Snapshot) -> list[Found]:
        """Datasets by id or by words (all must occur), best first."""
        wanted = set(ids)
        words = text.casefold().split()
        hits: list[tuple[int, str, Found]] = []
        for dataset in snapshot.datasets.values():
            if wanted and dataset.id not in wanted:
                continue
            score = _score(dataset, words)
            if words and not score:
                continue
            found = self._found(actor, use_case, dataset, snapshot)
            if found is not None:
                hits.append((-score, dataset.title.de.casefold(), found))
        return [found for *_, found in sorted(hits, key=lambda hit: hit[:2])]

    def dataset(self, actor: Actor, use_case: str, name: str, snapshot: Snapshot) -> Found:
        """One dataset; `Unknown` if it is not there or may not be known."""
        dataset = snapshot.datasets.get(name)
        found = self._found(actor, use_case, dataset, snapshot) if dataset else None
        if found is None:
            raise unknown(name)
        return found

    def _found(self, actor: Actor, use_case: str, dataset: Dataset, snapshot: Snapshot) -> Found | None:
        decision = self._deciding.decide(actor, Action.READ, dataset, use_case, snapshot)
        if not decision.permit and not self._deciding.may_know(actor, dataset, snapshot):
            return None
        shown = replace(dataset, source={}, quality=())
        if shown.product is not None and self._hidden(actor, dataset, snapshot):
            shown = replace(shown, product=replace(shown.product, sql=""))
        return Found(shown, decision, readable(dataset, decision) if decision.permit else ())

    def _hidden(self, actor: Actor, dataset: Dataset, snapshot: Snapshot) -> int:
        inputs = self._deciding.inputs(dataset, snapshot)
        return sum(not self._deciding.may_know(actor, item, snapshot) for item in inputs)

    def systems(self, actor: Actor, snapshot: Snapshot) -> list[SystemView]:
        """Silos that hold a dataset the actor may know of."""
        views = []
        for system in snapshot.systems.values():
            held = tuple(
                dataset.id
                for dataset in snapshot.datasets.values()
                if dataset.system == system.id and self._deciding.may_know(actor, dataset, snapshot)
            )
            if held:
                views.append(
                    SystemView(
                        system.id, system.title, system.description, system.adapter, system.owner, system.limits, held
                    )
                )
        return views

    def usecases(self, actor: Actor, snapshot: Snapshot) -> Iterator[UseCase]:
        """Public use cases, and those the actor works in or whose owner the actor belongs to."""
        for case in snapshot.usecases.values():
            inside = is_member(actor, case, snapshot) or case.owner in snapshot.ancestry(actor.organisation)
            if case.public or inside:
                yield self._shown(actor, case, snapshot)

    def usecase(self, actor: Actor, id: str, snapshot: Snapshot) -> UseCase:
        """One use case; `Unknown` if it is not there or may not be known."""
        found = next((case for case in self.usecases(actor, snapshot) if case.id == id), None)
        if found is None:
            raise Unknown(f"There is no use case {id!r} that you may know of.", use_case=id)
        return found

    def _shown(self, actor: Actor, case: UseCase, snapshot: Snapshot) -> UseCase:
        """Without grants for datasets the actor may not know of; strangers see no persons."""
        grants = tuple(
            grant
            for grant in case.grants
            if (dataset := snapshot.datasets.get(grant.dataset)) is not None
            and (self._deciding.may_know(actor, dataset, snapshot))
        )
        members = case.members
        if not actor.organisation:
            members = tuple(member for member in members if not member.person)
            members += (Member(),) if len(members) < len(case.members) else ()
            grants = tuple(
                replace(grant, approval=replace(grant.approval, by="") if grant.approval else None) for grant in grants
            )
        return replace(case, grants=grants, members=members)

    def lineage(self, actor: Actor, name: str, snapshot: Snapshot) -> Lineage:
        """What a dataset is made of and what is made of it; only what the actor may know of."""
        dataset = snapshot.datasets[name]
        inputs = self._deciding.inputs(dataset, snapshot)
        known = tuple(item.id for item in inputs if self._deciding.may_know(actor, item, snapshot))
        hidden = len(inputs) - len(known)
        used_by = tuple(
            other.id
            for other in snapshot.datasets.values()
            if other.product is not None
            and any(item.id == name for item in self._deciding.inputs(other, snapshot))
            and self._deciding.may_know(actor, other, snapshot)
        )
        fields: tuple[FieldLineage, ...] = ()
        if dataset.product is not None:
            datasets = snapshot.datasets
            fields = tuple(
                line
                for line in lineage(
                    dataset.product.sql,
                    lambda item: Known(datasets[item], tuple(field.name for field in datasets[item].fields)),
                )
                if all(source in known for source, _ in line.inputs)
            )
        sql = dataset.product.sql if dataset.product is not None and not hidden else ""
        return Lineage(name, known, hidden, fields, used_by, sql)


def _score(dataset: Dataset, words: list[str]) -> int:
    """How well a dataset fits all the words; 0 when one is missing."""
    if not words:
        return 1
    title = f"{dataset.id} {dataset.title.de} {dataset.title.en}".casefold()
    rest = " ".join(
        (
            dataset.description.de,
            dataset.description.en,
            dataset.theme,
            dataset.owner,
            *dataset.keywords,
            *(f"{field.name} {field.title.de} {field.title.en}" for field in dataset.fields),
        )
    ).casefold()
    score = 0
    for word in words:
        if word in title:
            score += 10
        elif word in rest:
            score += 1
        else:
            return 0
    return score
