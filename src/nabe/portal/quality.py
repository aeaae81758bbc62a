"""Quality as pages show it: rules in words, a small picture of the last checks, the owner's to-do list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nabe.i18n import t
from nabe.model.dataset import Dataset
from nabe.model.quality import QualityView, Result, RuleView, State
from nabe.quality import advice, outcome, what

#: So many of the last checks are drawn.
_DRAWN = 12
_STEP, _WIDTH, _HEIGHT = 11, 7, 24


@dataclass(frozen=True, slots=True)
class Mark:
    """One check in the picture: what is kept stands tall, what is broken is short and hollow, what is unknown is a dot."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Trend:
    """The last checks from left (oldest) to right; `text` says the same."""

    marks: tuple[Mark, ...]
    width: int
    height: int
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One rule on a page. `word`: its state; `earlier`: what was known before its silo stopped answering."""

    id: str
    what: str
    state: str
    word: str
    outcome: str
    earlier: str
    advice: str
    severity: str
    keys: tuple[str, ...]
    trend: Trend | None
    mended: bool


def lines(view: QualityView, dataset: Dataset, titles: Mapping[str, str], lang: str) -> list[Line]:
    """All rules of a dataset, broken ones first. `titles`: of datasets that the asker may know of."""
    order = {State.FAILED: 0, State.NOT_CHECKED: 1, State.OK: 2}
    made = sorted(view.rules, key=lambda item: order[item.last.state if item.last else State.NOT_CHECKED])
    return [line(item, dataset, titles, lang) for item in made]


def line(item: RuleView, dataset: Dataset, titles: Mapping[str, str], lang: str) -> Line:
    """One rule."""
    last, known = item.last, item.known
    state = last.state if last else State.NOT_CHECKED
    earlier = outcome(item.rule, known, lang) if known is not None and known is not last else ""
    return Line(
        id=item.rule.id,
        what=what(item.rule, dataset, lang, titles.get(_target(item, dataset), "")),
        state=state.value,
        word=t(f"portal.quality_state.{state.value}" if last else "portal.quality_state.never", lang),
        outcome=outcome(item.rule, last, lang),
        earlier=earlier,
        advice=advice(item.rule, lang) if item.open else "",
        severity=t(f"portal.quality_severity.{item.rule.severity.value}", lang),
        keys=known.keys if known is not None else (),
        trend=trend(item.results, lang),
        mended=item.mended,
    )


def trend(results: tuple[Result, ...], lang: str) -> Trend | None:
    """The picture; None where there is nothing to compare."""
    drawn = results[:_DRAWN][::-1]
    if len(drawn) < 2:
        return None
    marks = tuple(_mark(result.state, number) for number, result in enumerate(drawn))
    counted = {state: sum(result.state is state for result in drawn) for state in State}
    text = t(
        "portal.quality.trend",
        lang,
        checks=len(drawn),
        ok=counted[State.OK],
        failed=counted[State.FAILED],
        unknown=counted[State.NOT_CHECKED],
    )
    return Trend(marks, len(drawn) * _STEP, _HEIGHT, text)


def _mark(state: State, number: int) -> Mark:
    x = number * _STEP + 1.5
    if state is State.OK:
        return Mark("ok", x, 1, _WIDTH, _HEIGHT - 2)
    if state is State.FAILED:
        return Mark("failed", x, _HEIGHT - _WIDTH - 1, _WIDTH, _WIDTH)
    return Mark("unknown", x + 2, _HEIGHT - 4, 3, 3)


def _target(item: RuleView, dataset: Dataset) -> str:
    if item.rule.references is not None:
        return item.rule.references.dataset
    field = dataset.field(item.rule.fields[0]) if item.rule.fields else None
    return field.references.dataset if field is not None and field.references else ""
