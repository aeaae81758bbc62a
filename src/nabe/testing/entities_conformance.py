"""What every store of entities must do; a store's tests subclass this with a `store` fixture.

The fixture yields an object with `.entities` and `again()` (a second store on the same data, as another process would open
it). It may hold entities of other tests: each works in a dataset of its own.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import shapely

from nabe.errors import Invalid, NabeError, Unknown
from nabe.model.entities import EntityRef, EntityType, Hop, NewEntity
from nabe.model.term import Call, Instant, Literal, Ordering, Path, Shape, Term
from nabe.ports.entities import EntityScan, StoredEntity

T = EntityType
GEO = "application/geo+json"


_REQUIRED: dict[EntityType, dict[str, Any]] = {
    T.HISTORICAL_LOCATION: {"time": 1},
    T.TASK: {"taskingParameters": {"on": True}},
    T.LOCATION: {"encodingType": GEO, "location": {"type": "Point", "coordinates": [9.9, 53.5]}},
    T.DATASTREAM: {"observationType": "OM_Measurement", "unitOfMeasurement": {"name": "C", "symbol": "°C"}},
    T.MULTI_DATASTREAM: {"unitOfMeasurements": [{}, {}], "multiObservationDataTypes": ["a", "b"]},
    T.SENSOR: {"encodingType": "application/pdf", "metadata": "https://example.org/sensor"},
    T.OBSERVED_PROPERTY: {"definition": "https://example.org/temperature"},
    T.FEATURE_OF_INTEREST: {"encodingType": GEO, "feature": {"type": "Point", "coordinates": [1, 2]}},
    T.ACTUATOR: {"encodingType": "application/pdf", "metadata": "m"},
    T.TASKING_CAPABILITY: {"taskingParameters": {"type": "DataRecord"}},
}


def new(type: EntityType, name: str = "x", **more: Any) -> NewEntity:
    """An entity with what is required; `more`: properties, and relations by names in capitals (ids, new entities)."""
    own = {} if type in (T.HISTORICAL_LOCATION, T.TASK) else {"name": name, "description": "d"}
    values = own | _REQUIRED.get(type, {}) | {key: value for key, value in more.items() if not key[0].isupper()}
    links = {}
    for key, value in more.items():
        if key[0].isupper():
            targets = value if isinstance(value, list | tuple) else [value]
            links[key] = tuple(EntityRef(item) if isinstance(item, int) else item for item in targets)
    return NewEntity(type, values, links)


def stream(name: str = "s", **more: Any) -> NewEntity:
    """A Datastream with all that it needs."""
    needs = {
        "Thing": new(T.THING, f"thing of {name}"),
        "Sensor": new(T.SENSOR),
        "ObservedProperty": new(T.OBSERVED_PROPERTY),
    }
    return new(T.DATASTREAM, name, **(needs | more))


def point(x: float, y: float) -> dict[str, Any]:
    """GeoJSON."""
    return {"type": "Point", "coordinates": [x, y]}


def p(*steps: str | int) -> Path:
    """A path."""
    return Path(steps)


def ask(name: str, *args: Any) -> Call:
    """A call; what is no term is a literal."""
    return Call(name, tuple(arg if isinstance(arg, Call | Path | Literal) else Literal(arg) for arg in args))


def wkt(text: str) -> Literal:
    """A geometry."""
    return Literal(Shape(shapely.to_wkb(shapely.from_wkt(text))))


class World:
    """Shorthand for a store, in one dataset."""

    def __init__(self, store: Any) -> None:
        self.store, self.entities = store, store.entities
        self.dataset = f"sensors-{uuid.uuid4().hex[:12]}"
        self.datasets = frozenset({self.dataset})

    def make(self, entity: NewEntity) -> int:
        return self.entities.create(entity, self.dataset)[0]  # type: ignore[no-any-return]

    def find(self, type: EntityType, where: Term | None = None, **more: Any) -> list[StoredEntity]:
        more.setdefault("datasets", self.datasets)
        return self.entities.find(EntityScan(type, where=where, **more))  # type: ignore[no-any-return]

    def ids(self, type: EntityType, where: Term | None = None, **more: Any) -> list[int]:
        return [entity.id for entity in self.find(type, where, **more)]

    def names(self, type: EntityType, where: Term | None = None, **more: Any) -> list[str]:
        return [entity.values["name"] for entity in self.find(type, where, **more)]

    def related(self, type: EntityType, id: int, relation: str, target: EntityType) -> list[int]:
        return self.ids(target, hops=(Hop(type, id, relation),))


class EntitiesConformance:
    """Questions, changes and their consequences."""

    @pytest.fixture
    def world(self, store: Any) -> World:
        return World(store)

    # --- values ---

    def test_what_was_created_is_found_equal(self, world: World) -> None:
        odd = {'ü/~ "q" \\': [1, 1.5, None, True, "x'y"], "big": 2**53 + 1, "deep": {"a": {"b": []}}}
        id, made = world.entities.create(new(T.THING, "Straße 😀", properties=odd), world.dataset)
        again = World(world.store)
        again.entities, again.datasets = world.store.again().entities, world.datasets
        (found,) = again.find(T.THING, ids=(id,))
        assert found == made[0]
        assert found.values == {"name": "Straße 😀", "description": "d", "properties": odd}
        assert found.dataset == world.dataset
        for type in (T.SENSOR, T.OBSERVED_PROPERTY, T.FEATURE_OF_INTEREST, T.ACTUATOR, T.LOCATION):
            entity = new(type)
            (found,) = world.find(type, ids=(world.make(entity),))
            assert found.values == entity.values

    def test_ids_are_never_given_twice_and_streams_share_theirs(self, world: World) -> None:
        first = world.make(stream())
        world.entities.delete(T.DATASTREAM, [first])
        multi = new(
            T.MULTI_DATASTREAM,
            Thing=new(T.THING), Sensor=new(T.SENSOR), ObservedProperties=[new(T.OBSERVED_PROPERTY), new(T.OBSERVED_PROPERTY)],
        )  # fmt: skip
        second, third = world.make(multi), world.make(stream())
        assert first < second < third

    @pytest.mark.parametrize(
        ("values", "why"),
        [
            ({"name": None}, "lacks 'name'"),
            ({"name": 5}, "is a text"),
            ({"name": "a\0b"}, "NUL"),
            ({"name": "\ud800"}, "half a character"),
            ({"properties": {"x": "\0"}}, "NUL"),
            ({"properties": {"x": float("nan")}}, "JSON"),
            ({"properties": {"x": 10**400}}, "too large"),
            ({"colour": "red"}, "no property 'colour'"),
        ],
    )
    def test_values_that_cannot_be_kept_are_refused(self, world: World, values: dict[str, Any], why: str) -> None:
        with pytest.raises(Invalid, match=why):
            world.make(new(T.THING, **values))

    # --- creating ---

    def test_deep_inserts_in_every_direction(self, world: World) -> None:
        thing = new(
            T.THING, "lamp",
            Locations=[new(T.LOCATION, "mast")],
            Datastreams=[new(T.DATASTREAM, "light", Sensor=new(T.SENSOR), ObservedProperty=new(T.OBSERVED_PROPERTY))],
            TaskingCapabilities=[new(T.TASKING_CAPABILITY, Actuator=new(T.ACTUATOR), Tasks=[new(T.TASK)])],
        )  # fmt: skip
        id, made = world.entities.create(thing, world.dataset)
        kinds = sorted(entity.type for entity in made)
        tasking = [T.TASKING_CAPABILITY, T.ACTUATOR, T.TASK]
        sensing = [T.THING, T.LOCATION, T.HISTORICAL_LOCATION, T.DATASTREAM, T.SENSOR, T.OBSERVED_PROPERTY]
        assert kinds == sorted([*sensing, *tasking])
        (light,) = world.find(T.DATASTREAM)
        assert light.links["Thing"] == id
        (history,) = world.find(T.HISTORICAL_LOCATION)
        assert world.related(T.HISTORICAL_LOCATION, history.id, "Locations", T.LOCATION) == world.ids(T.LOCATION)
        (task,) = world.find(T.TASK)
        assert task.values["creationTime"] > 1_700_000_000_000_000

        other = world.make(stream("from below", Thing=new(T.THING, "box", Locations=[new(T.LOCATION, "hall")])))
        assert world.names(T.LOCATION, ask("eq", p("Things", "Datastreams", "id"), other)) == ["hall"]
        hall = world.make(new(T.LOCATION, "yard", Things=[new(T.THING, "cart"), id]))
        assert world.names(T.THING, ask("eq", p("Locations", "id"), hall)) == ["lamp", "cart"]
        assert world.names(T.THING, ask("eq", p("Locations", "name"), "mast")) == []

    def test_when_anything_is_wrong_nothing_is_made(self, world: World) -> None:
        broken = (
            (
                new(T.THING, Locations=[new(T.LOCATION)], Datastreams=[new(T.DATASTREAM)]),
                "lacks its (Sensor|ObservedProperty)",
            ),
            (new(T.THING, Locations=[new(T.LOCATION), 10**15]), "no Location with the id 1000000000000000"),
            (new(T.THING, Locations=[2**70]), "no Location"),
            (new(T.THING, Datastreams=[stream()]), "'Thing' of Datastream is given twice"),
            (new(T.THING, Cats=[1]), "no relation 'Cats'"),
            (new(T.THING, Locations=[new(T.SENSOR)]), "leads to Location, not Sensor"),
            (stream(Sensor=[new(T.SENSOR), new(T.SENSOR)]), "is one, not 2"),
        )
        for entity, why in broken:
            with pytest.raises(Invalid, match=why):
                world.make(entity)
        for type in (T.THING, T.LOCATION, T.SENSOR, T.OBSERVED_PROPERTY, T.DATASTREAM, T.HISTORICAL_LOCATION):
            assert world.ids(type) == []

    def test_what_goes_too_deep_or_in_circles_is_refused(self, world: World) -> None:
        links: dict[str, tuple[Any, ...]] = {}
        circle = NewEntity(T.THING, {"name": "x", "description": "d"}, links)
        links["Locations"] = (NewEntity(T.LOCATION, {}, {"Things": (circle,)}),)
        with pytest.raises(Invalid, match="nested"):
            world.make(circle)
        with pytest.raises(Invalid, match="at once"):
            world.make(new(T.THING, Locations=[new(T.LOCATION)] * 10_001))

    def test_multi_datastreams_keep_order_and_repeats(self, world: World) -> None:
        a, b = (world.make(new(T.OBSERVED_PROPERTY, name)) for name in "ab")
        needs: dict[str, Any] = {"Thing": new(T.THING), "Sensor": new(T.SENSOR)}
        units: dict[str, Any] = {"unitOfMeasurements": [1, 2, 3], "multiObservationDataTypes": ["x", "y", "z"]}
        id = world.make(new(T.MULTI_DATASTREAM, **needs, **units, ObservedProperties=[b, a, b]))
        assert world.related(T.MULTI_DATASTREAM, id, "ObservedProperties", T.OBSERVED_PROPERTY) == [b, a, b]
        facts = world.entities.streams([id])[id]
        assert (facts.type, facts.types, facts.dataset) == (T.MULTI_DATASTREAM, ("x", "y", "z"), world.dataset)
        world.entities.link(T.MULTI_DATASTREAM, id, "ObservedProperties", b, remove=True)
        (found,) = world.find(T.MULTI_DATASTREAM)
        assert (found.values["unitOfMeasurements"], found.values["multiObservationDataTypes"]) == ([2], ["y"])
        assert world.entities.streams([id])[id].types == ("y",)
        wrongs: list[Callable[[], Any]] = [
            lambda: world.entities.link(T.MULTI_DATASTREAM, id, "ObservedProperties", a, remove=True),
            lambda: world.entities.link(T.MULTI_DATASTREAM, id, "ObservedProperties", b),
            lambda: world.entities.update(T.OBSERVED_PROPERTY, b, {}, {"MultiDatastreams": [id]}),
            lambda: world.entities.update(T.MULTI_DATASTREAM, id, {"unitOfMeasurements": [1, 2]}),
            lambda: world.make(new(T.MULTI_DATASTREAM, **needs, ObservedProperties=[a])),
            lambda: world.make(new(T.MULTI_DATASTREAM, **needs)),
        ]
        for wrong in wrongs:
            with pytest.raises(Invalid):
                wrong()
        assert world.entities.delete(T.OBSERVED_PROPERTY, [a]).streams == (id,)

    # --- where Things are and were ---

    def test_moves_are_remembered(self, world: World) -> None:
        here = world.make(new(T.LOCATION, "here"))
        thing = world.make(new(T.THING, Locations=[here]))
        there, made = world.entities.create(new(T.LOCATION, "there", Things=[thing]), world.dataset)
        assert [entity.type for entity in made] == [T.LOCATION, T.HISTORICAL_LOCATION]
        assert world.related(T.THING, thing, "Locations", T.LOCATION) == [there]
        assert len(world.related(T.THING, thing, "HistoricalLocations", T.HISTORICAL_LOCATION)) == 2
        updated = world.entities.update(T.THING, thing, {}, {"Locations": [here]})
        assert [entity.type for entity in updated] == [T.THING, T.HISTORICAL_LOCATION]
        assert len(world.related(T.LOCATION, here, "HistoricalLocations", T.HISTORICAL_LOCATION)) == 2
        assert [e.type for e in world.entities.link(T.THING, thing, "Locations", there)] == [T.HISTORICAL_LOCATION]
        assert world.related(T.THING, thing, "Locations", T.LOCATION) == [here, there]
        world.entities.link(T.THING, thing, "Locations", here, remove=True)
        assert world.related(T.THING, thing, "Locations", T.LOCATION) == [there]
        with pytest.raises(Unknown):
            world.entities.link(T.THING, thing, "Locations", here, remove=True)

    def test_the_newest_historical_location_moves_the_thing(self, world: World) -> None:
        here, there = (world.make(new(T.LOCATION, name)) for name in ("here", "there"))
        thing = world.make(new(T.THING, Locations=[here]))
        world.make(new(T.HISTORICAL_LOCATION, time=5, Thing=thing, Locations=[there]))
        assert world.related(T.THING, thing, "Locations", T.LOCATION) == [here]
        world.make(new(T.HISTORICAL_LOCATION, time=250_000_000_000_000_000, Thing=thing, Locations=[there]))
        assert world.related(T.THING, thing, "Locations", T.LOCATION) == [there]
        assert len(world.ids(T.HISTORICAL_LOCATION)) == 3

    def test_features_are_made_from_locations_and_kept_while_these_stay(self, world: World) -> None:
        plain = new(T.LOCATION, "plain", encodingType="text/plain", location="behind the school")
        id = world.make(stream(Thing=new(T.THING, Locations=[plain, new(T.LOCATION, "school")])))
        assert world.entities.streams([id])[id].feature is None
        feature, (made,) = world.entities.feature_of(id)
        assert (made.id, made.type, made.values["name"], made.values["feature"]) == (
            feature, T.FEATURE_OF_INTEREST, "school", point(9.9, 53.5),
        )  # fmt: skip
        assert world.entities.feature_of(id) == (feature, [])
        assert world.entities.streams([id])[id].feature == feature
        (location,) = world.ids(T.LOCATION, ask("eq", p("name"), "school"))
        other = world.make(stream(Thing=new(T.THING, Locations=[location])))
        assert world.entities.feature_of(other)[0] == feature
        inside = ask("st_within", p("feature"), wkt("POLYGON ((9 53, 10 53, 10 54, 9 54, 9 53))"))
        assert self._spatial(world, T.FEATURE_OF_INTEREST, inside) in ([feature], None)

        world.entities.update(T.LOCATION, location, {"description": "only words"})
        assert world.entities.feature_of(id)[0] == feature
        world.entities.update(T.LOCATION, location, {"location": point(1, 2)})
        moved = world.entities.feature_of(id)[0]
        assert moved != feature
        removed = world.entities.delete(T.FEATURE_OF_INTEREST, [moved])
        assert removed.features == (moved,)
        assert world.entities.feature_of(id)[0] not in (feature, moved)
        assert world.entities.feature_of(world.make(stream())) == (None, [])
        with pytest.raises(Unknown):
            world.entities.feature_of(2**40)

    # --- changing ---

    def test_patch_and_put(self, world: World) -> None:
        id = world.make(stream("old", properties={"a": 1}))
        other = world.make(new(T.THING, "other"))
        (updated,) = world.entities.update(T.DATASTREAM, id, {"name": "new"}, {"Thing": [other]})
        assert (updated.values["name"], updated.values["properties"], updated.links["Thing"]) == (
            "new",
            {"a": 1},
            other,
        )
        required = {key: updated.values[key] for key in ("description", "observationType", "unitOfMeasurement")}
        (updated,) = world.entities.update(T.DATASTREAM, id, {"name": "put", **required}, replace=True)
        assert "properties" not in updated.values
        wrongs: list[Callable[[], Any]] = [
            lambda: world.entities.update(T.DATASTREAM, id, {"name": "x"}, replace=True),
            lambda: world.entities.update(T.DATASTREAM, id, {"name": None}),
            lambda: world.entities.update(T.DATASTREAM, id, {}, {"Thing": []}),
            lambda: world.entities.update(T.DATASTREAM, id, {"name": "y"}, {"Thing": [10**15]}),
            lambda: world.entities.update(T.DATASTREAM, id, {"name": "y"}, {"Observations": [1]}),
        ]
        for wrong in wrongs:
            with pytest.raises(Invalid):
                wrong()
        assert world.names(T.DATASTREAM) == ["put"]
        for unknown in (10**15, 2**70, -1):
            with pytest.raises(Unknown):
                world.entities.update(T.DATASTREAM, unknown, {"name": "x"})

    # --- removing ---

    def test_what_cannot_be_without_goes_along(self, world: World) -> None:
        sensor, property = world.make(new(T.SENSOR)), world.make(new(T.OBSERVED_PROPERTY))
        thing = world.make(new(T.THING, Locations=[new(T.LOCATION)]))
        first = world.make(stream(Thing=thing, Sensor=sensor, ObservedProperty=property))
        second = world.make(stream(Sensor=sensor))
        third = world.make(stream(ObservedProperty=property))
        removed = world.entities.delete(T.THING, [thing])
        assert sorted(type for type, _, _ in removed.entities) == [T.DATASTREAM, T.HISTORICAL_LOCATION, T.THING]
        assert {dataset for _, _, dataset in removed.entities} == {world.dataset}
        assert removed.streams == (first,)
        assert len(world.ids(T.LOCATION)) == 1 and world.entities.streams([first]) == {}
        assert world.entities.delete(T.SENSOR, [sensor]).streams == (second,)
        assert world.entities.delete(T.OBSERVED_PROPERTY, [property, 10**15, 2**70]).streams == (third,)
        assert world.entities.delete(T.SENSOR, [sensor]).entities == ()

    def test_histories_without_a_place_go_and_the_thing_stays(self, world: World) -> None:
        a, b = (world.make(new(T.LOCATION, name)) for name in "ab")
        thing = world.make(new(T.THING, Locations=[a, b]))
        world.make(new(T.HISTORICAL_LOCATION, time=5, Thing=thing, Locations=[a]))
        world.entities.delete(T.LOCATION, [a])
        assert len(world.ids(T.HISTORICAL_LOCATION)) == 1
        world.entities.delete(T.LOCATION, [b])
        assert world.ids(T.HISTORICAL_LOCATION) == [] and world.ids(T.THING) == [thing]

    def test_actuators_take_capabilities_and_tasks_along(self, world: World) -> None:
        actuator = world.make(new(T.ACTUATOR))
        capability = world.make(new(T.TASKING_CAPABILITY, Thing=new(T.THING), Actuator=actuator))
        world.make(new(T.TASK, TaskingCapability=capability))
        assert len(world.entities.delete(T.ACTUATOR, [actuator]).entities) == 3

    def test_links_that_are_required_are_not_removed(self, world: World) -> None:
        id = world.make(stream())
        (thing,) = world.ids(T.THING)
        with pytest.raises(Invalid, match="cannot be without"):
            world.entities.link(T.THING, thing, "Datastreams", id, remove=True)
        other = world.make(new(T.THING))
        world.entities.link(T.THING, other, "Datastreams", id)
        assert world.related(T.THING, other, "Datastreams", T.DATASTREAM) == [id]
        with pytest.raises(Unknown):
            world.entities.link(T.THING, thing, "Datastreams", 10**15)

    # --- questions ---

    def test_filters_through_relations(self, world: World) -> None:
        lamp = new(T.THING, "lamp", properties={"street": "Am Markt", "n": 7}, Locations=[new(T.LOCATION, "mast")])
        bin = new(T.THING, "bin", properties={"street": "Hof", "n": "7"})
        for name, thing in (("a", lamp), ("b", bin)):
            world.make(stream(name, Thing=thing))
        world.make(new(T.THING, "bare"))
        street = p("Thing", "properties", "street")
        assert world.names(T.DATASTREAM, ask("eq", street, "Am Markt")) == ["a"]
        assert world.names(T.DATASTREAM, ask("gt", p("Thing", "properties", "n"), 6)) == ["a"]
        assert world.names(T.DATASTREAM, ask("eq", p("Thing", "properties", "n"), "7")) == ["a", "b"]
        assert world.names(T.THING, ask("eq", p("Locations", "name"), "mast")) == ["lamp"]
        assert world.names(T.THING, ask("not", ask("eq", p("Locations", "name"), "mast"))) == ["bin", "bare"]
        assert world.names(T.THING, ask("eq", p("Datastreams", "id"), None)) == ["bare"]
        assert world.names(T.THING, ask("ne", p("Datastreams", "id"), None)) == ["lamp", "bin"]
        again = p("Datastreams", "Thing", "Datastreams", "ObservedProperty", "name")
        assert world.names(T.THING, ask("eq", again, "x")) == ["lamp", "bin"]
        same = ask("eq", p("Datastreams", "Thing", "name"), p("name"))
        assert world.names(T.THING, same) == ["lamp", "bin"]
        assert world.names(T.DATASTREAM, order=(Ordering(street, descending=True),)) == ["b", "a"]
        assert world.names(T.THING, order=(Ordering(p("Locations", "name")), Ordering(p("name")))) == [
            "lamp",
            "bare",
            "bin",
        ]
        assert world.names(T.DATASTREAM, ask("eq", p("Thing", "id"), world.ids(T.THING)[0])) == ["a"]
        assert world.names(T.DATASTREAM, Call("in", (p("Thing", "name"), *map(Literal, ("bin", "x"))))) == ["b"]
        assert world.entities.count(EntityScan(T.DATASTREAM, world.datasets, where=ask("eq", street, "Hof"))) == 1

    def test_any_and_all(self, world: World) -> None:
        both = [new(T.LOCATION, "a", description="1"), new(T.LOCATION, "b", description="2")]
        world.make(new(T.THING, "two", Locations=both))
        world.make(new(T.THING, "none"))
        l = Literal("l")  # noqa: E741
        same = ask("and", ask("eq", p("$l", "name"), "a"), ask("eq", p("$l", "description"), "2"))
        either = ask("and", ask("eq", p("Locations", "name"), "a"), ask("eq", p("Locations", "description"), "2"))
        assert world.names(T.THING, either) == ["two"]
        assert world.names(T.THING, Call("any", (p("Locations"), l, same))) == []
        same = ask("and", ask("eq", p("$l", "name"), "a"), ask("eq", p("$l", "description"), "1"))
        assert world.names(T.THING, Call("any", (p("Locations"), l, same))) == ["two"]
        assert world.names(T.THING, Call("all", (p("Locations"), l, ask("le", p("$l", "name"), "b")))) == [
            "two",
            "none",
        ]
        assert world.names(T.THING, Call("all", (p("Locations"), l, ask("eq", p("$l", "name"), "b")))) == ["none"]
        assert world.names(T.THING, Call("any", (p("Locations"),))) == ["two"]
        outer = ask("ne", p("$l", "name"), p("$m", "name"))
        nested = Call("any", (p("Locations"), l, Call("any", (p("$l", "Things", "Locations"), Literal("m"), outer))))
        assert world.names(T.THING, nested) == ["two"]
        for wrong in (
            Call("any", (p("name"), l, same)),
            Call("any", (p("Locations"), Literal("k"), same)),
            Call("any", (p("Locations"), same)),
            ask("eq", p("Locations"), 1),
        ):
            with pytest.raises(Invalid):
                world.find(T.THING, wrong)

    def _spatial(self, world: World, type: EntityType, where: Term, **more: Any) -> list[int] | None:
        """Ids; None where the database has nothing to compare places with, which it must say."""
        try:
            return world.ids(type, where, **more)
        except Invalid as error:
            assert "PostGIS" in str(error)
            return None

    def test_places(self, world: World) -> None:
        line = {"type": "LineString", "coordinates": [[8, 53], [9, 53]]}
        square = {
            "type": "Feature",
            "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]},
        }
        at = {
            name: world.make(new(T.LOCATION, name, location=location, Things=[new(T.THING, name)]))
            for name, location in (
                ("point", point(8, 53)),
                ("line", line),
                ("square", square),
                ("broken", {"type": "Point"}),
            )
        }
        at["text"] = world.make(new(T.LOCATION, "text", encodingType="text/plain", location="behind the school"))
        questions: list[tuple[Term, list[str]]] = [
            (ask("geo.intersects", p("location"), wkt("POINT (8 53)")), ["point", "line"]),
            (ask("st_within", p("location"), wkt("POLYGON ((7 52, 10 52, 10 54, 7 54, 7 52))")), ["point", "line"]),
            (ask("st_contains", wkt("POLYGON ((7 52, 8.5 52, 8.5 54, 7 54, 7 52))"), p("location")), ["point"]),
            (ask("st_disjoint", p("location"), wkt("POINT (1 1)")), ["point", "line"]),
            (ask("not", ask("st_intersects", p("location"), wkt("POINT (1 1)"))), ["point", "line"]),
            (ask("lt", ask("geo.distance", p("location"), wkt("POINT (8 54)")), 1.1), ["point", "line"]),
            (ask("eq", ask("geo.length", p("location")), 1), ["line"]),
            (ask("eq", ask("geo.length", p("location")), 0), ["point", "square"]),
            (ask("st_relate", p("location"), wkt("POINT (1 1)"), "T********"), ["square"]),
            (ask("st_touches", p("location"), wkt("LINESTRING (2 0, 3 0)")), ["square"]),
            (ask("st_equals", p("location"), wkt("POINT (8 53)")), ["point"]),
            (ask("st_crosses", p("location"), wkt("LINESTRING (8.5 52, 8.5 54)")), ["line"]),
            (ask("st_overlaps", p("location"), wkt("POLYGON ((1 1, 3 1, 3 3, 1 3, 1 1))")), ["square"]),
            (ask("eq", p("location", "type"), "LineString"), ["line"]),
        ]
        for where, expected in questions:
            found = self._spatial(world, T.LOCATION, where)
            assert found in ([at[name] for name in expected], None), where
        through = ask("st_within", p("Locations", "location"), wkt("POLYGON ((0 0, 3 0, 3 3, 0 3, 0 0))"))
        assert self._spatial(world, T.THING, through) in (world.ids(T.THING, ask("eq", p("name"), "square")), None)
        assert len(world.ids(T.LOCATION, order=(Ordering(p("location")),))) == 5

    def test_times_and_texts(self, world: World) -> None:
        thing = world.make(new(T.THING))
        for time in (10, 20):
            world.make(new(T.HISTORICAL_LOCATION, time=time, Thing=thing))
        assert len(world.ids(T.HISTORICAL_LOCATION, ask("gt", p("time"), Instant(10)))) == 1
        assert len(world.ids(T.HISTORICAL_LOCATION, ask("lt", p("time"), ask("now")))) == 2
        assert len(world.ids(T.HISTORICAL_LOCATION, ask("eq", ask("year", p("time")), 1970))) == 2
        for name in ("Ärger", "Zebra", "arg", "b%_'\\"):
            world.make(new(T.SENSOR, name))
        assert world.names(T.SENSOR, ask("startswith", ask("tolower", p("name")), "är")) == ["Ärger"]
        assert world.names(T.SENSOR, ask("substringof", "%_'\\", p("name"))) == ["b%_'\\"]
        assert world.names(T.SENSOR, order=(Ordering(p("name")),)) == ["Zebra", "arg", "b%_'\\", "Ärger"]

    def test_pages_per_parent(self, world: World) -> None:
        things = []
        for count in (3, 0, 2):
            thing = world.make(new(T.THING, f"t{count}"))
            things.append(thing)
            for number in range(count):
                world.make(stream(f"{count}-{number}", Thing=thing))
        parents = (T.THING, "Datastreams", tuple(things))
        found = world.find(T.DATASTREAM, parents=parents, top=2, order=(Ordering(p("name"), descending=True),))
        assert [(e.parent, e.values["name"]) for e in found] == [
            (things[0], "3-2"), (things[0], "3-1"), (things[2], "2-1"), (things[2], "2-0"),
        ]  # fmt: skip
        found = world.find(T.DATASTREAM, ask("ne", p("name"), "3-0"), parents=parents, skip=1)
        assert [e.values["name"] for e in found] == ["3-2", "2-1"]
        streams = tuple(world.ids(T.DATASTREAM))
        to_one = world.find(T.THING, parents=(T.DATASTREAM, "Thing", streams))
        assert sorted((e.id, e.parent) for e in to_one) == sorted(
            [(things[0], id) for id in streams[:3]] + [(things[2], id) for id in streams[3:]]
        )
        assert world.entities.count(EntityScan(T.DATASTREAM, world.datasets, parents=parents)) == 5

    def test_addresses(self, world: World) -> None:
        first, second = (world.make(stream(name)) for name in "ab")
        one, two = world.ids(T.THING)
        (sensor,) = world.related(T.DATASTREAM, first, "Sensor", T.SENSOR)
        hops = (Hop(T.THING, one, "Datastreams"), Hop(T.DATASTREAM, first, "Sensor"))
        assert world.ids(T.SENSOR, hops=hops) == [sensor]
        wrong = (Hop(T.THING, two, "Datastreams"), Hop(T.DATASTREAM, first, "Sensor"))
        assert world.ids(T.SENSOR, hops=wrong) == []
        chain = (
            Hop(T.SENSOR, sensor, "Datastreams"),
            Hop(T.DATASTREAM, first, "Thing"),
            Hop(T.THING, None, "Datastreams"),
        )
        assert world.ids(T.DATASTREAM, hops=chain) == [first]
        assert world.ids(T.DATASTREAM, hops=chain, ids=(second,)) == []
        for unknown in (0, -5, 2**63, 2**70):
            assert world.ids(T.DATASTREAM, hops=(Hop(T.THING, unknown, "Datastreams"),)) == []
            assert world.ids(T.THING, ids=(unknown,)) == []

    def test_pages_and_their_bounds(self, world: World) -> None:
        ids = [world.make(new(T.SENSOR, f"s{number}")) for number in range(5)]
        assert world.ids(T.SENSOR, top=2, skip=1) == ids[1:3]
        assert world.ids(T.SENSOR, skip=3) == ids[3:]
        assert world.ids(T.SENSOR, skip=10**12, top=5) == []
        assert world.ids(T.SENSOR, top=0) == []
        assert world.ids(T.SENSOR, ids=()) == []
        assert world.entities.count(EntityScan(T.SENSOR, world.datasets, top=1, skip=3)) == 5

    # --- what may be seen ---

    def test_other_datasets_are_absent_at_every_step(self, world: World) -> None:
        hidden = World(world.store)
        thing = hidden.make(new(T.THING, "secret", Locations=[new(T.LOCATION, "bunker")]))
        id = world.make(stream("open", Thing=thing))
        assert world.names(T.DATASTREAM) == ["open"]
        assert world.names(T.DATASTREAM, ask("eq", p("Thing", "name"), "secret")) == []
        assert world.names(T.DATASTREAM, ask("eq", p("Thing", "id"), thing)) == []
        assert world.names(T.DATASTREAM, ask("eq", p("Thing", "Locations", "name"), "bunker")) == []
        assert world.related(T.DATASTREAM, id, "Thing", T.THING) == []
        assert world.find(T.THING, parents=(T.DATASTREAM, "Thing", (id,))) == []
        chain = (Hop(T.THING, thing, "Datastreams"),)
        assert world.ids(T.DATASTREAM, hops=chain) == []
        both = frozenset({world.dataset, hidden.dataset})
        assert world.ids(T.DATASTREAM, ask("eq", p("Thing", "Locations", "name"), "bunker"), datasets=both) == [id]
        assert world.ids(T.THING, Call("any", (p("Datastreams"),)), datasets=hidden.datasets) == []
        assert world.ids(T.DATASTREAM, datasets=frozenset()) == []
        assert list(world.entities.streams_of(world.datasets)) == [id]
        assert list(world.entities.streams_of(hidden.datasets)) == []

    def test_withheld_properties_are_missing_wherever_they_are_looked_at(self, world: World) -> None:
        secret = {"plate": "HH-X 1", "colour": "red"}
        id = world.make(
            stream("a", properties={"x": 1}, Thing=new(T.THING, "car", properties=secret, Locations=[new(T.LOCATION)]))
        )
        withheld = {
            world.dataset: frozenset(
                {(T.THING, ("properties", "plate")), (T.DATASTREAM, ("properties",)), (T.LOCATION, ("location",))}
            )
        }
        plate, whole = p("Thing", "properties", "plate"), p("Thing", "properties")
        assert world.ids(T.DATASTREAM, ask("eq", plate, "HH-X 1")) == [id]
        assert world.ids(T.DATASTREAM, ask("eq", plate, "HH-X 1"), withheld=withheld) == []
        assert world.ids(T.DATASTREAM, ask("ne", plate, "x"), withheld=withheld) == []
        assert world.ids(T.DATASTREAM, ask("eq", plate, None), withheld=withheld) == [id]
        assert world.ids(T.DATASTREAM, ask("substringof", "HH", whole), withheld=withheld) == []
        assert world.ids(T.DATASTREAM, ask("eq", p("Thing", "properties", "colour"), "red"), withheld=withheld) == [id]
        (thing,) = world.find(T.THING, withheld=withheld)
        assert thing.values["properties"] == {"colour": "red"}
        (found,) = world.find(T.DATASTREAM, withheld=withheld, order=(Ordering(plate),))
        assert "properties" not in found.values
        (place,) = world.find(T.LOCATION, withheld=withheld)
        assert "location" not in place.values
        near = ask("geo.intersects", p("Thing", "Locations", "location"), wkt("POINT (9.9 53.5)"))
        assert self._spatial(world, T.DATASTREAM, near) in ([id], None)
        assert self._spatial(world, T.DATASTREAM, near, withheld=withheld) in ([], None)

    @pytest.mark.parametrize(
        ("where", "why"),
        [
            (ask("eq", p("colour"), 1), "Thing has no property 'colour'"),
            (ask("eq", p("Locations", "colour"), 1), "Location has no property 'colour'"),
            (ask("eq", p("name", "x"), 1), "nothing inside 'name'"),
            (ask("eq", p("$x", "name"), 1), "no variable 'x'"),
            (ask("eq", p(*["Datastreams", "Thing"] * 8, "name"), "x"), "more than 12 relations"),
            (ask("eq", p("Datastreams", "Observations", "result"), 1), "cannot be followed here"),
            (ask("eq", p("name"), 5), "cannot be compared with a number"),
        ],
    )
    def test_questions_that_cannot_be_answered_say_why(self, world: World, where: Term, why: str) -> None:
        with pytest.raises(Invalid, match=why):
            world.find(T.THING, where)

    def test_hostile_names_and_numbers_do_no_harm(self, world: World) -> None:
        id = world.make(new(T.THING, "x", properties={"n": 1e308}))
        for text in ("'; DROP TABLE sensing_thing; --", "%s", "%(x)s", ":name", "\\", "$1", "{0}"):
            assert world.ids(T.THING, ask("eq", p("properties", text), text)) == []
            assert world.ids(T.THING, datasets=frozenset({text})) == []
        try:
            found = world.ids(T.THING, ask("gt", ask("mul", p("properties", "n"), 1e308), 0))
        except Invalid as error:
            assert "larger" in str(error)
        else:
            assert found == [id]
        assert world.ids(T.THING) == [id]

    # --- several processes and threads ---

    def test_changes_by_others_are_seen(self, world: World) -> None:
        other = world.store.again().entities
        id = world.make(stream())
        assert list(other.streams([id])) == [id] and list(other.streams_of(world.datasets)) == [id]
        world.entities.delete(T.DATASTREAM, [id])
        assert other.streams([id]) == {} and list(other.streams_of(world.datasets)) == []

    def test_many_writers_at_once(self, world: World) -> None:
        location = world.make(new(T.LOCATION))
        streams = [world.make(stream(Thing=new(T.THING, Locations=[location]))) for _ in range(4)]
        stores = [world.entities, world.store.again().entities]
        features, errors = [], []

        def work(number: int) -> None:
            entities = stores[number % 2]
            try:
                entities.create(stream(f"w{number}"), world.dataset)
                features.append(entities.feature_of(streams[number])[0])
            except NabeError as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors
        assert len(set(features)) == 1
        assert len(world.ids(T.DATASTREAM)) == 8
