"""The hub's verbs: what is handed out, what is refused and why, and what the ledger keeps of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pyarrow as pa
import pytest

from nabe.errors import Denied, Invalid, SourceUnavailable, Unknown
from nabe.hub import Hub
from nabe.model.catalogue import Change
from nabe.model.dataset import Access, Dataset, Field, FieldType, Product
from nabe.model.party import ANONYMOUS, Actor, Role
from nabe.model.query import Query, Scan
from nabe.model.schema import arrow_schema
from nabe.model.text import Text
from nabe.model.usecase import OPEN_DATA, Approval
from nabe.ports.engine import Budget
from nabe.query.reach import Reach
from nabe.stores.duckdb import DuckDbEngine
from nabe.testing import canary_city as city
from nabe.testing.fakes import FakeCatalogue, FakeLedger, FakeSource

NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
A = city.ACTORS


def rows(dataset_id, content):
    dataset = next(noun for noun in city.nouns() if isinstance(noun, Dataset) and noun.id == dataset_id)
    schema = arrow_schema(dataset.fields)
    columns = list(zip(*content, strict=True))
    return pa.table([pa.array(list(column), field.type) for column, field in zip(columns, schema, strict=True)], schema)


CASES = [
    (f"F{i}", f"h{i}", "01" if i < 6 else "02", "rot" if i < 6 else "blau", f"Name {i}", float(i)) for i in range(8)
]


class World:
    def __init__(self, engine, nouns=None):
        self.catalogue = FakeCatalogue(nouns or city.nouns())
        self.ledger = FakeLedger()
        self.sources = {
            "dateien": FakeSource(
                {
                    "bezirke": rows("bezirke", [("01", "Nord", None), ("02", "Süd", None)]),
                    "kitas": rows("kitas", [("1", "01", "Frau X"), ("2", "01", "Herr Y"), ("3", "02", "Frau Z")]),
                }
            ),
            "fachverfahren": FakeSource({"faelle": rows("faelle", CASES)}),
        }
        self.hub = Hub(
            catalogue=self.catalogue,
            ledger=self.ledger,
            reach=Reach(self.sources.__getitem__),
            engine=engine,
            clock=lambda: NOW,
            budget=Budget(),
            validate=lambda snapshot: [] if snapshot.organisations else ["no organisation is left"],
        )

    def read(self, actor, use_case, question):
        return self.hub.read(actor, use_case, question, interface="test").table().to_pylist()

    def lines(self):
        return [(entry.action, entry.actor, entry.use_case, entry.dataset, entry.rows) for entry in self.ledger.list]


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = DuckDbEngine(str(tmp_path_factory.mktemp("engine")))
    yield made
    made.close()


@pytest.fixture
def world(engine):
    return World(engine)


def test_open_data_are_handed_to_anybody_without_their_personal_fields(world):
    assert world.read(ANONYMOUS, OPEN_DATA, "SELECT * FROM kitas ORDER BY id LIMIT 1") == [{"id": "1", "bezirk": "01"}]
    assert world.lines() == [("read", "anonymous", "open-data", "kitas", 1)]


def test_a_personal_field_is_refused_by_name(world):
    with pytest.raises((Denied, Invalid), match="leitung"):
        world.read(ANONYMOUS, OPEN_DATA, "SELECT leitung FROM kitas")
    with pytest.raises(Denied, match="leitung"):
        world.read(ANONYMOUS, OPEN_DATA, Query.of(Scan("kitas", ("leitung",))))


def test_what_is_absent_and_what_is_hidden_look_the_same(world):
    errors = []
    for name in ("faelle", "gibtsnicht"):
        with pytest.raises(Unknown) as error:
            world.read(ANONYMOUS, OPEN_DATA, f"SELECT * FROM {name}")
        errors.append(str(error.value).replace(name, "X"))
        with pytest.raises(Unknown):
            world.hub.dataset(ANONYMOUS, OPEN_DATA, name)
    assert errors[0] == errors[1]


def test_a_denial_gives_reasons_and_leaves_a_line(world):
    with pytest.raises(Denied) as error:
        world.read(A["planerin"], OPEN_DATA, "SELECT * FROM faelle")
    assert ("purpose_missing", {"dataset": "faelle"}) in error.value.reasons
    assert world.lines() == [("denied", "planerin", "open-data", "faelle", -1)]


def test_silos_are_joined_under_one_purpose_with_minimum_groups(world):
    sql = "SELECT b.name, count(f.bezirk) AS n FROM bezirke b LEFT JOIN faelle f USING (bezirk) GROUP BY 1 ORDER BY 1"
    assert world.read(A["planerin"], "planung", sql) == [{"name": "Nord", "n": 6}, {"name": "Süd", "n": 0}]


def test_what_is_not_open_is_in_the_ledger_before_its_first_row_goes_out(world):
    result = world.hub.read(A["planerin"], "planung", "SELECT * FROM faelle", interface="test")
    assert world.lines() == [("read", "planerin", "planung", "faelle", -1)]
    result.table()
    assert world.lines()[1:] == [("delivered", "planerin", "planung", "faelle", 6)]


def test_an_answer_that_is_not_read_to_its_end_says_how_far_it_went(world):
    result = world.hub.read(ANONYMOUS, OPEN_DATA, Query.of(Scan("kitas")), interface="test")
    result.close()
    result.close()
    assert world.lines() == [("read", "anonymous", "open-data", "kitas", 0)]


def test_a_row_filter_of_the_grant_holds_for_every_question(world):
    found = world.read(A["sachbearbeiter"], "fall", "SELECT count(*) AS n, max(name) AS m FROM faelle")
    assert found == [{"n": 8, "m": "Name 7"}]
    with pytest.raises(Invalid, match="betrag"):
        world.read(A["sachbearbeiter"], "fall", "SELECT betrag FROM faelle")


def test_a_product_is_made_under_its_own_use_case_for_its_members(world):
    found = world.read(A["planerin"], "planung", "SELECT * FROM auswertung")
    assert found == [{"bezirk": "01", "merkmal": "rot", "anzahl": 6}]
    assert ("read", "planerin", "planung", "faelle", -1) in world.lines(), "its inputs are in the ledger, too"
    with pytest.raises(Denied):
        world.read(A["sachbearbeiter"], "fall", "SELECT * FROM auswertung")


def test_a_product_stops_when_the_grant_for_an_input_does(world):
    case = world.catalogue.snapshot().usecases["planung"]
    without = replace(case, grants=(replace(case.grants[0], approval=None),))
    world.catalogue.commit([Change("usecase", "planung", without)], author="x", at=NOW, expect=1)
    with pytest.raises(Denied, match="auswertung"):
        world.read(A["planerin"], "planung", "SELECT * FROM auswertung")


def test_a_product_that_reads_itself_is_refused(engine):
    def product(id, other):
        return Dataset(
            id,
            Text(id),
            "planung",
            Access.INTERNAL,
            (Field("x", FieldType.STRING),),
            product=Product("planung", f"SELECT x FROM {other}"),
        )

    world = World(engine, [*city.nouns(), product("eins", "zwei"), product("zwei", "eins")])
    with pytest.raises(Invalid, match="eins -> zwei -> eins"):
        world.read(A["planerin"], "planung", "SELECT * FROM eins")


def test_a_silo_that_fails_is_named_and_others_answer(world):
    def fail():
        raise SourceUnavailable("fachverfahren", "it is being repaired.")

    world.sources["fachverfahren"].fail = fail
    with pytest.raises(SourceUnavailable, match="fachverfahren"):
        world.read(A["sachbearbeiter"], "fall", "SELECT name FROM faelle")
    assert world.read(ANONYMOUS, OPEN_DATA, "SELECT count(*) AS n FROM kitas") == [{"n": 3}]
    assert ("failed", "sachbearbeiter", "fall", "", -1) in world.lines()


def test_a_foreign_exception_of_a_silo_does_not_get_out_with_its_words(world):
    def fail():
        raise RuntimeError("password=hunter2 Name 3")

    world.sources["fachverfahren"].fail = fail
    with pytest.raises(Exception, match="RuntimeError") as error:
        world.read(A["sachbearbeiter"], "fall", "SELECT name FROM faelle")
    assert "hunter2" not in str(error.value)


def test_find_shows_what_one_may_know_and_whether_one_may_read_it(world):
    assert [found.dataset.id for found in world.hub.find(ANONYMOUS, OPEN_DATA)] == ["auswertung", "bezirke", "kitas"]
    found = {item.dataset.id: item for item in world.hub.find(A["planerin"], "planung")}
    assert set(found) == {"bezirke", "kitas", "faelle", "auswertung"}
    assert found["faelle"].readable == ("bezirk", "merkmal")
    assert found["faelle"].dataset.source == {}, "where in the silo it lies is nobody's business here"
    assert [item.dataset.id for item in world.hub.find(A["planerin"], "planung", text="Kita")] == ["kitas"]
    assert world.hub.find(ANONYMOUS, OPEN_DATA, text="bezirke gibtsnicht") == []


def test_strangers_see_purposes_but_no_persons_and_no_hidden_datasets(world):
    case = next(item for item in world.hub.usecases(ANONYMOUS) if item.id == "planung")
    assert not case.grants and all(not member.person for member in case.members)
    inside = world.hub.usecase(A["planerin"], "planung")
    assert inside.grants and inside.members[0].person == "planerin"


def test_lineage_names_only_what_one_may_know(world):
    line = world.hub.lineage(A["planerin"], "planung", "auswertung")
    assert line.inputs == ("faelle",) and line.hidden == 0 and "SELECT" in line.sql
    assert {field.field: field.inputs for field in line.fields}["merkmal"] == (("faelle", "merkmal"),)
    outside = replace(A["planerin"], id="kollegin")
    hidden = world.hub.lineage(outside, OPEN_DATA, "auswertung")
    assert hidden.inputs == () and hidden.hidden == 1 and not hidden.sql
    assert all(not field.inputs for field in hidden.fields)


def test_explain_tells_a_denial_instead_of_raising_it(world):
    denied = world.hub.explain(A["planerin"], OPEN_DATA, Query.of(Scan("faelle")))
    assert not denied.permit and denied.plan == ()
    permitted = world.hub.explain(A["planerin"], "planung", "SELECT merkmal FROM faelle WHERE bezirk = '01'")
    assert permitted.permit
    text = "\n".join(permitted.plan)
    assert "fachverfahren" in text and "fewer than 5 hidden" in text
    with pytest.raises(Unknown):
        world.hub.explain(ANONYMOUS, OPEN_DATA, Query.of(Scan("faelle")))


def test_a_question_over_the_budget_of_a_silo_is_refused_before_it_starts(world):
    system = world.catalogue.snapshot().systems["fachverfahren"]
    small = replace(system, limits=replace(system.limits, rows=5))
    world.catalogue.commit([Change("system", "fachverfahren", small)], author="x", at=NOW, expect=1)
    with pytest.raises(Exception, match="about 8 rows of 'faelle'") as error:
        world.read(A["sachbearbeiter"], "fall", "SELECT * FROM faelle")
    assert error.value.code == "budget-exceeded" and "fall" in error.value.hint
    assert not world.sources["fachverfahren"].read_log


def test_only_those_who_keep_the_catalogue_change_it(world):
    change = [Change("dataset", "kitas", None)]
    with pytest.raises(Denied):
        world.hub.declare(A["planerin"], change, expect=1)
    assert world.hub.declare(A["it"], change, expect=1) == 2
    assert "declared" in [line[0] for line in world.lines()]


def test_declarations_that_do_not_fit_together_are_refused_whole(world):
    changes = [Change("organisation", name, None) for name in world.hub.organisations()]
    with pytest.raises(Invalid, match="no organisation is left"):
        world.hub.declare(A["it"], changes, expect=1)
    assert world.hub.version() == 1


def test_it_cannot_slip_in_a_consent(world):
    case = world.catalogue.snapshot().usecases["antrag"]
    forged = replace(case, grants=(replace(case.grants[0], approval=Approval("owner", NOW)),))
    world.hub.declare(A["it"], [Change("usecase", "antrag", forged)], expect=1)
    assert world.catalogue.snapshot().usecases["antrag"].grants[0].approval is None


def test_a_grant_that_was_changed_must_be_consented_to_again(world):
    case = world.catalogue.snapshot().usecases["planung"]
    wider = replace(case, grants=(replace(case.grants[0], min_group=0),))
    world.hub.declare(A["it"], [Change("usecase", "planung", wider)], expect=1)
    assert world.catalogue.snapshot().usecases["planung"].grants[0].approval is None
    with pytest.raises(Denied):
        world.read(A["planerin"], "planung", "SELECT * FROM faelle")


def test_the_data_owner_consents_and_nobody_else(world):
    for name in ("it", "planerin", "datenschutz"):
        with pytest.raises(Denied):
            world.hub.approve(A[name], "antrag", "faelle")
    world.hub.approve(A["owner"], "antrag", "faelle", note="bis auf Weiteres")
    assert world.read(A["planerin"], "antrag", "SELECT count(*) AS n FROM faelle") == [{"n": 8}]
    with pytest.raises(Unknown):
        world.hub.approve(A["nachbarin"], "antrag", "faelle")
    with pytest.raises(Unknown):
        world.hub.approve(A["owner"], "antrag", "kitas")


def test_a_decision_is_made_anew_when_its_grant_has_expired(engine):
    day = dt.date(2026, 11, 24)
    nouns = [
        replace(noun, grants=tuple(replace(grant, expires=day) for grant in noun.grants))
        if noun.id == "planung" and hasattr(noun, "grants")
        else noun
        for noun in city.nouns()
    ]
    world = World(engine, nouns)
    moment = [NOW]
    world.hub._deciding._clock = lambda: moment[0]
    assert world.read(A["planerin"], "planung", "SELECT count(*) AS n FROM faelle") == [{"n": 6}]
    moment[0] = dt.datetime(2026, 11, 24, 23, 0, tzinfo=dt.UTC)  # midnight in Berlin
    with pytest.raises(Denied):
        world.read(A["planerin"], "planung", "SELECT count(*) AS n FROM faelle")


def test_the_ledger_is_for_oversight_and_owners_of_the_data(world):
    world.read(A["planerin"], "planung", "SELECT * FROM faelle")
    assert world.hub.audit(A["datenschutz"])
    assert world.hub.audit(A["owner"], dataset="faelle")
    for actor in (A["it"], A["planerin"], ANONYMOUS, A["nachbarin"]):
        with pytest.raises((Denied, Unknown)):
            world.hub.audit(actor)
    with pytest.raises(Denied):
        world.hub.audit(A["owner"])


def test_while_nothing_is_declared_it_may_begin(engine):
    world = World(engine, [])
    world.catalogue = FakeCatalogue()
    hub = Hub(
        catalogue=world.catalogue,
        ledger=world.ledger,
        reach=Reach(world.sources.__getitem__),
        engine=engine,
        clock=lambda: NOW,
        budget=Budget(),
    )
    with pytest.raises(Denied):
        hub.declare(Actor("x", roles=frozenset({Role.EMPLOYEE})), city.changes(), expect=0)
    assert hub.declare(Actor("x", roles=frozenset({Role.IT})), city.changes(), expect=0, approvals_from_files=True) == 1
    with pytest.raises(Denied):
        hub.declare(Actor("x", roles=frozenset({Role.IT})), city.changes(), expect=1)
