"""The outage drill works: two silos, two moods each, and what users see is what is promised."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from nabe.demo import making
from nabe.testing import servers

_PATH = Path(__file__).parents[2] / "scripts" / "outage_drill.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("outage_drill", _PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules["outage_drill"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def seen(script, town, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(making, "make", lambda: town)
        patch.setattr(servers, "available_postgres", lambda: False)
        with script.city(tmp_path_factory.mktemp("drill") / "city") as drill:
            found = script.drill_all(drill, ("parkleitsystem", "kita_verwaltung", "nachbarstadt"), ("gone", "changed"))
    return {(item.silo.system, item.mood): item for item in found}


def test_nothing_goes_wrong_and_all_come_back(seen):
    assert len(seen) == 6
    assert {key: item.faults for key, item in seen.items() if item.faults} == {}


def test_a_copy_stands_in_and_is_marked(seen):
    for mood in ("gone", "changed"):
        item = seen["parkleitsystem", mood]
        assert item.data.status == 200 and item.data.stale.startswith("car_park_free;since=")
        assert item.product.status == 200 and "car_park_free" in item.product.stale
        assert item.page.startswith("Stand vom ") and item.state == "antwortet aus einer Kopie"


def test_without_a_copy_the_page_says_in_german_what_is_wrong(seen):
    gone, changed = seen["kita_verwaltung", "gone"], seen["kita_verwaltung", "changed"]
    assert (gone.data.status, changed.data.status) == (503, 502)
    assert "antwortet gerade nicht" in gone.page
    assert "liefert nicht, was vereinbart ist" in changed.page


def test_the_report_has_a_line_for_each(script, seen):
    lines = script.report(list(seen.values())).splitlines()
    assert len(lines) == 2 + len(seen)
    assert all(line.count("|") == 10 for line in lines)


def test_rows_that_an_adapter_has_kept_are_marked_too(seen):
    """Files from the web are kept on disk: what stands in must say so on its way through the threads of the query."""
    gone = seen["nachbarstadt", "gone"]
    assert gone.data.status == 200 and gone.data.stale.startswith("neighbour_kitas;since=")
    assert gone.page.startswith("Stand vom ") and gone.state != "antwortet"
