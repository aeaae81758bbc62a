"""`nabe geocode`, `nabe merge-registers` and registers with history, as a user would run them."""

from __future__ import annotations

import csv
import json

import pytest

ADDRESSES = "id;strasse;nr;zusatz;plz;lon;lat\n" + "".join(
    f"A{at};{street};{number};{letter};{code};{lon};51.05\n"
    for at, (street, number, letter, code, lon) in enumerate(
        [("Hauptstraße", 1, "", "01001", 7.01), ("Hauptstraße", 5, "", "01001", 7.05), ("Hauptstraße", 7, "a", "01001", 7.15),
         ("Birkenweg", 3, "", "01001", 7.02), ("Birkenweg", 3, "", "01002", 7.16), ("Am Markt", 9, "", "01002", 7.1)]
    )
)  # fmt: skip
SCHOOLS = "nr;adresse;plz\n1;Hauptstr. 5;1001\n2;Hauptstr. 3;\n3;Birkenweg 3;\n4;Nirgendwo 9;\n5;Hauptstr. 7A, 01001 Dorf;\n6;Birkenweg 3;1002\n"
AREAS = {
    "type": "FeatureCollection",
    "features": [
        {"type": "Feature", "properties": {"ot": f"0{at}", "name": f"Ort {at}"},
         "geometry": {"type": "Polygon", "coordinates": [[[x, 51], [x + 0.1, 51], [x + 0.1, 51.1], [x, 51.1], [x, 51]]]}}
        for at, x in ((1, 7.0), (2, 7.1))
    ],
}  # fmt: skip


def declare(root, name, old, new):
    path = root / f"datasets/{name}.yaml"
    text = path.read_text()
    for word in ("internal", "restricted"):
        text = text.replace(f"access: {word}", "access: open")
    path.write_text(text.replace("personal: true", "personal: false").replace(old, new, 1))


@pytest.fixture
def city(dorf, nabe):
    (dorf / "data/adressen.csv").write_text(ADDRESSES, "utf-8")
    (dorf / "data/schulen.csv").write_text(SCHOOLS, "utf-8")
    (dorf / "data/ortsteile.geojson").write_text(json.dumps(AREAS))
    for name in ("adressen.csv", "schulen.csv", "ortsteile.geojson"):
        nabe("connect", f"data/{name}", "--as", name.split(".")[0], code=0)
    register = "register: {of: addresses, key: id, name: strasse, number: nr, suffix: zusatz, postcode: plz}\n"
    declare(dorf, "adressen", "system:", register + "system:")
    declare(dorf, "ortsteile", "system:", "register: {of: districts, key: ot, name: name}\nsystem:")
    declare(dorf, "schulen", "system:", "system:")
    nabe("apply", "-y", code=0)
    return dorf


COMMAND = (
    "geocode",
    "schulen",
    "--street",
    "adresse",
    "--postcode",
    "plz",
    "--register",
    "adressen",
    "--districts",
    "ortsteile",
)


def test_addresses_become_places_with_grade_and_district(city, nabe):
    told = nabe(*COMMAND, "--review", "pruefliste.csv", "--json", code=0).json
    assert told["grades"] == {"exact": 3, "interpolated": 1, "street": 0, "ambiguous": 1, "none": 1}
    assert (told["records"], told["with_coordinates"], told["with_district"], told["open"]) == (6, 4, 4, 1)
    with (city / "places.csv").open(encoding="utf-8") as file:
        found = {
            row["nr"]: (row["register_key"], row["lon"], row["district"], row["grade"]) for row in csv.DictReader(file)
        }
    assert found == {
        "1": ("A1", "7.0500000", "01", "exact"),
        "2": ("", "7.0300000", "01", "interpolated"),
        "3": ("", "", "", "ambiguous"),
        "4": ("", "", "", "none"),
        "5": ("A2", "7.1500000", "02", "exact"),
        "6": ("A4", "7.1600000", "02", "exact"),
    }
    review = city / "pruefliste.csv"
    text = review.read_text("utf-8")
    assert "Birkenweg, 01001" in text
    review.write_text(text.replace("Birkenweg;;;3;;", "Birkenweg;;;3;Birkenweg, 01002;"), "utf-8")
    again = nabe(*COMMAND, "--review", "pruefliste.csv", "--json", code=0).json
    assert again["grades"]["exact"] == 4 and again["open"] == 0


def test_the_table_of_places_joins_like_any_dataset(city, nabe):
    nabe(*COMMAND, "-o", "data/places.csv", code=0)
    nabe("connect", "data/places.csv", "--as", "places", code=0)
    assert "type: geometry" in (city / "datasets/places.yaml").read_text()


def test_geocoding_opens_no_door(city, nabe):
    path = city / "datasets/adressen.yaml"
    path.write_text(path.read_text().replace("access: open", "access: restricted"))
    nabe("apply", "-y", code=0)
    assert nabe(*COMMAND, code=2).err.startswith("✗") and not (city / "places.csv").exists()


def test_what_is_missing_is_named(city, nabe):
    assert "no role 'nam'" in nabe(*COMMAND, "--role", "nam=strasse", code=2).err
    assert "no field 'gasse'" in nabe(*COMMAND, "--role", "name=gasse", code=2).err
    wrong = nabe("geocode", "schulen", "--street", "adresse", "--register", "schulen", code=2).err
    assert "does not say which field holds the name" in wrong and "register:" in wrong
    assert "no geometry" in nabe(*COMMAND[:-1], "schulen", code=2).err


STREETS = """\
schluessel;name;frueher;gueltig_bis;nachfolger
00001;Ebertplatz;Platz der Republik;;
00001;Adolf-Hitler-Platz;;1945-05-08;
00002;Neue Gasse;;;
00003;Alte Gasse;;1999-12-31;00002
00004;Künftige Straße;;2999-12-31;
"""


def test_former_names_lead_to_the_key_of_today(dorf, nabe):
    (dorf / "data/strassen.csv").write_text(STREETS, "utf-8")
    names = ["Ebertplatz", "Adolf-Hitler-Platz", "Platz der Republik", "Alte Gasse", "Künftige Str."]
    (dorf / "data/orte.csv").write_text(
        "nr;ort\n" + "".join(f"{at};{name}\n" for at, name in enumerate(names)), "utf-8"
    )
    for name in ("strassen", "orte"):
        nabe("connect", f"data/{name}.csv", "--as", name, code=0)
        declare(dorf, name, "", "")
    register = "register: {of: streets, key: schluessel, name: name, former: frueher, valid_to: gueltig_bis, successor: nachfolger}\n"
    declare(dorf, "strassen", "system:", register + "system:")
    nabe("apply", "-y", code=0)
    nabe("match", "orte", "--street", "ort", "--register", "strassen", code=0)
    with (dorf / "links.csv").open(encoding="utf-8") as file:
        found = [(row["register_key"], row["why"]) for row in csv.DictReader(file)]
    assert found == [
        ("00001", "same"),
        ("00001", "former"),
        ("00001", "former"),
        ("00002", "former"),
        ("00004", "same"),
    ]


def test_two_directories_become_one_register_with_a_list_for_people(dorf, nabe):
    (dorf / "data/alt.csv").write_text(
        "schl;name\n00001;Pescher Weg (Pesch)\n00002;Ringstraße\n00003;Am Hof\n", "utf-8"
    )
    (dorf / "data/neu.csv").write_text(
        "schl;name\n00001;Pescher Weg Pe\n00002;Ebertring\n00009;Am Hof\n00010;Neuweg\n", "utf-8"
    )
    for name in ("alt", "neu"):
        nabe("connect", f"data/{name}.csv", "--as", name, code=0)
        declare(dorf, name, "system:", "register: {of: streets, key: schl, name: name}\nsystem:")
    nabe("apply", "-y", code=0)
    told = nabe("merge-registers", "alt", "neu", "--review", "liste.csv", "--json", code=0).json
    assert (told["streets"], told["alike"], told["other_name"], told["other_key"]) == (4, 1, 1, 1)
    text = (dorf / "liste.csv").read_text("utf-8")
    (dorf / "liste.csv").write_text(
        text.replace("Ebertring;", "Ebertring;same").replace("00009;Am Hof;", "00009;Am Hof;-"), "utf-8"
    )
    again = nabe("merge-registers", "alt", "neu", "--review", "liste.csv", "--json", code=0).json
    assert (again["streets"], again["other_name"], again["other_key"]) == (5, 0, 0)
    assert "00002,Ringstraße,Ebertring" in (dorf / "register.csv").read_text("utf-8")
    assert nabe("merge-registers", "alt", "neu", "--review", "liste.csv", "--json", code=0).json == again
    (dorf / "liste.csv").write_text("key;other_key;decision\n1;2;vielleicht\n")
    assert (
        "line 2: 'vielleicht' is no decision"
        in nabe("merge-registers", "alt", "neu", "--review", "liste.csv", code=2).err
    )
