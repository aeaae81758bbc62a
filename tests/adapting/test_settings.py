"""Settings of every adapter are judged alike: each message names the field and what would be right."""

from __future__ import annotations

import pytest

from nabe.adapters.file.settings import TableSettings as FileTable
from nabe.adapters.sql.settings import TableSettings as SqlTable
from nabe.adapting.json_http.settings import TableSettings as JsonTable
from nabe.adapting.settings import parsed, problems
from nabe.errors import SourceRefused

GOOD = {FileTable: {"path": "a.csv"}, JsonTable: {}, SqlTable: {"table": "a"}}


@pytest.mark.parametrize("kind", GOOD)
def test_an_unknown_setting_is_named_with_those_that_are_known(kind):
    assert problems(kind, GOOD[kind], "source") == []
    (sentence,) = problems(kind, GOOD[kind] | {"zeitzone": "geheim"}, "source")
    assert sentence.startswith("source.zeitzone is not a setting; known: ") and "timezone" in sentence
    assert "geheim" not in sentence


@pytest.mark.parametrize("kind", [FileTable, JsonTable])
@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("timezone", "Mitteleuropa", "not a time zone; for example Europe/Berlin"),
        ("encoding", "ansi-deutsch", "not an encoding; for example utf-8"),
        ("encoding", "base64", "not an encoding"),
        ("crs", "Gauß-Krüger", "not a coordinate reference system; for example EPSG:25832"),
    ],
)
def test_a_value_that_does_not_fit_is_told_with_one_that_would(kind, name, value, says):
    with pytest.raises(SourceRefused, match=f"source.{name}: {says}") as caught:
        parsed(kind, GOOD[kind] | {name: value}, "silo", "source")
    assert value not in str(caught.value)


def test_yaml_may_write_one_text_where_a_list_is_meant():
    settings = parsed(FileTable, {"path": "a.csv", "nulls": "-", "columns": {"x": {"nulls": "k.A."}}}, "silo", "source")
    assert settings.nulls == ("-",) and settings.dialect("x").nulls == ("k.A.",)
