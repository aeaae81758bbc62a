"""Musterstadt through the one door: the product across three silos, its suppression, and who is refused and why."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from nabe import manifest
from nabe.app import open_workspace
from nabe.cli.workspace import apply_files
from nabe.demo import making
from nabe.demo.accounts import ACCOUNTS, PASSWORD
from nabe.demo.building import build, read_stamp
from nabe.demo.processes import silos
from nabe.demo.running import create_accounts
from nabe.errors import Denied, Unknown
from nabe.model.dataset import Access, Mode
from nabe.model.lake import RunState
from nabe.model.party import ANONYMOUS, JOBS
from nabe.model.query import Query, Scan
from nabe.testing.needs import need
from nabe.testing.servers import available_postgres, persistent_postgres

ACTORS = {account.actor.id: account.actor for account in ACCOUNTS}
PRODUCT = "SELECT * FROM kita_supply_by_district ORDER BY district_key"


def _city(root, town, postgres):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(making, "make", lambda: town)
        build(root, lambda step, share: None, write=manifest.write, postgres=postgres)


@pytest.fixture(scope="module")
def nabe(town, tmp_path_factory):
    root = tmp_path_factory.mktemp("sqlite") / "city"
    _city(root, town, None)
    with silos(root, write=manifest.write), open_workspace(root) as opened:
        apply_files(opened)
        for dataset in opened.catalogue.snapshot().datasets.values():
            if dataset.mode is Mode.SNAPSHOT:
                assert opened.hub.snapshot(JOBS, dataset.id).state is RunState.DONE, dataset.id
        yield opened


def _rows(nabe, actor, use_case, question):
    return nabe.hub.read(ACTORS.get(actor, ANONYMOUS), use_case, question).table().to_pylist()


def test_the_social_planner_sees_kita_supply_across_three_silos(nabe, town):
    rows = _rows(nabe, "sozialplanung", "kita_supply", PRODUCT)
    assert [row["district_name"] for row in rows] == [district.name for district in town.districts]
    assisted = Counter(household.district for household in town.assisted)
    for row in rows:
        key = row["district_key"]
        local = town.in_district(key)
        young = sum(person.age < 6 for household in local for person in household.people)
        places = sum(kita.places for kita in town.kitas if kita.address.district == key)
        assert (row["children_under_6"], row["kita_places"], row["households"]) == (young, places, len(local))
        assert row["places_per_100"] == pytest.approx(100 * places / young, abs=0.051)
        if key != "14":
            assert row["assistance_share"] == pytest.approx(100 * assisted[key] / len(local), abs=0.051)


def test_the_district_with_three_households_on_assistance_is_suppressed(nabe):
    rows = {row["district_key"]: row for row in _rows(nabe, "sozialplanung", "kita_supply", PRODUCT)}
    assert rows["14"]["assistance_share"] is None
    assert [key for key, row in rows.items() if row["suppressed"]] == ["14"]


@pytest.mark.parametrize(
    "question",
    [
        "SELECT count(*) AS n FROM assistance_households WHERE district_key = '14'",
        "SELECT count(*) AS n FROM assistance_households HAVING count(*) < 5",
        "SELECT district_key AS n FROM assistance_households WHERE district_key > '13'",
    ],
)
def test_no_question_brings_the_three_households_back(nabe, question):
    assert [row for row in _rows(nabe, "sozialplanung", "kita_supply", question) if row["n"]] == []


def test_who_may_not_read_the_product_is_told_why(nabe):
    with pytest.raises(Denied) as error:
        _rows(nabe, "tiefbau", "kita_supply", PRODUCT)
    assert "not_a_member" in {reason for reason, _ in error.value.reasons}
    with pytest.raises(Denied) as error:
        _rows(nabe, "sozialplanung", "open-data", PRODUCT)
    assert "purpose_missing" in {reason for reason, _ in error.value.reasons}
    with pytest.raises(Denied) as error:  # the use case is public, so it is no secret that there is a product
        _rows(nabe, "", "open-data", PRODUCT)
    assert "purpose_missing" in {reason for reason, _ in error.value.reasons}
    with pytest.raises(Unknown):  # not even that it exists
        _rows(nabe, "", "open-data", "SELECT * FROM assistance_households")


@pytest.mark.parametrize("field", ["household_id", "benefit", "since", "members"])
def test_fields_of_the_social_data_outside_the_grant_are_refused(nabe, field):
    with pytest.raises(Exception, match=field):
        _rows(nabe, "sozialplanung", "kita_supply", f"SELECT {field} FROM assistance_households")


@pytest.mark.parametrize(
    ("actor", "use_case", "dataset", "reason"),
    [
        ("stadtwerke", "road_works_coordination", "building_energy", "no_grant"),
        ("umweltamt", "energy_monitoring", "invoices", "grant_not_approved"),
        ("gesundheitsamt", "heat_action_plan", "residents", "use_case_draft"),
        ("it", "kita_supply", "assistance_households", "not_a_member"),
    ],
)
def test_each_kind_of_refusal_is_there_to_be_shown(nabe, actor, use_case, dataset, reason):
    found = nabe.hub.explain(ACTORS[actor], use_case, Query.of(Scan(dataset)))
    assert not found.permit
    assert reason in {verdict.reason for decision in found.decisions for verdict in decision.because}


def test_everybody_reads_the_open_datasets_and_they_are_as_large_as_the_town(nabe):
    expected = {
        "districts": 14,
        "streets": 800,
        "addresses": 22_000,
        "trees": 6_000,
        "doctors": 150,
        "schools": 28,
        "playgrounds": 118,
        "kita_locations": 70,
        "air_quality": 4_320,
        "neighbour_kitas": 12,
        "population_by_age": 364,
        "budget_lines": 324,
        "scooters": 480,
        "scooter_hubs": 40,
        "scooter_zones": 12,
        "tree_checks": 1_200,
        "playground_checks": 118,
        "bathing_waters": 5,
        "sensors": 24,
        "sensor_readings": 24 * 48,
        "state_road_works": 24,
        "car_park_free": 8,
        "council_papers": 180,
        "council_meetings": 72,
        "council_committees": 9,
    }
    datasets = [item.dataset for item in nabe.hub.find(ANONYMOUS, "open-data") if item.decision.permit]
    found = {dataset.id for dataset in datasets if dataset.mode is not Mode.STREAM}  # devices did not send yet
    for name in found:
        count = nabe.hub.read(ANONYMOUS, "open-data", Query.of(Scan(name))).table().num_rows
        assert count == expected.get(name, count) and count > 0, name
    assert set(expected) <= found


def test_every_field_of_every_dataset_holds_values(nabe):
    """Column names, encodings, number and date formats of all declarations fit their silos."""
    snapshot = nabe.catalogue.snapshot()
    for case, actor in (
        ("kita_supply", "sozialplanung"),
        ("road_works_coordination", "stadtwerke"),
        ("school_planning", "schulamt"),
        ("open_data_kitas", "kita-amt"),
        ("energy_monitoring", "umweltamt"),
        ("scooter_parking", "ordnungsamt"),
        ("parking_guidance", "tiefbau"),
        ("open-data", "buergerin"),
    ):
        for item in nabe.hub.find(ACTORS[actor], case):
            if not item.decision.permit or item.dataset.mode is Mode.STREAM:
                continue
            table = nabe.hub.read(ACTORS[actor], case, Query.of(Scan(item.dataset.id))).table()
            assert table.num_rows > 0, item.dataset.id
            for name in table.schema.names:
                assert table[name].null_count < table.num_rows, f"{item.dataset.id}.{name} is empty"
            key = [name for name in item.dataset.key if name in table.schema.names]
            if key == list(item.dataset.key) and not snapshot.datasets[item.dataset.id].product:
                assert table.group_by(key).aggregate([]).num_rows == table.num_rows, item.dataset.id


def test_geometries_lie_in_the_model_city(nabe):
    import shapely

    for item in nabe.hub.find(ANONYMOUS, "open-data"):
        if item.dataset.geometry is None or item.dataset.system == "nachbarstadt":
            continue
        if item.dataset.mode is Mode.STREAM:
            continue
        table = nabe.hub.read(ANONYMOUS, "open-data", Query.of(Scan(item.dataset.id))).table()
        shapes = shapely.from_wkb(table[item.dataset.geometry.name].to_pylist())
        west, south, east, north = shapely.total_bounds(shapes)
        assert 9.8 < west < east < 10.0 and 51.44 < south < north < 51.56, item.dataset.id


def test_the_kita_locations_are_open_and_name_no_person(nabe):
    found = nabe.hub.dataset(ANONYMOUS, "open-data", "kita_locations")
    assert found.dataset.access is Access.OPEN
    assert {"head", "phone"}.isdisjoint(found.readable)


def test_conflicts_of_road_works_are_found_for_the_utilities(nabe):
    rows = _rows(nabe, "stadtwerke", "road_works_coordination", "SELECT * FROM road_works_conflicts")
    assert len(rows) > 20
    assert all(row["begins"] <= row["ends"] and row["days"] >= 1 for row in rows)


def test_scooters_in_no_parking_zones_are_counted_by_district(nabe, town):
    rows = _rows(nabe, "ordnungsamt", "scooter_parking", "SELECT * FROM scooters_by_district")
    names = {district.key: district.name for district in town.districts}
    assert all(row["district_name"] == names[row["district_key"]] for row in rows)
    assert sum(row["parked"] for row in rows) == 480
    assert 30 < sum(row["forbidden"] for row in rows) < 100  # every tenth stands in a zone on purpose


def test_trips_are_seen_as_rounded_distances_and_mean_durations_only(nabe):
    rows = _rows(nabe, "ordnungsamt", "scooter_parking", "SELECT distance, duration FROM scooter_trips")
    assert 150 < len(rows) <= 240 and {row["distance"] % 1000 for row in rows} == {0}
    assert min(Counter((row["distance"], row["duration"]) for row in rows).values()) >= 5
    with pytest.raises(Exception, match="start_geometry"):
        _rows(nabe, "ordnungsamt", "scooter_parking", "SELECT start_geometry FROM scooter_trips")
    with pytest.raises(Unknown):
        _rows(nabe, "", "open-data", "SELECT distance FROM scooter_trips")


def test_car_parks_and_works_of_city_and_state_are_joined(nabe):
    rows = _rows(nabe, "stadtwerke", "parking_guidance", "SELECT * FROM car_parks_and_works")
    assert {row["works_by"] for row in rows} == {"Stadt", "Land"}
    assert all(0 <= row["metres"] <= 800 for row in rows)


def test_sample_accounts_log_in_with_the_published_password(nabe):
    import datetime as dt

    create_accounts(nabe.identity)
    now = dt.datetime.now(dt.UTC)
    actor = nabe.identity.by_password("sozialplanung", PASSWORD, client="test", at=now)
    assert actor == ACTORS["sozialplanung"]
    create_accounts(nabe.identity)
    assert len(nabe.identity.accounts()) == len(ACCOUNTS)


def test_postgresql_and_sqlite_give_the_same_answer(nabe, town, tmp_path_factory, request):
    need("PostgreSQL", available_postgres(), "apt install postgresql")
    root = tmp_path_factory.mktemp("postgres") / "city"
    _city(root, town, persistent_postgres)
    aside = Path(read_stamp(root).data).parent  # for root, PostgreSQL keeps its data outside the test's folder
    request.addfinalizer(lambda: shutil.rmtree(aside, ignore_errors=True))
    with silos(root, write=manifest.write, postgres=persistent_postgres) as running:
        assert not running.missing
        with open_workspace(root) as opened:
            apply_files(opened)
            assert opened.catalogue.snapshot().systems["sozialhilfe"].connection["driver"] == "postgresql"
            for question in (
                PRODUCT,
                "SELECT district_key, count(*) AS n FROM assistance_households GROUP BY 1 ORDER BY 1",
            ):
                there = _rows(opened, "sozialplanung", "kita_supply", question)
                assert there == _rows(nabe, "sozialplanung", "kita_supply", question)
