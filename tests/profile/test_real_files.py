"""What is detected in real files of cities, quirks and all (docs/reference/connect-detection.md has the whole table)."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from nabe.model.dataset import Access, FieldType, Reference
from nabe.ports.source import AdapterContext
from nabe.profile import KeySketch, Proposal, propose

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("NABE_TEST_DATA") or ROOT.parent / "shared" / "data")

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="needs the folder of real city data (set NABE_TEST_DATA)")

Connect = Callable[..., Proposal]


@pytest.fixture
def connect(tmp_path: Path) -> Connect:
    """`connect("berlin/kitas.csv", id, known=...)` as `nabe connect` does it."""
    (adapter,) = [entry.load()() for entry in entry_points(group="nabe.adapters") if entry.name == "file"]
    context = AdapterContext(str(tmp_path), str(tmp_path / "cache"))

    def run(path: str, id: str, known: list[KeySketch] | None = None, table: str = "") -> Proposal:
        connection = adapter.sniff(str(DATA / path), context)
        assert connection is not None, path
        probe = adapter.probe(connection, lambda _: "", context)
        name = table or probe.discover()[0]
        found = propose(probe, name, id=id, owner="amt", system=f"sys_{id}", known=known or [])
        problems = adapter.check_dataset(None, found.dataset)
        assert problems == []
        return found

    return run


def keys(found: Proposal, field: str = "") -> set[str]:
    return {item.key.removeprefix("profile.") for item in found.findings if item.field == field}


def types(found: Proposal) -> dict[str, FieldType]:
    return {field.name: field.type for field in found.dataset.fields}


def test_population_of_cologne_keeps_the_zeros_of_its_area_keys(connect: Connect) -> None:
    found = connect("koeln/bevoelkerung.csv", "bevoelkerung")
    assert types(found)["raum_id"] is FieldType.STRING and types(found)["zahl"] is FieldType.NUMBER
    assert found.dataset.key == ("id",) and "key.leading_zeros" in keys(found, "raum_id")
    assert found.dataset.access is Access.INTERNAL


def test_day_care_of_berlin_is_restricted_for_its_telephone_numbers_and_says_why(connect: Connect) -> None:
    found = connect("berlin/kitas_2025-11.csv", "kitas")
    assert found.dataset.access is Access.RESTRICTED
    assert {field.name for field in found.dataset.fields if field.personal} == {"phone_number"}
    assert keys(found, "phone_number") == {"personal.contact"}
    assert (found.dataset.source["x"], found.dataset.source["y"]) == ("lon", "lat")


def test_air_of_muenster_has_units_and_no_chemistry_for_them(connect: Connect) -> None:
    found = connect("muenster/luftqualitaet_2022_2024_DENW095.csv", "luft")
    numbers = [field for field in found.dataset.fields if field.type in (FieldType.NUMBER, FieldType.INTEGER)]
    assert len(numbers) == 4 and {field.unit for field in numbers} == {"ug/m3"}
    assert found.dataset.time == "date"


def test_profiles_of_hamburg_are_read_from_the_workbook(connect: Connect) -> None:
    found = connect("hamburg/stadtteilprofile_2014.xlsx", "profile")
    assert len(found.dataset.fields) > 30
    assert not any("\n" in field.title.in_("de") or "-\n" in field.name for field in found.dataset.fields)


def test_districts_of_cologne_have_a_key_and_a_reference_system(connect: Connect) -> None:
    found = connect("koeln/Stadtteil.shp", "stadtteil")
    assert found.dataset.key == ("stt_nr",) and found.dataset.crs and found.dataset.geometry is not None


def test_the_population_of_berlin_refers_to_the_social_index(connect: Connect) -> None:
    index = connect("berlin/mss_2021_indizes.csv", "mss")
    found = connect("berlin/einwohner_2024h2_planungsraeume_t1.csv", "einwohner", list(index.sketch))
    field = found.dataset.field("id")
    assert field is not None and field.references == Reference("mss", "plr_id") and field.type is FieldType.STRING
    (told,) = [item for item in found.findings if item.kind == "reference" and item.field == "id"]
    assert (told.params["found"], told.params["compared"]) == (542, 542)


def test_the_pupils_of_cologne_refer_to_the_districts_by_number_and_not_by_name(connect: Connect) -> None:
    districts = connect("koeln/Stadtteil.shp", "stadtteil")
    found = connect("koeln/schulen/2012_Schueler_Stadtteil.csv", "schueler", list(districts.sketch))
    number, name = found.dataset.field("nr"), found.dataset.field("stadtteil")
    assert number is not None and number.references == Reference("stadtteil", "stt_nr")
    target = districts.dataset.field("stt_nr")
    assert target is not None and number.type is target.type
    assert name is not None and name.references is None
    echo = next(item for item in found.findings if item.key == "profile.reference.echo")
    assert (echo.params["found"], echo.params["compared"]) == (82, 86)


def test_polling_places_of_cologne_lie_in_web_mercator_without_saying_so(connect: Connect) -> None:
    found = connect("koeln/wahllokale_2014.csv", "wahllokale")
    assert (found.dataset.source["x"], found.dataset.source["y"]) == ("KOORX", "KOORY")
    assert found.dataset.crs == "EPSG:3857" and types(found)["ad_nummer"] is FieldType.STRING


@pytest.mark.parametrize("path", ["wasser/messstellen.csv", "berlin/badestellen_2019.csv", "muenster/spielplaetze.csv"])
def test_swapped_coordinates_are_noticed(connect: Connect, path: str) -> None:
    found = connect(path, "orte")
    assert any(item.key == "profile.geometry.swapped" for item in found.findings)


def test_schools_of_berlin_have_metres_and_contacts(connect: Connect) -> None:
    found = connect("berlin/schulen_2023-10_epsg25833.geojson", "schulen")
    assert found.dataset.crs == "EPSG:25833" and found.dataset.access is Access.RESTRICTED
    assert {field.name for field in found.dataset.fields if field.personal} == {"telefon", "fax", "email"}


def test_energy_of_schools_has_units_per_area_and_year(connect: Connect) -> None:
    found = connect("koeln/schulen/energie_schulen_2012.csv", "energie")
    units = {field.unit for field in found.dataset.fields}
    assert {"m2", "kW.h/(m2.a)", "L/m2", "%"} <= units


def test_no_reference_between_unrelated_files_is_invented(connect: Connect) -> None:
    known: list[KeySketch] = []
    for path in (
        "koeln/wahllokale_2014.csv",
        "parken/bielefeld.csv",
        "koeln/wetter_eddk_2013-02.csv",
        "koeln/verkehr_strassenabschnitte.geojson",
    ):
        found = connect(path, Path(path).stem.replace("-", "_"), known)
        assert [field.name for field in found.dataset.fields if field.references] == []
        known += found.sketch
    found = connect("muenster/parkhaus_2019-09-01.csv", "parkhaus", known)
    assert [field.name for field in found.dataset.fields if field.references] == []
