"""Rules and results in words, German or English: what is agreed, what was found, what to do next. Nobody is blamed."""

from __future__ import annotations

import datetime as dt

from nabe import i18n
from nabe.i18n import number, t
from nabe.model.dataset import Dataset
from nabe.model.periods import CITY_TIME, moment, parse_period
from nabe.model.quality import Result, Rule, RuleKind, State


def what(rule: Rule, dataset: Dataset, lang: str, target: str = "") -> str:
    """What the rule says, in one line; its own title if it has one. `target`: title of the dataset referred to."""
    if rule.title:
        return rule.title.in_(lang)
    fields = _fields(rule, dataset, lang)
    if rule.kind is RuleKind.RANGE or (rule.kind is RuleKind.ROW_COUNT and (rule.min, rule.max) != (None, None)):
        which = "between" if None not in (rule.min, rule.max) else "least" if rule.max is None else "most"
        low, high = (_bound(bound, lang) for bound in (rule.min, rule.max))
        return t(f"quality.what.{rule.kind.value}_{which}", lang, fields=fields, min=low, max=high)
    if rule.kind is RuleKind.REFERENCE and target:
        return t("quality.what.reference_to", lang, fields=fields, target=target)
    if rule.kind is RuleKind.UNIQUE and len(rule.fields) > 1:
        return t("quality.what.unique_together", lang, fields=fields)
    span = period(rule.max_age or dataset.update_every, lang)
    kind = t(f"quality.type.{rule.type}", lang) if rule.type else ""
    return t(f"quality.what.{rule.kind.value}", lang, fields=fields, type=kind, span=span, id=rule.id)


def outcome(rule: Rule, result: Result | None, lang: str) -> str:
    """What was found, in a sentence; with figures where the result shows them."""
    if result is None:
        return t("quality.outcome.never", lang)
    if result.state is State.NOT_CHECKED:
        return t("quality.outcome.not_checked", lang, why=why(result, lang))
    failed = result.state is State.FAILED
    if rule.kind is RuleKind.FRESHNESS and result.latest:
        key = "stale" if failed else "fresh"
        return t(f"quality.outcome.{key}", lang, latest=_when(result.latest, lang), due=_due(result, lang))
    if rule.kind is RuleKind.ROW_COUNT and result.rows >= 0:
        return _rows(rule, result, lang)
    if result.checked < 0:
        return t("quality.outcome.failed" if failed else "quality.outcome.ok", lang)
    if result.checked == 1:  # a condition on the dataset as a whole
        return t("quality.outcome.broken" if failed else "quality.outcome.ok", lang)
    checked, failing = number(result.checked, lang), number(result.failing, lang)
    if not failed:
        key = "quality.outcome.ok_rows" if not result.failing else "quality.outcome.ok_some"
        return t(key, lang, checked=checked, failing=failing)
    one = "one" if result.failing == 1 else "many"
    return t(f"quality.outcome.failed_{one}", lang, checked=checked, failing=failing)


def advice(rule: Rule, lang: str) -> str:
    """What to do next when the rule is broken."""
    return t(f"quality.advice.{rule.kind.value}", lang)


def why(result: Result, lang: str) -> str:
    """What kept a rule from being checked."""
    key = f"quality.why.{result.why}"
    known = key if key in i18n.messages(lang) else "quality.why.other"
    return t(known, lang, **{"system": "", "dataset": ""} | dict(result.params))


def period(text: str, lang: str) -> str:
    """`P1D` -> „1 Tag“; what has several parts is shown as it is."""
    found = parse_period(text)
    if found is None:
        return text
    parts = [(found.months, "months"), (found.days, "days")]
    if found.months and not found.months % 12:
        parts[0] = (found.months // 12, "years")
    if found.seconds:
        for length, unit in ((3600, "hours"), (60, "minutes"), (1, "seconds")):
            if not found.seconds % length:
                parts.append((int(found.seconds // length), unit))
                break
    given = [(count, unit) for count, unit in parts if count]
    if len(given) != 1:
        return text
    count, unit = given[0]
    return t(f"quality.span.{unit[:-1] if count == 1 else unit}", lang, count=number(count, lang))


def _rows(rule: Rule, result: Result, lang: str) -> str:
    rows = number(result.rows, lang)
    if result.why == "first":
        return t("quality.outcome.rows_first", lang, rows=rows)
    if result.expected is None or not rule.change:
        return t("quality.outcome.rows", lang, rows=rows)
    return t("quality.outcome.rows_usual", lang, rows=rows, expected=number(round(result.expected), lang))


def _fields(rule: Rule, dataset: Dataset, lang: str) -> str:
    fields = [dataset.field(name) for name in rule.fields]
    names = [field.title.in_(lang) or field.name for field in fields if field is not None]
    shown = names if len(names) <= 4 else [*names[:3], t("quality.more", lang, count=len(names) - 3)]
    return ", ".join(shown) or dataset.title.in_(lang)


def _bound(bound: float | str | None, lang: str) -> str:
    if bound is None:
        return ""
    if isinstance(bound, str):
        if bound in ("now", "today"):
            return t(f"quality.bound.{bound}", lang)
        return _when(bound, lang)
    return number(bound, lang)


def _when(text: str, lang: str) -> str:
    try:
        if len(text) <= 10:
            return i18n.date(dt.date.fromisoformat(text), lang)
    except ValueError:
        return text
    found = moment(text)
    return i18n.date(found.astimezone(CITY_TIME), lang) if found else text


def _due(result: Result, lang: str) -> str:
    """The last day, or the moment, by which new data were to come."""
    due = moment(result.params.get("due", ""))
    if due is None:
        return ""
    local = due.astimezone(CITY_TIME)
    if local.time() == dt.time() and len(result.latest) <= 10:
        return i18n.date(local.date() - dt.timedelta(days=1), lang)
    return i18n.date(local, lang)
