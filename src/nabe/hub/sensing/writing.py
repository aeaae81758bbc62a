"""Creating, changing and removing entities: whose dataset it is, whether the actor may, what else it takes along."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from nabe.errors import Denied, Invalid, NabeError, Unknown
from nabe.hub.deciding import unknown
from nabe.hub.sensing.seeing import Seeing, refused, streams_in
from nabe.hub.sensing.validating import walk
from nabe.model.decision import Action
from nabe.model.entities import ENTITIES, STREAMS, EntityQuery, EntityRef, EntityType, Hop, NewEntity
from nabe.model.observation import ObservationScan, stream_of
from nabe.model.party import Actor
from nabe.ports.entities import Entities, EntityScan, StoredEntity
from nabe.ports.observations import Observations
from nabe.query.sensing import View, nowhere

_T = EntityType
#: What others may link to without a say of its owner: it is not changed by that.
_SHARED: Final = frozenset({_T.SENSOR, _T.OBSERVED_PROPERTY, _T.FEATURE_OF_INTEREST, _T.LOCATION, _T.ACTUATOR})


@dataclass(frozen=True, slots=True)
class Rights:
    """What an actor may write and, for links, read."""

    actor: Actor
    write: View
    read: View

    @property
    def known(self) -> frozenset[str]:
        """Datasets whose entities can be named."""
        return self.write.ids | self.read.ids


class Owning:
    """Whose dataset an entity is, and whether an actor may write it."""

    def __init__(self, seeing: Seeing, entities: Entities, observations: Observations) -> None:
        self._seeing, self._entities, self._observations = seeing, entities, observations

    def everything(self) -> frozenset[str]:
        """All declared stream datasets."""
        return frozenset(dataset.id for dataset in streams_in(self._seeing.snapshot()))

    def of(self, type: EntityType, ids: Iterable[int]) -> dict[int, str]:
        """The datasets of entities, whoever may know of them."""
        wanted = tuple(dict.fromkeys(ids))
        if type is _T.OBSERVATION:
            streams = self._entities.streams([stream_of(id) for id in wanted])
            there: set[int] = set()
            if streams:
                for batch in self._observations.read(ObservationScan(tuple(streams), ids=wanted, columns=("id",))):
                    there.update(batch.column("id").to_pylist())
            return {id: streams[stream_of(id)].dataset for id in wanted if id in there}
        if type in STREAMS:
            facts = self._entities.streams(list(wanted))
            return {id: fact.dataset for id, fact in facts.items() if fact.type is type}
        rows = self._entities.find(EntityScan(type, self.everything(), ids=wanted))
        return {row.id: row.dataset for row in rows}

    def demand(self, rights: Rights, dataset: str, missing: Callable[[], NabeError]) -> None:
        """May the actor write into the dataset? `Denied`; or what says that there is nothing, if it may not be known."""
        if dataset in rights.write.ids:
            return
        noun = self._seeing.snapshot().datasets.get(dataset)
        if noun is None or (dataset not in rights.read.ids and not self._seeing.knows(rights.actor, noun)):
            raise missing()
        raise refused(self._seeing.decision(rights.actor, Action.WRITE, noun), "Writing into")

    def chosen(self, rights: Rights, name: str) -> str:
        """The dataset that was named. `Unknown`, `Denied`, `Invalid` if it is none that is written into."""
        noun = self._seeing.snapshot().datasets.get(name)
        if noun is None:
            raise unknown(name)
        self.demand(rights, name, lambda: unknown(name))
        return name

    def only(self, rights: Rights) -> str:
        """The only dataset that the actor may write. `Denied`, `Invalid` naming the choices."""
        may = sorted(rights.write.ids)
        if len(may) == 1:
            return may[0]
        if not may:
            raise Denied(
                "You may not write sensor data into any dataset.",
                reasons=(("may_write_nothing", {}),),
                hint="A dataset's owner names writers in its declaration (stream.writers).",
            )
        shown = ", ".join(may[:20]) + (" …" if len(may) > 20 else "")
        raise Invalid(
            "It is not clear which dataset this belongs to.",
            hint=f"Name it by the header Nabe-Dataset or by ?dataset=. You may write {shown}.",
            field="dataset",
        )

    def links(self, rights: Rights, entity: NewEntity) -> dict[tuple[EntityType, int], str]:
        """The datasets of all entities that are linked. `Invalid` for one that is not there or may not be known, `Denied`
        for one that would be changed by it and may not be."""
        wanted: dict[EntityType, set[int]] = {}
        for one in walk(entity):
            for name, items in one.links.items():
                target = ENTITIES[one.type].relations[name].target
                refs = [item.id for item in items if isinstance(item, EntityRef)]
                if refs:
                    wanted.setdefault(target, set()).update(refs)
        found: dict[tuple[EntityType, int], str] = {}
        for type, ids in wanted.items():
            datasets = self.of(type, ids)
            for id in sorted(ids):
                if id not in datasets or datasets[id] not in rights.known:
                    raise broken_link(type, id)
                if type not in _SHARED:
                    self.demand(rights, datasets[id], lambda type=type, id=id: broken_link(type, id))  # type: ignore[misc]
                found[(type, id)] = datasets[id]
        return found

    def dataset_for(
        self, rights: Rights, entity: NewEntity, named: str, linked: Mapping[tuple[EntityType, int], str]
    ) -> str:
        """The dataset of a new entity: the one named, that of what it belongs to, the only one the actor may write."""
        if named:
            return self.chosen(rights, named)
        datasets = []
        for shared in (False, True):
            for name, items in entity.links.items():
                target = ENTITIES[entity.type].relations[name].target
                if (target in _SHARED) is shared:
                    datasets += [linked[(target, item.id)] for item in items if isinstance(item, EntityRef)]
        for dataset in datasets:
            if dataset in rights.write.ids:
                return dataset
        return self.only(rights)

    def dragged(self, rights: Rights, type: EntityType, ids: Sequence[int]) -> None:
        """`Denied` if removing these would remove what belongs to datasets that the actor may not write."""
        everything = self.everything()
        if everything <= rights.write.ids:
            return
        left = [(type, tuple(ids))]
        while left:
            kind, here = left.pop()
            for name, relation in ENTITIES[kind].relations.items():
                back = ENTITIES[relation.target].relations.get(relation.inverse)
                if relation.target is _T.OBSERVATION or not relation.many or back is None or not back.required:
                    continue
                rows = self._entities.find(EntityScan(relation.target, everything, parents=(kind, name, here)))
                others = sorted({row.dataset for row in rows} - rights.write.ids)
                if others:
                    raise Denied(
                        f"{relation.target.value}s of other datasets hang on it.",
                        reasons=(("others_hang_on_it", {"dataset": rights_name(others, rights)}),),
                        hint="Their owners must remove them first.",
                    )
                if rows:
                    left.append((relation.target, tuple(row.id for row in rows)))


def rights_name(others: Sequence[str], rights: Rights) -> str:
    """The first dataset that the actor may know of."""
    return next((name for name in others if name in rights.known), "")


def broken_link(type: EntityType, id: int) -> Invalid:
    """The same words whether the linked entity is absent or hidden."""
    return Invalid(
        f"There is no {type.value} {id} that could be linked.",
        hint="Create it first, or send it along.",
        field=type.value,
        code="broken-link",
    )


def linked_to(entity: NewEntity, within: tuple[Hop, ...], parent: int) -> NewEntity:
    """The entity with the link that its address means. `Invalid` if it names another."""
    last = within[-1]
    relation = ENTITIES[last.type].relations[last.relation]
    if relation.target is not entity.type:
        raise Invalid(f"{last.relation!r} of {last.type.value} leads to {relation.target.value}.", field=last.relation)
    name = relation.inverse
    given = entity.links.get(name, ())
    many = ENTITIES[entity.type].relations[name].many
    if any(isinstance(item, EntityRef) and item.id == parent for item in given):
        return entity
    if given and not many:
        raise Invalid(
            f"The address says {last.type.value} {parent}, the body another.", hint="Leave one of them out.", field=name
        )
    return replace(entity, links={**entity.links, name: (*given, EntityRef(parent))})


def without_observations(entity: NewEntity) -> NewEntity:
    """The tree without its observations, which the other store keeps."""
    links: dict[str, tuple[EntityRef | NewEntity, ...]] = {}
    for name, items in entity.links.items():
        if ENTITIES[entity.type].relations[name].target is _T.OBSERVATION:
            continue
        links[name] = tuple(without_observations(item) if isinstance(item, NewEntity) else item for item in items)
    return replace(entity, links=links)


def streams_with_observations(entity: NewEntity) -> list[tuple[NewEntity, tuple[NewEntity, ...]]]:
    """Streams of a tree with the observations sent along, in the order of a walk."""
    found = []
    for one in walk(entity):
        items = tuple(item for item in one.links.get("Observations", ()) if isinstance(item, NewEntity))
        if one.type in STREAMS:
            found.append((one, items))
        elif items:
            raise Invalid("Observations come along with their stream, not with their feature.", field="Observations")
    return found


def matched(nodes: Sequence[NewEntity], made: Sequence[StoredEntity]) -> list[StoredEntity]:
    """Which stored entity each node of a tree became."""
    left = sorted((row for row in made), key=lambda row: row.id)
    found = []
    for node in nodes:
        at = next(
            (
                at
                for at, row in enumerate(left)
                if row.type is node.type
                and all(row.values.get(name) == node.values.get(name) for name in ("name", "description", "properties"))
            ),
            None,
        )
        if at is None:
            raise Unknown("A stream was stored otherwise than it was sent.")
        found.append(left.pop(at))
    return found


def absent(type: EntityType, id: int) -> Unknown:
    """There is no such entity, or it may not be known."""
    return nowhere(EntityQuery(type, id=id))


def now_micros(now: dt.datetime) -> int:
    """A moment in microseconds since the epoch."""
    return (now - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def changed_names(values: Mapping[str, Any], links: Mapping[str, Any] | None) -> tuple[str, ...]:
    """What an update touched."""
    return tuple(dict.fromkeys((*values, *(links or ()))))
