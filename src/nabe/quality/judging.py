"""From counts to a result: is the rule kept? Pure; time and earlier results are arguments."""

from __future__ import annotations

import datetime as dt
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace

from nabe.model.dataset import Dataset
from nabe.model.periods import moment, parse_period
from nabe.model.quality import Measured, Result, Rule, RuleKind, State


def judge(
    dataset: Dataset,
    rule: Rule,
    counted: Measured,
    earlier: Sequence[Result],
    now: dt.datetime,
    version: str = "",
) -> Result:
    """The result of a rule. `earlier`: results of the same rule, newest first."""
    if counted.why:
        return _result(dataset, rule, counted, now, version, State.NOT_CHECKED, counted.why, counted.params)
    if rule.kind is RuleKind.FRESHNESS:
        return _freshness(dataset, rule, counted, now, version)
    if rule.kind is RuleKind.ROW_COUNT:
        return _row_count(dataset, rule, counted, earlier, now, version)
    if counted.failing < 0:
        return _result(dataset, rule, counted, now, version, State.NOT_CHECKED, "not-counted")
    failed = counted.failing > rule.at_most * max(counted.checked, 0)
    return _result(dataset, rule, counted, now, version, State.FAILED if failed else State.OK)


def _freshness(dataset: Dataset, rule: Rule, counted: Measured, now: dt.datetime, version: str) -> Result:
    """Due at the end of what the newest data cover, plus the period; days are German days."""
    period = parse_period(rule.max_age or dataset.update_every)
    if period is None:
        return _result(dataset, rule, counted, now, version, State.NOT_CHECKED, "no-period")
    newest = counted.latest or ("" if rule.fields or dataset.time else dataset.modified)
    covered = moment(newest)
    if covered is None:
        return _result(dataset, rule, counted, now, version, State.NOT_CHECKED, "no-date")
    due = period.after(covered)
    state = State.FAILED if now > due else State.OK
    made = _result(dataset, rule, counted, now, version, state, params={"due": due.isoformat()})
    return replace(made, latest=newest)


def _row_count(
    dataset: Dataset, rule: Rule, counted: Measured, earlier: Sequence[Result], now: dt.datetime, version: str
) -> Result:
    """Between `min` and `max`, and not further from the median of the last checks than `change` allows."""
    rows = counted.rows
    if rows < 0:
        return _result(dataset, rule, counted, now, version, State.NOT_CHECKED, "not-counted")
    before = [result.rows for result in earlier if result.known and result.rows >= 0][: rule.runs]
    usual = float(statistics.median(before)) if before else None
    low, high = _rows(rule.min), _rows(rule.max)
    failed = (low is not None and rows < low) or (high is not None and rows > high)
    if rule.change and usual is not None:
        failed = failed or abs(rows - usual) > rule.change * usual
    why = "first" if rule.change and usual is None else ""
    made = _result(dataset, rule, counted, now, version, State.FAILED if failed else State.OK, why)
    return replace(made, expected=usual)


def _rows(bound: float | str | None) -> float | None:
    try:
        return None if bound is None else float(bound)
    except ValueError:
        return None  # `nabe check` says so


def _result(
    dataset: Dataset,
    rule: Rule,
    counted: Measured,
    now: dt.datetime,
    version: str,
    state: State,
    why: str = "",
    params: Mapping[str, str] | None = None,
) -> Result:
    return Result(
        dataset.id,
        rule.id,
        now,
        state,
        version=version,
        rows=counted.rows,
        checked=counted.checked,
        failing=counted.failing,
        latest=counted.latest,
        keys=counted.keys if state is State.FAILED else (),
        why=why,
        params=params or {},
    )
