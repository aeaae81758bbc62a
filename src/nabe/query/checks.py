"""Rules of a dataset -> SQL that counts: in as few passes over its rows as possible.

Everything about single rows goes into one SELECT of aggregates; what groups or joins (unique, reference, conditions with
sub-queries or windows) gets one each. The SQL is user SQL to `query.text` like any other: the same walls stand around it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlglot import exp

from nabe.errors import Invalid
from nabe.model.dataset import Dataset, Field, FieldType, Reference
from nabe.model.periods import CITY_TIME, day_of
from nabe.model.quality import Rule, RuleKind, Target
from nabe.query.text import DIALECT, parse_condition

#: Most rules that one SELECT counts, so that it stays within what a question may be.
_TOGETHER = 30
_TEMPORAL = (FieldType.DATE, FieldType.DATETIME)
_CASTS = {"integer": "BIGINT", "number": "DOUBLE", "date": "DATE", "datetime": "TIMESTAMPTZ"}


@dataclass(frozen=True, slots=True)
class Pass:
    """One SELECT with one row: `n` rows (first pass only), and for each rule `c<i>`, `f<i>` or `t<i>` (see `Measured`)."""

    sql: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class _Test:
    """Conditions of a row: does it have a value, and is that good?"""

    has: str
    good: str


def passes(dataset: Dataset, rules: Sequence[Rule], now: dt.datetime) -> list[Pass]:
    """What to ask. The first counts the rows whatever the rules are. Raises `Invalid` for a rule that does not fit."""
    plain = [rule for rule in rules if _is_plain(rule)]
    lots = [plain[at : at + _TOGETHER] for at in range(0, len(plain), _TOGETHER)] or [[]]
    made = [Pass(_aggregates(dataset, lot, now), tuple(lot)) for lot in lots]
    return made + [Pass(_alone(dataset, rule, now), (rule,)) for rule in rules if not _is_plain(rule)]


def keys(dataset: Dataset, rule: Rule, now: dt.datetime, most: int) -> str:
    """The SELECT for the keys of some failing rows; empty where there is no key, or no row that fails by itself. (Of a
    condition on the dataset as a whole it cannot be computed.)"""
    if not dataset.key or rule.kind in (RuleKind.FRESHNESS, RuleKind.ROW_COUNT):
        return ""
    names = [_quoted(name) for name in dataset.key]
    found, order = ", ".join(f"a.{name}" for name in names), ", ".join(str(at + 1) for at in range(len(names)))
    table, end = _quoted(dataset.id), f"ORDER BY {order} LIMIT {most}"
    if rule.kind is RuleKind.UNIQUE:
        fields = [_quoted(_field(dataset, rule, name).name) for name in rule.fields]
        alike = " AND ".join(f"a.{name} = d.{name}" for name in fields)
        group = ", ".join(fields)
        twice = f"SELECT {group} FROM {table} GROUP BY {group} HAVING count(*) > 1"
        return f"SELECT {found} FROM {table} AS a JOIN ({twice}) AS d ON {alike} {end}"
    if rule.kind is RuleKind.REFERENCE:
        return f"SELECT {found} FROM {_antijoin(dataset, rule)} AND r.v IS NULL {end}"
    if rule.kind is RuleKind.SQL:
        inner = f"SELECT {', '.join(names)}, ({_condition(rule).sql(dialect=DIALECT)}) AS ok FROM {table}"
        return f"SELECT {found} FROM ({inner}) AS a WHERE NOT a.ok {end}"
    test = _test(dataset, rule, now)
    return f"SELECT {found} FROM {table} AS a WHERE ({test.has}) AND NOT ({test.good}) {end}"


def target_of(dataset: Dataset, rule: Rule) -> Target | Reference | None:
    """Where the values of a `reference` rule must occur."""
    if rule.references is not None or not rule.fields:
        return rule.references
    field = dataset.field(rule.fields[0])
    return field.references if field else None


def tables_of(dataset: Dataset, rule: Rule) -> frozenset[str]:
    """Ids of the other datasets that a rule looks into."""
    if rule.kind is RuleKind.REFERENCE:
        target = target_of(dataset, rule)
        return frozenset({target.dataset} - {dataset.id}) if target else frozenset()
    if rule.kind is RuleKind.SQL:
        names = {table.name.lower() for table in _condition(rule).find_all(exp.Table)}
        return frozenset(names - {dataset.id})
    return frozenset()


def _is_plain(rule: Rule) -> bool:
    """Does it look at each row by itself?"""
    if rule.kind is RuleKind.SQL:
        return _condition(rule).find(exp.Query, exp.Window, exp.AggFunc) is None
    return rule.kind not in (RuleKind.UNIQUE, RuleKind.REFERENCE)


def _aggregates(dataset: Dataset, rules: Sequence[Rule], now: dt.datetime) -> str:
    columns = ["count(*) AS n"]
    for at, rule in enumerate(rules):
        if rule.kind is RuleKind.ROW_COUNT:
            continue
        if rule.kind is RuleKind.FRESHNESS:
            name = rule.fields[0] if rule.fields else dataset.time
            if name:
                field = _field(dataset, rule, name)
                column = _quoted(field.name)
                columns.append(f"max({column}) FILTER (WHERE {column} <= {_literal('now', field, now)}) AS t{at}")
            continue
        test = _test(dataset, rule, now)
        columns.append(f"count(*) FILTER (WHERE {test.has}) AS c{at}")
        columns.append(f"count(*) FILTER (WHERE ({test.has}) AND NOT ({test.good})) AS f{at}")
    return f"SELECT {', '.join(columns)} FROM {_quoted(dataset.id)}"


def _alone(dataset: Dataset, rule: Rule, now: dt.datetime) -> str:
    table = _quoted(dataset.id)
    if rule.kind is RuleKind.UNIQUE:
        names = [_quoted(_field(dataset, rule, name).name) for name in rule.fields]
        there = " AND ".join(f"{name} IS NOT NULL" for name in names)
        groups = f"SELECT count(*) AS n FROM {table} WHERE {there} GROUP BY {', '.join(names)}"
        return (
            f"SELECT coalesce(sum(g.n), 0) AS c0, coalesce(sum(CASE WHEN g.n > 1 THEN g.n ELSE 0 END), 0) AS f0 "
            f"FROM ({groups}) AS g"
        )
    if rule.kind is RuleKind.REFERENCE:
        return f"SELECT count(*) AS c0, count(*) FILTER (WHERE r.v IS NULL) AS f0 FROM {_antijoin(dataset, rule)}"
    inner = f"SELECT ({_condition(rule).sql(dialect=DIALECT)}) AS ok FROM {table}"
    return f"SELECT count(*) FILTER (WHERE a.ok IS NOT NULL) AS c0, count(*) FILTER (WHERE NOT a.ok) AS f0 FROM ({inner}) AS a"


def _antijoin(dataset: Dataset, rule: Rule) -> str:
    target = target_of(dataset, rule)
    if target is None or len(rule.fields) != 1:
        raise _unfit(rule, "refers to nothing", "one field, and `references` where the field has none")
    field = _quoted(_field(dataset, rule, rule.fields[0]).name)
    # As text: a key kept as number here and as text there is still the same key.
    other = f"SELECT DISTINCT CAST({_quoted(target.field)} AS TEXT) AS v FROM {_quoted(target.dataset)}"
    return f"{_quoted(dataset.id)} AS a LEFT JOIN ({other}) AS r ON CAST(a.{field} AS TEXT) = r.v WHERE a.{field} IS NOT NULL"


def _test(dataset: Dataset, rule: Rule, now: dt.datetime) -> _Test:
    if rule.kind is RuleKind.SQL:
        condition = _condition(rule).sql(dialect=DIALECT)
        return _Test(f"({condition}) IS NOT NULL", condition)
    fields = [_field(dataset, rule, name) for name in rule.fields]
    if not fields:
        raise _unfit(rule, "names no field", "fields: [...]")
    if rule.kind is RuleKind.COMPLETENESS:
        return _Test("TRUE", " AND ".join(_filled(field) for field in fields))
    has = " OR ".join(f"{_quoted(field.name)} IS NOT NULL" for field in fields)
    good = " AND ".join(f"({_quoted(field.name)} IS NULL OR {_good(rule, field, now)})" for field in fields)
    return _Test(has, good)


def _filled(field: Field) -> str:
    column = _quoted(field.name)
    return (
        f"({column} IS NOT NULL AND trim({column}) <> '')"
        if field.type is FieldType.STRING
        else f"{column} IS NOT NULL"
    )


def _good(rule: Rule, field: Field, now: dt.datetime) -> str:
    column = _quoted(field.name)
    if rule.kind is RuleKind.PATTERN:
        return f"regexp_matches(CAST({column} AS TEXT), {_text(f'^(?:{rule.pattern})$')})"
    if rule.kind is RuleKind.TYPE:
        return _reads_as(rule, field)
    bounds = [
        f"{column} {sign} {_literal(bound, field, now, upper=sign == '<=')}"
        for sign, bound in ((">=", rule.min), ("<=", rule.max))
        if bound is not None
    ]
    if not bounds:
        raise _unfit(rule, "has no bounds", "min, max or both")
    # NaN is greater than any number to the engine.
    finite = [f"isfinite({column})"] if field.type is FieldType.NUMBER else []
    return f"({' AND '.join(finite + bounds)})"


def _reads_as(rule: Rule, field: Field) -> str:
    column = _quoted(field.name)
    if field.type is FieldType.STRING and rule.type in _CASTS:
        cast = f"TRY_CAST({column} AS {_CASTS[rule.type]})"
        return f"coalesce(isfinite({cast}), FALSE)" if rule.type == "number" else f"{cast} IS NOT NULL"
    if field.type is FieldType.NUMBER and rule.type in ("integer", "number"):
        whole = f" AND {column} = floor({column})" if rule.type == "integer" else ""
        return f"(isfinite({column}){whole})"
    if field.type.value == rule.type or (field.type is FieldType.INTEGER and rule.type == "number"):
        return "TRUE"
    raise _unfit(
        rule, f"{field.name!r} is {field.type.value}", "type: is for text, or for numbers that are to be whole"
    )


def _literal(bound: float | str, field: Field, now: dt.datetime, *, upper: bool = True) -> str:
    """A bound as SQL. A day bounds a field of times from its first to its last moment in Germany."""
    if field.type in (FieldType.INTEGER, FieldType.NUMBER):
        try:
            return repr(float(bound))
        except ValueError:
            raise Invalid(f"{bound!r} is no number for field {field.name!r}.", field=field.name) from None
    if field.type not in _TEMPORAL:
        raise Invalid(f"Field {field.name!r} is {field.type.value}: it has no range.", field=field.name)
    text = str(bound)
    try:
        if text in ("now", "today"):
            day, at = day_of(now), now if text == "now" else None
        else:
            day = dt.date.fromisoformat(text[:10])
            at = dt.datetime.fromisoformat(text) if len(text) > 10 else None
        if field.type is FieldType.DATE:
            return f"CAST({_text(day.isoformat())} AS DATE)"
        if at is None:
            start = dt.datetime.combine(day + dt.timedelta(days=int(upper)), dt.time(), CITY_TIME)
            at = start.astimezone(dt.UTC) - dt.timedelta(microseconds=int(upper))
        at = (at if at.tzinfo else at.replace(tzinfo=CITY_TIME)).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"{bound!r} is no date for field {field.name!r}.", field=field.name) from None
    return f"CAST({_text(at.isoformat())} AS TIMESTAMPTZ)"


def _field(dataset: Dataset, rule: Rule, name: str) -> Field:
    field = dataset.field(name)
    if field is None:
        raise _unfit(rule, f"there is no field {name!r}", "")
    if field.type is FieldType.GEOMETRY and rule.kind is not RuleKind.COMPLETENESS:
        raise _unfit(rule, f"{name!r} is a geometry", "completeness is possible")
    return field


@cache
def _parsed(sql: str) -> Any:
    return parse_condition(sql)


def _condition(rule: Rule) -> Any:
    return _parsed(rule.sql)


def _unfit(rule: Rule, why: str, hint: str) -> Invalid:
    return Invalid(f"Rule {rule.id!r}: {why}.", hint=hint, field=rule.id, code="rule-does-not-fit")


def _quoted(name: str) -> str:
    return exp.to_identifier(name, quoted=True).sql(dialect=DIALECT)


def _text(value: str) -> str:
    return exp.Literal.string(value).sql(dialect=DIALECT)
