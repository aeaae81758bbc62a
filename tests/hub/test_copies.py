"""Copies in the lake: taken under a decision, served instead of a silo that is down, and never wider than the silo."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from nabe.errors import Conflict, Denied, Invalid, SourceRefused, SourceUnavailable, Unknown
from nabe.hub import Hub
from nabe.model.catalogue import Change
from nabe.model.dataset import Dataset, Mode, Outage, Snapshots, System
from nabe.model.lake import RunState
from nabe.model.party import ANONYMOUS, JOBS
from nabe.model.query import Query, Scan
from nabe.model.usecase import OPEN_DATA
from nabe.ports.engine import Budget
from nabe.ports.source import Batches
from nabe.query.reach import Reach
from nabe.stores.duckdb import DuckDbEngine
from nabe.stores.lake import ParquetLake
from nabe.stores.relational import RelationalStore
from nabe.testing import canary_city as city
from nabe.testing.fakes import FakeCatalogue, FakeLedger, FakeSource
from nabe.testing.store_conformance import NOW

from .test_hub import CASES, rows

A = city.ACTORS
HOUR = dt.timedelta(hours=1)
DISTRICTS = [("01", "Nord", None), ("02", "Süd", None)]


class Marked(FakeSource):
    """A source that tells its states and columns apart."""

    mark_ = ""
    columns_ = ("bezirk", "name", "geom")

    def mark(self, dataset):
        self.fail()
        return self.mark_

    def columns(self, dataset):
        return self.columns_


class World:
    """The canary city with copies of `bezirke` and `faelle`; a clock that tests move."""

    def __init__(self, root, mode=Mode.SNAPSHOT, outage=Outage.STALE, **snapshots):
        self.now = NOW
        self.catalogue = FakeCatalogue([self.noun(item, mode, outage, Snapshots(**snapshots)) for item in city.nouns()])
        self.ledger = FakeLedger()
        self.files = Marked({"bezirke": rows("bezirke", DISTRICTS), "kitas": rows("kitas", [("1", "01", "Frau X")])})
        self.cases = FakeSource({"faelle": rows("faelle", CASES)})
        self.sources = {"dateien": self.files, "fachverfahren": self.cases}
        self.store = RelationalStore(f"sqlite:///{root / 'nabe.sqlite'}")
        self.lake = ParquetLake(root / "lake")
        self.engine = DuckDbEngine(str(root))
        # The circuit breaker is timed, too: a silo that failed is asked again after a minute of the test's time.
        self.reach = Reach(self.sources.__getitem__, lambda: (self.now - NOW).total_seconds() + 1)
        self.hub = Hub(
            catalogue=self.catalogue,
            ledger=self.ledger,
            reach=self.reach,
            engine=self.engine,
            clock=lambda: self.now,
            budget=Budget(),
            lake=self.lake,
            runs=self.store.runs,
        )

    @staticmethod
    def noun(item, mode, outage, snapshots):
        if isinstance(item, Dataset) and item.id in ("bezirke", "faelle"):
            return replace(item, mode=mode, snapshots=snapshots, on_outage=outage)
        return item

    def read(self, question="SELECT bezirk, name FROM bezirke ORDER BY 1", actor=ANONYMOUS, use_case=OPEN_DATA):
        result = self.hub.read(actor, use_case, question)
        return result.table().to_pylist(), {state.dataset: state for state in result.sources}

    def down(self, source=None):
        def fail():
            raise SourceUnavailable("dateien", "nobody is there.")

        (source or self.files).fail = fail

    def up(self):
        self.files.fail = self.cases.fail = lambda: None
        self.later()

    def later(self, span=HOUR):
        self.now += span


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.engine.close()
    made.store.close()


@pytest.fixture
def live(tmp_path):
    made = World(tmp_path, Mode.LIVE)
    yield made
    made.engine.close()
    made.store.close()


def test_a_copy_answers_instead_of_the_silo(world):
    with pytest.raises(SourceUnavailable, match="no copy of 'bezirke'"):
        world.read()
    run = world.hub.snapshot(JOBS, "bezirke")
    assert (run.state, run.rows, run.version, run.system) == (RunState.DONE, 2, 1, "dateien")
    world.down()
    found, states = world.read()
    assert [row["name"] for row in found] == ["Nord", "Süd"]
    assert states["bezirke"].as_of == NOW and states["bezirke"].stale_since is None
    assert not world.files.read_log[1:], "the silo was read once"


def test_an_unchanged_silo_is_not_read_again(world):
    world.files.mark_ = "a"
    world.hub.snapshot(JOBS, "bezirke")
    world.later()
    run = world.hub.snapshot(JOBS, "bezirke")
    assert (run.state, run.version, len(world.files.read_log)) == (RunState.UNCHANGED, 1, 1)
    world.files.mark_ = "b"  # touched, with the same rows
    assert world.hub.snapshot(JOBS, "bezirke").state is RunState.UNCHANGED
    assert len(world.files.read_log) == 2
    assert world.hub.snapshot(JOBS, "bezirke").state is RunState.UNCHANGED
    assert len(world.files.read_log) == 2, "the new mark is remembered"


def test_a_silo_that_is_down_leaves_the_last_copy_which_is_marked(world):
    world.hub.snapshot(JOBS, "bezirke")
    world.later()
    world.down()
    run = world.hub.snapshot(JOBS, "bezirke")
    assert run.state is RunState.FAILED and "nobody is there" in run.detail
    found, states = world.read()
    assert len(found) == 2 and states["bezirke"].stale_since == NOW
    world.up()
    world.hub.snapshot(JOBS, "bezirke")
    assert world.read()[1]["bezirke"].stale_since is None


def test_a_dataset_may_say_that_no_old_rows_are_served(tmp_path):
    world = World(tmp_path, outage=Outage.FAIL)
    world.hub.snapshot(JOBS, "bezirke")
    assert len(world.read()[0]) == 2
    world.down()
    world.hub.snapshot(JOBS, "bezirke")
    with pytest.raises(SourceUnavailable, match="nobody is there"):
        world.read()


def test_a_schema_that_changed_is_named_and_the_last_good_copy_stays(world):
    world.hub.snapshot(JOBS, "bezirke")
    world.later()

    def refuse():
        raise SourceRefused("dateien", "the file has no column 'name'.", hint="Correct the field's column.")

    world.files.fail = refuse
    run = world.hub.snapshot(JOBS, "bezirke")
    assert run.state is RunState.REFUSED and "no column 'name'" in run.detail
    assert world.read()[1]["bezirke"].stale_since == NOW
    world.up()
    world.files.columns_ = ("bezirk", "name", "geom", "einwohner")
    run = world.hub.snapshot(JOBS, "bezirke")
    assert (run.state, run.detail) == (RunState.UNCHANGED, "new columns: einwohner")


def test_what_a_copy_holds_is_decided_like_the_silo(world):
    world.hub.snapshot(JOBS, "faelle")
    with pytest.raises(Unknown):
        world.read("SELECT * FROM faelle", A["buergerin"])
    with pytest.raises(Denied):
        world.read("SELECT * FROM faelle", A["owner"])
    found, _ = world.read("SELECT * FROM faelle", A["planerin"], "planung")
    assert {row["bezirk"] for row in found} == {"01"}, "minimum groups hold for copies"
    assert set(found[0]) == {"bezirk", "merkmal"}


@pytest.mark.parametrize("name", ["buergerin", "planerin", "sachbearbeiter", "nachbarin"])
def test_not_everybody_has_copies_taken(world, name):
    with pytest.raises((Denied, Unknown)):
        world.hub.snapshot(A[name], "faelle")
    with pytest.raises((Denied, Unknown)):
        world.hub.forget(A[name], "faelle")
    with pytest.raises(Denied):
        world.hub.agenda(A[name])
    assert not world.lake.versions("faelle")


def test_nothing_is_copied_that_is_not_declared_to_be(world):
    with pytest.raises(Denied) as error:
        world.hub.snapshot(JOBS, "kitas")
    assert error.value.reasons[0][0] == "snapshot_not_declared"


def test_owner_and_it_take_and_forget_copies_and_the_ledger_knows(world):
    assert world.hub.snapshot(A["owner"], "faelle").state is RunState.DONE
    assert world.hub.forget(A["it"], "faelle") == 1
    assert [(entry.action, entry.actor, entry.dataset) for entry in world.ledger.list] == [
        ("snapshot", "owner", "faelle"),
        ("forgotten", "it", "faelle"),
    ]


def test_sizes_of_closed_datasets_are_for_those_who_keep_them(world):
    world.hub.snapshot(JOBS, "faelle")
    world.hub.snapshot(JOBS, "bezirke")
    assert world.hub.kept(A["owner"], "faelle").versions[0].rows == len(CASES)
    (version,) = world.hub.kept(A["planerin"], "faelle").versions
    assert (version.rows, version.bytes, version.at) == (-1, -1, NOW)
    with pytest.raises(Unknown):
        world.hub.kept(ANONYMOUS, "faelle")
    assert world.hub.runs(A["planerin"], "fachverfahren")[0].rows == -1
    assert world.hub.runs(A["it"], "fachverfahren")[0].rows == len(CASES)
    with pytest.raises(Unknown):
        world.hub.runs(ANONYMOUS, "fachverfahren")
    assert world.hub.runs(ANONYMOUS, "dateien")[0].rows == 2


def test_a_question_for_a_time_goes_to_the_copy_of_that_time(live):
    live.hub.snapshot(JOBS, "bezirke")
    live.later()
    live.files.tables = {**live.files.tables, "bezirke": rows("bezirke", [("01", "Mitte", None)])}
    live.hub.snapshot(JOBS, "bezirke")
    query = Query.of(Scan("bezirke", ("name",)))
    assert live.read(query)[0] == [{"name": "Mitte"}]
    then, states = live.read(replace(query, as_of=NOW))
    assert then == [{"name": "Nord"}, {"name": "Süd"}]
    assert states["bezirke"].as_of == NOW and states["bezirke"].stale_since is None
    with pytest.raises(Invalid, match="No copies of 'kitas'"):
        live.read(replace(Query.of(Scan("kitas")), as_of=NOW))


@pytest.mark.parametrize(
    "question", ["SELECT bezirk, name FROM bezirke ORDER BY 1", Query.of(Scan("bezirke", ("name",)))]
)
def test_a_live_silo_that_fails_is_replaced_by_its_last_copy(live, question):
    live.hub.snapshot(JOBS, "bezirke")
    live.later()
    live.files.tables = {**live.files.tables, "bezirke": rows("bezirke", [("01", "Mitte", None)])}
    assert [row["name"] for row in live.read(question)[0]] == ["Mitte"], "live while it answers"
    live.down()
    found, states = live.read(question)
    assert [row["name"] for row in found] == ["Nord", "Süd"] and states["bezirke"].stale_since == NOW
    live.up()
    assert [row["name"] for row in live.read(question)[0]] == ["Mitte"]


def test_a_stream_that_breaks_before_its_first_row_is_replaced_too(live):
    class Late(Marked):
        def read(self, scan):
            found = super().read(scan)

            def rows():
                raise SourceUnavailable("dateien", "it stopped at once.")
                yield

            return replace(found, batches=rows())

    live.hub.snapshot(JOBS, "bezirke")
    live.sources["dateien"] = Late(live.files.tables)
    found, states = live.read(Query.of(Scan("bezirke", ("name",))))
    assert len(found) == 2 and states["bezirke"].stale_since == NOW


def test_a_join_is_answered_where_each_part_can_be(live):
    live.hub.snapshot(JOBS, "bezirke")
    live.down()
    with pytest.raises(SourceUnavailable, match="dateien"):
        live.read("SELECT b.name FROM bezirke b JOIN kitas k USING (bezirk)")
    assert live.read()[1]["bezirke"].stale_since == NOW, "what has copies still answers"


def test_while_one_copies_nobody_else_does(world):
    number = world.store.runs.begin("snapshot", "dateien", "bezirke", at=NOW, until=NOW + HOUR)
    with pytest.raises(Conflict):
        world.hub.snapshot(JOBS, "bezirke")
    world.store.runs.end(number, RunState.DONE, at=NOW)
    assert world.hub.snapshot(JOBS, "bezirke").state is RunState.DONE


def test_the_agenda_follows_schedule_failures_and_declarations(tmp_path):
    world = World(tmp_path, every="PT1H")

    def when():
        return {item.dataset: item.at for item in world.hub.agenda(JOBS)}

    assert when() == {"bezirke": None, "faelle": None}
    world.hub.snapshot(JOBS, "bezirke")
    assert when()["bezirke"] == NOW + HOUR
    world.later()
    world.down()
    for wait in (30, 60, 120, 240):
        world.hub.snapshot(JOBS, "bezirke")
        assert when()["bezirke"] == world.now + dt.timedelta(seconds=wait), "it is tried again sooner, then later"
        world.later(dt.timedelta(seconds=wait))
    for _ in range(10):
        world.hub.snapshot(JOBS, "bezirke")
    assert when()["bezirke"] == world.now + HOUR, "but no later than by schedule"
    world.up()
    world.hub.snapshot(JOBS, "bezirke")
    changed = replace(world.catalogue.snapshot().datasets["bezirke"], source={"path": "other.geojson"})
    world.catalogue.commit([Change("dataset", "bezirke", changed)], author="it", at=NOW, expect=1)
    assert when()["bezirke"] is None, "another declaration, another copy"


def test_checks_are_on_the_agenda_and_in_the_history(world):
    system = replace(world.catalogue.snapshot().systems["dateien"], check_every="PT5M")
    assert isinstance(system, System)
    world.catalogue.commit([Change("system", "dateien", system)], author="it", at=NOW, expect=1)
    assert ("check", None) in [(item.kind, item.at) for item in world.hub.agenda(JOBS)]
    assert world.hub.check(JOBS, "dateien").state is RunState.DONE
    assert ("check", NOW + dt.timedelta(minutes=5)) in [(item.kind, item.at) for item in world.hub.agenda(JOBS)]
    world.down()
    world.later()
    run = world.hub.check(A["it"], "dateien")
    assert (run.state, run.kind) == (RunState.FAILED, "check")
    with pytest.raises(Denied):
        world.hub.check(A["owner"], "dateien")


def test_forgetting_what_is_not_declared_any_more_is_for_it(world):
    world.lake.write(
        replace(world.catalogue.snapshot().datasets["bezirke"], id="frueher"),
        Batches(rows("bezirke", DISTRICTS).schema, iter(rows("bezirke", DISTRICTS).to_batches())),
        at=NOW,
    )
    with pytest.raises((Denied, Unknown)):
        world.hub.forget(A["owner"], "frueher")
    assert world.hub.forget(A["it"], "frueher") == 1
