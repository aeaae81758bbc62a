"""What every store of entities must answer; part of `entities_conformance`."""

from __future__ import annotations

from typing import Any

import pytest

from nabe.errors import Invalid
from nabe.model.entities import Hop
from nabe.model.term import Call, Instant, Literal, Ordering, Term
from nabe.ports.entities import EntityScan
from nabe.testing.entities_made import T, World, ask, new, p, point, spatial, stream, wkt


class QuestionsConformance:
    """Filters, orders, addresses, pages; and what of it may be seen."""

    @pytest.fixture
    def world(self, store: Any) -> World:
        return World(store)

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
            found = spatial(world, T.LOCATION, where)
            assert found in ([at[name] for name in expected], None), where
        through = ask("st_within", p("Locations", "location"), wkt("POLYGON ((0 0, 3 0, 3 3, 0 3, 0 0))"))
        assert spatial(world, T.THING, through) in (world.ids(T.THING, ask("eq", p("name"), "square")), None)
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
        assert spatial(world, T.DATASTREAM, near) in ([id], None)
        assert spatial(world, T.DATASTREAM, near, withheld=withheld) in ([], None)

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
