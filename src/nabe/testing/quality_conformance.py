"""What every quality history must do; a store's tests subclass this with a `store` fixture (see `store_conformance`)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from nabe.model.quality import Result, State

NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)


def _result(minute: int, state: State = State.OK, rule: str = "r", dataset: str = "d", **more: Any) -> Result:
    return Result(dataset, rule, NOW + dt.timedelta(minutes=minute), state, **more)


class QualityConformance:
    """Results: equal after a round trip, newest first, kept as many as wanted, outages never push out what is known."""

    def test_what_was_added_is_read_back_equal_by_everybody(self, store: Any) -> None:
        result = _result(
            1, State.FAILED, version="v7", rows=9, checked=8, failing=2, latest="2026-11-24", expected=9.5,
            keys=("ä / 1", "'; DROP TABLE quality_result; --"), why="first", params={"system": "s"},
        )  # fmt: skip
        store.quality.add([result], keep=5)
        assert store.quality.results(["d"], limit=5) == [result]
        assert store.again().quality.results(["d"], limit=5) == [result]

    def test_nothing_is_found_where_nothing_is(self, store: Any) -> None:
        store.quality.add([], keep=5)
        assert store.quality.results([], limit=5) == [] and store.quality.results(["d"], limit=5) == []

    def test_the_newest_come_first_per_rule_and_dataset(self, store: Any) -> None:
        store.quality.add([_result(1), _result(1, rule="s"), _result(1, dataset="e")], keep=9)
        store.quality.add([_result(2), _result(3)], keep=9)
        found = store.quality.results(["d"], limit=2)
        assert [(item.rule, item.at.minute) for item in found if item.rule == "r"] == [("r", 3), ("r", 2)]
        assert [item.rule for item in found if item.rule == "s"] == ["s"]
        assert [item.dataset for item in store.quality.results(["e", "x"], limit=9)] == ["e"]

    def test_only_so_many_are_kept(self, store: Any) -> None:
        for minute in range(8):
            store.quality.add([_result(minute), _result(minute, rule="s")], keep=3)
        found = store.quality.results(["d"], limit=99)
        assert [item.at.minute for item in found if item.rule == "r"] == [7, 6, 5]
        assert len(found) == 6

    def test_outages_never_push_out_what_is_known(self, store: Any) -> None:
        store.quality.add([_result(0, State.FAILED)], keep=3)
        for minute in range(1, 9):
            store.quality.add([_result(minute, State.NOT_CHECKED, why="source-unavailable")], keep=3)
        found = store.quality.results(["d"], limit=2)
        assert [(item.at.minute, item.state) for item in found] == [
            (8, State.NOT_CHECKED),
            (7, State.NOT_CHECKED),
            (0, State.FAILED),
        ]

    def test_keys_that_databases_refuse_are_kept_as_far_as_possible(self, store: Any) -> None:
        store.quality.add([_result(1, State.FAILED, keys=("a\0b", "\ud800"))], keep=3)
        (found,) = store.quality.results(["d"], limit=1)
        assert len(found.keys) == 2

    def test_many_datasets_are_read_at_once(self, store: Any) -> None:
        names = [f"d{number}" for number in range(1200)]
        store.quality.add([_result(1, dataset=name) for name in names], keep=3)
        assert len(store.quality.results(names, limit=1)) == 1200
