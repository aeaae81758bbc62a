"""Datasets that come as a stream: what may be left out, and what is wrong with one, in words."""

from __future__ import annotations

import jsonschema
import pytest

from nabe.app import load
from nabe.manifest import json_schemas
from nabe.manifest.reading import parse
from nabe.model.flat import STREAM_FIELDS
from nabe.model.stream import Aggregate, Minimise, MinimiseKind, Stream

CITY = "kind: city\nid: dorf\ntitle: Dorf\n"
ORG = "id: dorf\ntitle: Dorf\ntype: municipality\n"
SENSORS = "id: netz\ntitle: Netz\nadapter: sensing\nowner: dorf\n"
FILES = "id: dateien\ntitle: Dateien\nadapter: file\nowner: dorf\n"
DATASET = """\
id: verkehr
title: Verkehr
owner: dorf
system: netz
access: open
mode: stream
fields:
  - {name: wann, type: datetime, column: phenomenonTime}
  - {name: wert, type: number, column: result}
  - {name: strasse, type: string, column: Datastream/Thing/properties/strasse}
stream:
  writers: [gateway]
  retention: P2Y
  minimise:
    - {kind: drop, path: parameters/plate}
    - {kind: aggregate, path: result, every: PT15M, function: sum, observed_properties: [Anzahl]}
"""


@pytest.fixture
def folder(tmp_path):
    def make(dataset=DATASET):
        for name, text in {
            "nabe.yaml": CITY,
            "organisations/dorf.yaml": ORG,
            "systems/netz.yaml": SENSORS,
            "systems/dateien.yaml": FILES,
            "datasets/verkehr.yaml": dataset,
        }.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return load(tmp_path)

    return make


def dataset_of(loaded):
    assert [str(problem) for problem in loaded.problems] == []
    return next(noun for noun in loaded.nouns if noun.id == "verkehr")


def test_all_that_can_be_said_is_kept(folder):
    assert dataset_of(folder()).stream == Stream(
        ("gateway",),
        (
            Minimise(MinimiseKind.DROP, "parameters/plate"),
            Minimise(MinimiseKind.AGGREGATE, "result", 0.0, "PT15M", Aggregate.SUM, ("Anzahl",)),
        ),
        "P2Y",
    )


def test_fields_and_stream_may_be_left_out(folder):
    short = DATASET.partition("fields:")[0]
    dataset = dataset_of(folder(short))
    assert dataset.fields == STREAM_FIELDS
    assert dataset.stream == Stream()


def test_it_fits_the_json_schema():
    (raw,), _ = parse(DATASET, "verkehr.yaml")
    jsonschema.validate(raw.data, json_schemas()["dataset"])


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("system: netz", "system: dateien", ":6: mode", "(file) does not feed a stream (adapters that do:"),
        ("mode: stream\n", "", ":10: stream", "mode: stream only"),
        ("mode: stream\n", "", ": mode", "no silo that could be read"),
        ("mode: stream", "mode: strem", ":6: mode", "did you mean 'stream'?"),
        ("column: result", "column: resultt", ":9: fields[1].column", "did you mean 'result'?"),
        ("column: result", "column: Datastrem/name", ":9: fields[1].column", "did you mean 'Datastream'?"),
        (
            "name: wert, type: number, column: result",
            "name: wert, type: number",
            ":9: fields[1].name",
            "no property 'wert'",
        ),
        ("type: datetime", "type: number", ":8: fields[0].type", "cannot be number (possible: datetime, date"),
        ("column: result", "column: phenomenonTime/middle", ":9: fields[1].column", "a start and an end"),
        ("retention: P2Y", "retention: 2 years", ":13: stream.retention", "no duration (ISO 8601"),
        ("access: open", "access: open\nsnapshots: {every: P1D}", ":6: snapshots", "keeps its own history"),
        ("kind: drop", "kind: forget", ":15: stream.minimise[0].kind", "known: aggregate, drop"),
        ("path: parameters/plate", "path: parametrs/plate", ":15: stream.minimise[0].path", "no property 'parametrs'"),
        ("path: parameters/plate", "path: result", ":15: stream.minimise[0].path", "cannot be without 'result'"),
        ("path: parameters/plate", "path: id", ":15: stream.minimise[0].path", "no value to be minimised"),
        ("path: parameters/plate", "path: parameters/plate, step: 5", ":15: stream.minimise[0].step", "means nothing"),
        ("every: PT15M", "every: 15 min", ":16: stream.minimise[1].every", "no duration"),
        ("every: PT15M", "every: P1M", ":16: stream.minimise[1].every", "not always equally long"),
        ("every: PT15M, ", "", ":16: stream.minimise[1].every", "no duration"),
        ("path: result, every", "path: parameters/x, every", ":16: stream.minimise[1].path", "on the result only"),
        ("function: sum", "function: median", ":16: stream.minimise[1].function", "'mean'"),
        ("kind: drop", "kind: round", ":15: stream.minimise[0].step", "needs a step above 0"),
        ("kind: drop", "kind: round_place, step: 100", ":15: stream.minimise[0].path", "does not work on json"),
    ],
)
def test_what_is_wrong_is_named_with_what_would_be_right(folder, old, new, place, words):
    assert old in DATASET
    found = [str(problem) for problem in folder(DATASET.replace(old, new, 1)).problems]
    assert any(place in line and words in line for line in found), found


def test_an_endless_path_is_refused(folder):
    long = "Datastream/Thing/" + "Datastreams/Thing/" * 50 + "name"
    found = [str(problem) for problem in folder(DATASET.replace("column: result", f"column: {long}")).problems]
    assert any("more than 12 steps" in line for line in found)
