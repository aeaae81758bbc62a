"""Quality of data: the rules that an owner declares for a dataset, and what checking them found."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from nabe.model.text import Text


class RuleKind(StrEnum):
    """What a rule looks at."""

    TYPE = "type"  # text that reads as a number or date, numbers that are whole
    RANGE = "range"  # between `min` and `max`
    UNIQUE = "unique"  # no two rows alike in the fields
    REFERENCE = "reference"  # occurs in a field of another dataset
    PATTERN = "pattern"  # the whole value fits a regular expression
    FRESHNESS = "freshness"  # not older than `max_age`
    COMPLETENESS = "completeness"  # filled
    ROW_COUNT = "row_count"  # as many rows as usual
    SQL = "sql"  # a condition that good rows fulfil


class RuleSeverity(StrEnum):
    """How much it matters; an `error` makes `nabe quality run --strict` fail."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class Target:
    """Where the values of a `reference` rule must occur."""

    dataset: str
    field: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a dataset; its `id` is unique there. Missing values break only `completeness`.

    `fields`: hub names; several mean all of them together for `unique`, each of them for the other kinds.
    `type`: for `type`, what the values are to be. `min`, `max`: of `range` (numbers, ISO 8601 dates, `today`, `now`) and of
    `row_count` (rows). `pattern`: a regular expression (RE2) for the whole value. `references`: None = what the field itself
    declares. `max_age`: ISO 8601 duration, empty = the dataset's `update_every`. `change`: share by which the number of rows
    may differ from the median of the last `runs` checks. `sql`: a condition over the dataset, true for good rows.
    `at_most`: share of the rows checked that may break the rule, 0..1.
    """

    id: str
    kind: RuleKind
    fields: tuple[str, ...] = ()
    severity: RuleSeverity = RuleSeverity.WARNING
    title: Text = Text()
    type: str = ""
    min: int | float | str | None = None
    max: int | float | str | None = None
    pattern: str = ""
    references: Target | None = None
    max_age: str = ""
    change: float = 0.0
    runs: int = 5
    sql: str = ""
    at_most: float = 0.0


class State(StrEnum):
    """Outcome of checking a rule."""

    OK = "ok"
    FAILED = "failed"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class Measured:
    """What was counted for one rule: never a value, only how many. -1: not counted.

    `rows` of the dataset, `checked` of them (those that have a value), `failing` of these. `latest`: the newest moment in
    the data that is not in the future (ISO 8601), for `freshness`. `keys`: keys of some failing rows, only where no field of
    the key is personal. `why`: code of what kept it from being counted, filled by `params`.
    """

    rule: str
    rows: int = -1
    checked: int = -1
    failing: int = -1
    latest: str = ""
    keys: tuple[str, ...] = ()
    why: str = ""
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """What checking a rule found at a time (UTC). `version`: of the snapshot checked, empty for the silo itself.

    `expected`: the number of rows that `row_count` compares with. Else as in `Measured`.
    """

    dataset: str
    rule: str
    at: dt.datetime
    state: State
    version: str = ""
    rows: int = -1
    checked: int = -1
    failing: int = -1
    latest: str = ""
    expected: float | None = None
    keys: tuple[str, ...] = ()
    why: str = ""
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def known(self) -> bool:
        """Was it possible to say?"""
        return self.state is not State.NOT_CHECKED


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule as somebody may see it. `results`: newest first; the counts in them are -1 unless `figures`.

    `last` is the newest result, `known` the newest that says something (kept while a silo does not answer).
    """

    rule: Rule
    figures: bool
    results: tuple[Result, ...] = ()

    @property
    def last(self) -> Result | None:
        return self.results[0] if self.results else None

    @property
    def known(self) -> Result | None:
        return next((result for result in self.results if result.known), None)

    @property
    def state(self) -> State:
        """The newest outcome that says something."""
        return self.known.state if self.known else State.NOT_CHECKED

    @property
    def open(self) -> bool:
        """Is there something to do?"""
        return self.state is State.FAILED

    @property
    def mended(self) -> bool:
        """Was it broken before and is kept now?"""
        told = [result for result in self.results if result.known]
        return self.state is State.OK and any(result.state is State.FAILED for result in told[1:4])


@dataclass(frozen=True, slots=True)
class QualityView:
    """The quality of one dataset as somebody may see it. `may_check`: may they have it checked now?"""

    dataset: str
    rules: tuple[RuleView, ...]
    may_check: bool = False

    @property
    def at(self) -> dt.datetime | None:
        """When it was checked last."""
        return max((view.last.at for view in self.rules if view.last), default=None)
