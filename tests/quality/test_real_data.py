"""Sensible rules find what is wrong with real city data (../shared/data; what is wrong was counted apart, without Nabe)."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from pathlib import Path

import pytest

from nabe.app import open_workspace
from nabe.model.catalogue import Change, City, kind_of
from nabe.model.dataset import Access, Dataset, Field, FieldType, System
from nabe.model.party import Actor, Organisation, OrganisationKind, Role
from nabe.model.quality import Rule, RuleKind, State, Target
from nabe.model.text import Text
from nabe.quality import run
from nabe.testing.needs import need

DATA = Path(os.environ.get("NABE_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")
K, T = RuleKind, FieldType


@pytest.fixture
def check(tmp_path):
    need("the folder of real city data", DATA.is_dir(), "set NABE_TEST_DATA to a copy of it")

    def go(folder, *datasets):
        (tmp_path / "daten").mkdir()
        for item in datasets:
            shutil.copy(DATA / folder / item.source["path"], tmp_path / "daten")
        (tmp_path / "nabe.yaml").write_text("kind: city\nid: s\ntitle: S\n")
        nouns = [
            City("s", Text("S")),
            Organisation("s", Text("S"), OrganisationKind.MUNICIPALITY),
            System("dateien", Text("Dateien"), "file", "s", {"location": "daten"}),
            *datasets,
        ]
        with open_workspace(tmp_path) as nabe:
            operator = Actor("operator", "", "", frozenset({Role.IT}))
            nabe.hub.declare(operator, [Change(kind_of(noun), noun.id, noun) for noun in nouns], expect=0)
            found = run(nabe.hub, [datasets[0].id], now=dt.datetime(2026, 11, 24, tzinfo=dt.UTC))
        return {result.rule: result for result in found[0].results}

    return go


def dataset(id, path, fields, rules, *, key=(), **source):
    made = tuple(Field(name, kind, column=column) for name, kind, column in fields)
    return Dataset(
        id, Text(id), "s", Access.OPEN, made, system="dateien", source={"path": path} | source, key=key, quality=rules
    )


def test_the_probe_in_the_spree(check):
    probe = dataset(
        "spree",
        "spree_caprivibruecke_2014-2019.csv",
        [
            ("zeit", T.DATETIME, "LocalDateTime"),
            ("versatz", T.INTEGER, "UTCOffset"),
            ("lf", T.NUMBER, "LF"),
            ("ph", T.NUMBER, "pH"),
            ("sauerstoff", T.NUMBER, "Sauerstoff"),
            ("temperatur", T.NUMBER, "Temperatur"),
        ],
        (
            Rule("ph", K.RANGE, ("ph",), min=0, max=14),
            Rule("sauerstoff", K.SQL, sql="sauerstoff > 0"),
            Rule("temperatur", K.RANGE, ("temperatur",), min=-1, max=35),
            Rule("zeit", K.UNIQUE, ("zeit",)),
            Rule("leitfaehigkeit", K.COMPLETENESS, ("lf",)),
            Rule("luecken", K.SQL, sql="zeit - lag(zeit) OVER (ORDER BY zeit) < INTERVAL 1 DAY"),
            Rule("aktuell", K.FRESHNESS, ("zeit",), max_age="PT1H"),
        ),
        key=("zeit",),
        delimiter=";",
    )
    found = check("wasser", probe)
    assert {result.rows for result in found.values()} == {89_803}
    assert (found["ph"].state, found["ph"].failing, len(found["ph"].keys)) == (State.FAILED, 1, 1)
    assert found["sauerstoff"].failing == 1_356
    assert found["leitfaehigkeit"].failing == 93
    assert found["luecken"].failing == 7
    assert found["aktuell"].state is State.FAILED and found["aktuell"].latest == "2019-09-30T22:45:00+00:00"
    assert found["temperatur"].state is found["zeit"].state is State.OK


def test_leipzig_s_parts_do_not_add_up_to_the_city(check):
    residents = dataset(
        "einwohner",
        "einwohner_2000-2024.json",
        [
            ("id", T.INTEGER, ""),
            ("name", T.STRING, ""),
            ("wert", T.STRING, ""),
            ("jahr", T.STRING, ""),
            ("stadtbezirk", T.STRING, ""),
            ("ortsteil", T.STRING, ""),
        ],
        (
            Rule(
                "summe",
                K.SQL,
                sql="""ortsteil IS NOT NULL OR stadtbezirk IS NOT NULL OR
                    try_cast(wert AS BIGINT) = sum(CASE WHEN ortsteil IS NOT NULL THEN try_cast(wert AS BIGINT) END)
                        OVER (PARTITION BY jahr, trim(name))""",
            ),
            Rule("wert", K.TYPE, ("wert",), type="integer"),
            Rule("schluessel", K.UNIQUE, ("id",)),
        ),
        key=("id",),
        rows_path="daten",
    )
    found = check("leipzig", residents)
    assert found["summe"].rows == 9_250
    assert (found["summe"].failing, found["summe"].keys[0]) == (100, "165961")
    assert found["wert"].state is found["schluessel"].state is State.OK


def test_berlin_s_kitas(check):
    kitas = dataset(
        "kitas",
        "kitas_2025-11.csv",
        [
            ("id", T.STRING, ""),
            ("name", T.STRING, ""),
            ("places", T.INTEGER, ""),
            ("zip_code", T.STRING, ""),
            ("lat", T.NUMBER, ""),
            ("lon", T.NUMBER, ""),
            ("lor", T.STRING, "geojson_feature_id"),
        ],
        (
            Rule("id", K.UNIQUE, ("id",)),
            Rule("plz", K.PATTERN, ("zip_code",), pattern="1[0-4][0-9]{3}"),
            Rule("plaetze", K.RANGE, ("places",), min=1, max=500),
            Rule("lage", K.RANGE, ("lat",), min=52.33, max=52.68),
            Rule("lor", K.REFERENCE, ("lor",), references=Target("lor", "id")),
            Rule("adresse", K.COMPLETENESS, ("name", "zip_code", "lat", "lon", "lor")),
        ),
        key=("id",),
    )
    areas = dataset("lor", "einwohner_2024h2_planungsraeume_t1.csv", [("id", T.STRING, "id")], ())
    found = check("berlin", kitas, areas)
    assert {result.rows for result in found.values()} == {2_852}
    assert (found["plaetze"].failing, found["plaetze"].keys[:2]) == (9, ("00000900", "00001130")), "no places at all"
    assert [rule for rule, result in found.items() if result.state is State.FAILED] == ["plaetze"]
