"""What every store of entities must do; a store's tests subclass this with a `store` fixture.

The fixture yields an object with `.entities` and `again()` (a second store on the same data, as another process would open
it). It may hold entities of other tests: each works in a dataset of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from nabe.errors import Invalid, NabeError, Unknown
from nabe.model.entities import NewEntity
from nabe.testing.entities_made import T, World, ask, new, p, point, spatial, stream, wkt
from nabe.testing.entities_questions import QuestionsConformance


class EntitiesConformance(QuestionsConformance):
    """Questions, changes and their consequences."""

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
        assert spatial(world, T.FEATURE_OF_INTEREST, inside) in ([feature], None)

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
