"""Do the quality rules of a dataset fit its fields? Every finding names the rule's part and what would be right."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nabe.errors import NabeError
from nabe.manifest.circles import tables
from nabe.manifest.problems import nearest
from nabe.model.dataset import Dataset, Field, FieldType
from nabe.model.periods import parse_period
from nabe.model.quality import Rule, RuleKind

#: (path in the document, message, hint)
Finding = tuple[tuple[Any, ...], str, str]
Describe = Callable[..., Any]

_NUMBERS = (FieldType.INTEGER, FieldType.NUMBER)
_TEMPORAL = (FieldType.DATE, FieldType.DATETIME)
_TYPES = ("integer", "number", "date", "datetime")
#: kind -> the parts that mean something for it, beyond id, kind, severity and title.
_PARTS: Mapping[RuleKind, tuple[str, ...]] = {
    RuleKind.TYPE: ("fields", "type", "at_most"),
    RuleKind.RANGE: ("fields", "min", "max", "at_most"),
    RuleKind.UNIQUE: ("fields", "at_most"),
    RuleKind.REFERENCE: ("fields", "references", "at_most"),
    RuleKind.PATTERN: ("fields", "pattern", "at_most"),
    RuleKind.FRESHNESS: ("fields", "max_age"),
    RuleKind.COMPLETENESS: ("fields", "at_most"),
    RuleKind.ROW_COUNT: ("min", "max", "change", "runs"),
    RuleKind.SQL: ("sql", "at_most", "references"),
}
_ALL = ("fields", "type", "min", "max", "pattern", "references", "max_age", "change", "runs", "sql", "at_most")
_NEEDS_FIELDS = tuple(kind for kind, parts in _PARTS.items() if "fields" in parts and kind is not RuleKind.FRESHNESS)


def check_rules(dataset: Dataset, datasets: Mapping[str, Dataset], describe: Describe | None) -> Iterator[Finding]:
    """All findings about the rules of one dataset."""
    ids = [rule.id for rule in dataset.quality]
    for number, rule in enumerate(dataset.quality):
        if ids.index(rule.id) != number:
            yield ("quality", number, "id"), f"rule {rule.id!r} is declared twice", ""
        for part, message, hint in (*_parts(rule), *_fields(rule, dataset), *_values(rule, dataset)):
            yield ("quality", number, *part), message, hint
        for message, hint in _targets(rule, dataset, datasets):
            yield ("quality", number, "references"), message, hint
        if rule.kind is RuleKind.SQL and rule.sql and describe is not None:
            for message, hint in _sql(rule, dataset, datasets, describe):
                yield ("quality", number, "sql"), message, hint


def _parts(rule: Rule) -> Iterator[Finding]:
    """Parts that this kind of rule does not look at would be overlooked in silence."""
    default = Rule("", rule.kind)
    for name in _ALL:
        if name not in _PARTS[rule.kind] and getattr(rule, name) != getattr(default, name):
            yield (name,), f"{name!r} means nothing for {rule.kind.value}", f"it takes {', '.join(_PARTS[rule.kind])}"


def _fields(rule: Rule, dataset: Dataset) -> Iterator[Finding]:
    names = [field.name for field in dataset.fields]
    if rule.kind in _NEEDS_FIELDS and not rule.fields:
        yield (), "names no field", f"fields: [{names[0] if names else ''}]"
    if rule.kind in (RuleKind.REFERENCE, RuleKind.FRESHNESS) and len(rule.fields) > 1:
        yield ("fields",), "takes one field", "make a rule for each"
    for number, name in enumerate(rule.fields):
        field = dataset.field(name)
        if field is None:
            yield ("fields", number), f"there is no field {name!r}", nearest(name, names)
        elif why := _unfit(rule, field):
            yield ("fields", number), f"{name!r} is {field.type.value}", why


def _unfit(rule: Rule, field: Field) -> str:
    match rule.kind:
        case RuleKind.RANGE if field.type not in _NUMBERS + _TEMPORAL:
            return "range is for numbers, dates and times"
        case RuleKind.FRESHNESS if field.type not in _TEMPORAL:
            return "freshness is for dates and times"
        case RuleKind.PATTERN if field.type not in (FieldType.STRING, FieldType.INTEGER):
            return "pattern is for text and whole numbers"
        case RuleKind.TYPE if field.type is not FieldType.STRING and not _whole(rule, field):
            return "type is for text, or for numbers that are to be whole"
        case RuleKind.UNIQUE | RuleKind.REFERENCE | RuleKind.TYPE if field.type is FieldType.GEOMETRY:
            return "only completeness is possible"
    return ""


def _whole(rule: Rule, field: Field) -> bool:
    return field.type in _NUMBERS and rule.type in ("integer", "number")


def _values(rule: Rule, dataset: Dataset) -> Iterator[Finding]:
    match rule.kind:
        case RuleKind.TYPE if rule.type not in _TYPES:
            yield ("type",), f"{rule.type!r} is no type here", f"known: {', '.join(_TYPES)}"
        case RuleKind.PATTERN:
            yield from _pattern(rule)
        case RuleKind.RANGE:
            yield from _range(rule, dataset)
        case RuleKind.FRESHNESS:
            period = rule.max_age or dataset.update_every
            if not period:
                yield (), "does not say how old data may be", "max_age: P1D, or update_every of the dataset"
            elif parse_period(period) is None:
                part = ("max_age",) if rule.max_age else ()
                yield part, f"{period!r} is no duration", "ISO 8601, e.g. P1M, P7D or PT15M"
            if not rule.fields and not dataset.time and not dataset.modified:
                yield (), "nothing says how old the data are", "fields: [a date], or time or modified of the dataset"
        case RuleKind.ROW_COUNT:
            yield from _counts(rule)
        case RuleKind.SQL if not rule.sql:
            yield (), "has no condition", "sql: what is true for good rows"


def _pattern(rule: Rule) -> Iterator[Finding]:
    if not rule.pattern:
        yield (), "has no pattern", "pattern: '[0-9]{5}'"
        return
    try:
        pc.match_substring_regex(pa.array([""]), rule.pattern)
    except (pa.ArrowInvalid, ValueError):
        yield ("pattern",), "is no regular expression", "RE2: no look-ahead, no back-references"


def _range(rule: Rule, dataset: Dataset) -> Iterator[Finding]:
    bounds = [(name, bound) for name in ("min", "max") if (bound := getattr(rule, name)) is not None]
    if not bounds:
        yield (), "has no bounds", "min, max or both"
    kinds = {field.type for name in rule.fields if (field := dataset.field(name))}
    for name, bound in bounds:
        if kinds & set(_NUMBERS) and not isinstance(bound, (int, float)):
            yield (name,), f"{bound!r} is no number", "e.g. 0"
        elif kinds & set(_TEMPORAL) and not _is_date(bound):
            yield (name,), f"{bound!r} is no date", "ISO 8601, e.g. 2020-01-01; today; now"
    if isinstance(rule.min, (int, float)) and isinstance(rule.max, (int, float)) and rule.min > rule.max:
        yield ("min",), "is greater than max", ""


def _is_date(bound: float | str) -> bool:
    if bound in ("now", "today"):
        return True
    try:
        dt.datetime.fromisoformat(str(bound))
    except ValueError:
        return False
    return isinstance(bound, str) and len(bound) >= 10


def _counts(rule: Rule) -> Iterator[Finding]:
    if rule.min is None and rule.max is None and not rule.change:
        yield (), "compares with nothing", "change: 0.2 (20 % more or less than usual), min or max"
    for name in ("min", "max"):
        if isinstance(getattr(rule, name), str):
            yield (name,), "is no number of rows", "e.g. 1"


def _targets(rule: Rule, dataset: Dataset, datasets: Mapping[str, Dataset]) -> Iterator[tuple[str, str]]:
    target = rule.references
    if rule.kind is RuleKind.REFERENCE and target is None:
        field = dataset.field(rule.fields[0]) if rule.fields else None
        if field is not None and field.references is None:
            yield f"{field.name!r} refers to nothing", "references: {dataset: …, field: …}"
        return
    if target is None:
        return
    other = datasets.get(target.dataset)
    if other is None:
        yield f"there is no dataset {target.dataset!r}", nearest(target.dataset, datasets)
    elif other.field(target.field) is None:
        hint = nearest(target.field, [item.name for item in other.fields])
        yield f"{other.id!r} has no field {target.field!r}", hint


def _sql(
    rule: Rule, dataset: Dataset, datasets: Mapping[str, Dataset], describe: Describe
) -> Iterator[tuple[str, str]]:
    select = f"SELECT CASE WHEN (\n{rule.sql}\n) THEN 1 END AS kept FROM {dataset.id}"  # noqa: S608  vetted, not run
    try:
        describe(select, datasets)
    except NabeError as error:
        yield error.detail, error.hint
        return
    for name in sorted(tables(select) - {dataset.id} - dataset.refers_to):
        yield f"{name!r} is no dataset that this one refers to", "references: {dataset: …, field: …}"
