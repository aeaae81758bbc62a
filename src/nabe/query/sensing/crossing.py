"""Filters that need both stores: what lies beyond Observations is resolved into ids of streams and features.

The store of entities knows no observations and the store of observations no entities. A condition on one of them that
looks at the other is answered by the other first; its ids stand in the condition's place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nabe.errors import Invalid
from nabe.model.entities import ENTITIES, STREAMS, EntityType
from nabe.model.observation import ObservationScan
from nabe.model.term import Call, Literal, Path, Term, paths_of
from nabe.ports.entities import Entities, EntityScan, StoredEntity
from nabe.ports.observations import Observations
from nabe.query.sensing import terms as t
from nabe.query.sensing.evaluating import holds
from nabe.query.sensing.extents import Extents
from nabe.query.sensing.limits import IDS, VALUES, Meter, too_many
from nabe.query.sensing.split import split
from nabe.query.sensing.view import Sight, View, spot_of

_OBSERVATION = EntityType.OBSERVATION
_STREAM = Path(("Datastream", "id"))
_FEATURE = Path(("FeatureOfInterest", "id"))


class Crossing:
    """For one question of one asker."""

    def __init__(
        self, view: View, entities: Entities, observations: Observations, extents: Extents, meter: Meter
    ) -> None:
        self._view, self._entities, self._observations = view, entities, observations
        self._extents, self._meter = extents, meter

    # --- conditions on entities -------------------------------------------------------------------------------------

    def entity(self, base: EntityType, term: Term | None) -> Term | None:
        """A condition on entities of type `base` that the store of entities can answer."""
        if term is None or not _crosses(base, term):
            return term
        return t.each_atom(t.inward(term), lambda atom: self._entity_atom(base, atom))

    def _entity_atom(self, base: EntityType, atom: Term) -> Term:
        negated = isinstance(atom, Call) and atom.name == "not"
        inner = atom.args[0] if isinstance(atom, Call) and negated else atom
        if isinstance(inner, Call) and inner.name in ("any", "all"):
            found = self._quantified(base, inner)
            return t.negated(found) if negated else found
        paths = t.free_paths(inner)
        extents = {(path.steps[:at]) for path in paths if (at := t.extent(base, path)) is not None}
        if extents:
            if len(extents) > 1 or not all(t.extent(base, path) is not None for path in paths):
                raise _mixed("the extent of a stream")
            (steps,) = extents
            owner = t.target(base, map(str, steps))
            return t.among(Path((*steps, "id")), self._extents.where(owner, t.rebased(atom, len(steps))))
        prefixes = {path.steps[:at] for path in paths if (at := t.beyond(base, path)) is not None}
        if not prefixes:
            return atom
        if len(prefixes) > 1 or not all(t.beyond(base, path) is not None for path in paths):
            raise _mixed("observations")
        (steps,) = prefixes
        inner = t.rebased(inner, len(steps))
        if (value := _compared_with_null(inner)) is not None:  # `eq null`: that none of them has a value
            negated = negated != (value.name == "eq")
            inner = Call("ne", value.args)
        found = self._owners(base, steps, inner)
        return t.negated(found) if negated else found

    def _owners(self, base: EntityType, steps: tuple[str | int, ...], condition: Term | None) -> Term:
        """That one of the observations reached by `steps` fulfils the condition."""
        owner = t.target(base, map(str, steps[:-1]))
        if owner in STREAMS:
            ids: Iterable[int] = self.streams_with(condition)
        else:
            ids = self._features_with(condition)
        return t.among(Path((*steps[:-1], "id")), ids)

    def _quantified(self, base: EntityType, term: Call) -> Term:
        """`any` and `all`."""
        path = term.args[0]
        if not isinstance(path, Path):
            raise Invalid(f"{term.name!r} follows a relation.", term=term.name)
        named, condition = (term.args[1], term.args[2]) if len(term.args) > 2 else (None, None)
        variable = f"${named.value}" if isinstance(named, Literal) else ""
        steps = path.steps[1:] if str(path.steps[0]).startswith("$") else path.steps
        at = t.beyond(base, Path(steps))
        if at is None:
            kind = t.target(base, t.relations(base, Path(steps)))
            if condition is None or not _crosses(kind, _stripped(condition, variable)):
                return term
            inner = t.each_atom(t.inward(condition), lambda atom: self._variable_atom(kind, variable, atom))
            return Call(term.name, (path, term.args[1], inner))
        if at != len(steps):
            raise Invalid(f"{term.name!r} may end at Observations, not go on from there.", term=term.name)
        if condition is not None:
            condition = _stripped(condition, variable)
            if any(str(item.steps[0]).startswith("$") for item in paths_of(condition)):
                raise _mixed("observations")
        if term.name == "all" and condition is not None:
            return t.negated(self._owners(base, steps, Call("not", (condition,))))
        return self._owners(base, steps, condition)

    def _variable_atom(self, kind: EntityType, variable: str, atom: Term) -> Term:
        own = _stripped(atom, variable)
        if not _crosses(kind, own):
            return atom
        return _prefixed(self._entity_atom(kind, own), variable)

    # --- conditions on observations ---------------------------------------------------------------------------------

    def observation(self, term: Term | None) -> Term | None:
        """A condition on observations that their store can answer: their own properties, ids of streams and features."""
        if term is None:
            return None
        return t.each_atom(t.inward(term), self._observation_atom)

    def _observation_atom(self, atom: Term) -> Term:
        negated = isinstance(atom, Call) and atom.name == "not"
        inner = atom.args[0] if isinstance(atom, Call) and negated else atom
        paths = t.free_paths(inner)
        roots = {steps[0] for path in paths if (steps := t.relations(_OBSERVATION, path)) and path != _FEATURE}
        if not roots:
            return self._own(atom)
        if len(roots) == 1 and all(path.steps[0] in roots for path in paths):
            (root,) = roots
            kind = ENTITIES[_OBSERVATION].relations[root].target
            where = t.rebased(atom, 1)
            if not negated and (value := _compared_with_null(where)) is not None and value.name == "eq":
                return t.negated(t.among(_identity(root), self.ids(kind, Call("ne", value.args))))
            return t.among(_identity(root), self.ids(kind, where))
        return self._substituted(atom, next(iter(sorted(roots))))

    def _own(self, atom: Term) -> Term:
        """A condition on an observation's own properties; what is withheld of some datasets is missing there."""
        withheld = self._view.withheld(_OBSERVATION, atom)
        if not withheld:
            return atom
        groups: dict[frozenset[Any], set[str]] = {}
        for dataset in self._view.ids:
            groups.setdefault(withheld.get(dataset, frozenset()), set()).add(dataset)
        choices = []
        for hidden, datasets in groups.items():
            part = _without(atom, hidden)
            if len(groups) > 1:
                here = t.among(_STREAM, self._entities.streams_of(frozenset(datasets)))
                part = t.combined("and", (here, part))
            choices.append(part)
        return t.combined("or", choices)

    def _substituted(self, atom: Term, root: str) -> Term:
        """A comparison of observations with what they belong to: one condition for each value that there is."""
        paths = [path for path in dict.fromkeys(t.free_paths(atom)) if path.steps[0] == root]
        by_values: dict[tuple[Any, ...], list[int]] = {}
        columns = [self.values(root, Path(path.steps[1:])) for path in paths]
        for id in columns[0]:
            by_values.setdefault(tuple(column.get(id) for column in columns), []).append(id)
        if len(by_values) > VALUES:
            raise too_many(f"different values of {root}", VALUES)
        choices = []
        for values, ids in by_values.items():
            known = dict(zip(paths, values, strict=True))
            part = t.replaced(atom, lambda path, known=known: Literal(known[path]) if path in known else path)  # type: ignore[misc]
            choices.append(t.combined("and", (t.among(_identity(root), ids), self._observation_atom(part))))
        return t.combined("or", choices)

    def values(self, root: str, path: Path) -> Mapping[int, Any]:
        """The value of a path for each stream or feature; only along relations to one, only plain values."""
        kind = ENTITIES[_OBSERVATION].relations[root].target
        rows = self._entities.find(EntityScan(kind, self._view.ids, top=IDS + 1))
        if len(rows) > IDS:
            raise too_many(f"entities of type {kind.value}", IDS)
        at: dict[int, StoredEntity] = {row.id: row for row in rows}
        steps = t.relations(kind, path)
        for step in steps:
            relation = ENTITIES[kind].relations[step]
            if relation.many:
                raise Invalid(
                    f"{'/'.join(map(str, path.steps))!r} leads to many; it cannot be compared with an observation here.",
                    hint="Compare it with a literal, or filter the other entities first.",
                )
            links = {id: row.links[step] for id, row in at.items() if step in row.links}
            kind = relation.target
            found = self._entities.find(EntityScan(kind, self._view.ids, ids=tuple(set(links.values()))))
            by_id = {row.id: row for row in found}
            at = {id: by_id[link] for id, link in links.items() if link in by_id}
        keys = path.steps[len(steps) :]
        return {id: self._value(row, keys) for id, row in at.items()}

    def _value(self, row: StoredEntity, keys: tuple[str | int, ...]) -> Any:
        if keys == ("id",):
            return row.id
        if self._view.datasets[row.dataset].sees(row.type, keys) is not Sight.ALL:
            return None
        value: Any = row.values.get(str(keys[0])) if keys else None
        for key in keys[1:]:
            if isinstance(value, Mapping):
                value = value.get(key)
            elif isinstance(value, list) and isinstance(key, int) and key < len(value):
                value = value[key]
            else:
                return None
        return value if isinstance(value, str | int | float | bool) else None

    # --- ids --------------------------------------------------------------------------------------------------------

    def ids(self, kind: EntityType, where: Term | None) -> list[int]:
        """Ids of the entities that fulfil a condition."""
        self._meter.tick()
        resolved = self.entity(kind, where)
        if resolved == t.FALSE:
            return []
        withheld = self._view.withheld(kind, resolved)
        scan = EntityScan(kind, self._view.ids, withheld, where=None if resolved == t.TRUE else resolved, top=IDS + 1)
        found = [row.id for row in self._entities.find(scan)]
        if len(found) > IDS:
            raise too_many(f"entities of type {kind.value}", IDS)
        return found

    def streams_with(self, condition: Term | None) -> list[int]:
        """Streams that hold an observation which fulfils the condition."""
        visible = self._entities.streams_of(self._view.ids)
        if condition is None or _always(condition):
            return [id for id, held in self._observations.summaries(visible).items() if held.count]
        return sorted(self._distinct("stream", condition, visible))

    def _features_with(self, condition: Term | None) -> set[int]:
        visible = self._entities.streams_of(self._view.ids)
        if condition is None or _always(condition):
            held = self._observations.summaries(visible).values()
            return {feature for one in held for feature in one.features}
        return self._distinct("feature", condition, visible)

    def _distinct(self, column: str, condition: Term, visible: Sequence[int]) -> set[int]:
        part = split(self.observation(condition), visible)
        if part is None:
            return set()
        scan = ObservationScan(
            part.streams, part.span, part.ids, part.strict, (column,), per_stream=1 if column == "stream" else None
        )
        found: set[int] = set()
        for batch in self._observations.read(scan):
            self._meter.tick()
            found.update(id for id in batch.column(column).unique().to_pylist() if id is not None)
        return found


def _crosses(base: EntityType, term: Term) -> bool:
    """Does a term on entities look at observations or at extents of streams, anywhere?"""
    left: list[tuple[Term, Mapping[str, EntityType]]] = [(term, {})]
    while left:
        part, variables = left.pop()
        if isinstance(part, Path):
            kind, path = base, part
            if str(part.steps[0]).startswith("$"):
                kind, path = variables.get(str(part.steps[0]), base), Path(part.steps[1:] or ("id",))
            if t.beyond(kind, path) is not None or t.extent(kind, path) is not None:
                return True
        elif isinstance(part, Call):
            inner = variables
            if part.name in ("any", "all") and len(part.args) > 2 and isinstance(part.args[0], Path):
                start = str(part.args[0].steps[0])
                kind = variables.get(start, base) if start.startswith("$") else base
                path = Path(part.args[0].steps[1:]) if start.startswith("$") else part.args[0]
                named = part.args[1]
                if isinstance(named, Literal):
                    inner = {**variables, f"${named.value}": t.target(kind, t.relations(kind, path))}
            left.extend((arg, inner) for arg in part.args)
    return False


def _stripped(term: Term, variable: str) -> Term:
    """The term seen from the variable's entity."""
    match term:
        case Path(steps):
            return Path(steps[1:] or ("id",)) if steps[0] == variable else term
        case Call(name, args):
            return Call(name, tuple(_stripped(arg, variable) for arg in args))
        case _:
            return term


def _prefixed(term: Term, variable: str) -> Term:
    return t.replaced(term, lambda path: Path((variable, *path.steps)))


def _compared_with_null(term: Term) -> Call | None:
    """`x eq null` and `x ne null`, either way round."""
    if isinstance(term, Call) and term.name in ("eq", "ne") and len(term.args) == 2 and t.NULL in term.args:
        return term
    return None


def _always(condition: Term) -> bool:
    """`id ne null`: every observation has one."""
    return condition == Call("ne", (Path(("id",)), t.NULL))


def _identity(root: str) -> Path:
    return _FEATURE if root == "FeatureOfInterest" else _STREAM


def _without(atom: Term, hidden: frozenset[Any]) -> Term:
    """The condition as it stands where these are missing: what compares with a missing value is not true."""
    paths = t.free_paths(atom)
    missing = [path for path in paths if spot_of(_OBSERVATION, path) in hidden]
    if not missing:
        return atom
    if len(missing) < len(paths):
        return t.FALSE
    return t.TRUE if holds(atom, lambda _: None) is True else t.FALSE


def _mixed(what: str) -> Invalid:
    return Invalid(
        f"{what[:1].upper()}{what[1:]} cannot be compared with properties of other entities here.",
        hint="Compare with a literal; join both with and/or.",
        field="$filter",
    )
