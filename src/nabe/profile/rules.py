"""Quality rules proposed from what was seen: what holds today and would be missed tomorrow, and what plainly cannot be."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nabe.model.dataset import Dataset, Field, FieldType
from nabe.model.quality import Rule, RuleKind, RuleSeverity
from nabe.profile.column import ColumnProfile
from nabe.profile.seen import Seen

#: Official keys -> their form; what else an official key must fulfil is for its register.
_FORMS = {
    "ags": "[0-9]{8}",
    "ars": "[0-9]{12}",
    "kreis": "[0-9]{5}",
    "plz": "[0-9]{5}",
    "lor": "[0-9]{6}|[0-9]{8}",
}
#: A key that was read as a number has lost its zeros: as many digits at most.
_DIGITS = {"ags": 8, "ars": 12, "kreis": 5, "plz": 5, "lor": 8}
_PERCENT = "%"
#: Quantities of which there is no less than nothing (UCUM): counts, lengths, areas, energies, concentrations.
_COUNTED = re.compile(
    r"m|km|cm|mm|m2|km2|har|m3|L|g|kg|t|W|kW|MW|W\.h|kW\.h|MW\.h|GW\.h|[munk]?g/(m3|L)|a|d|h|min|s|\{(?!EUR)\w+\}"
)
_PH = re.compile(r"(?<![A-Za-z])(pH|(?i:ph([- _]?wert|[- _]?value)?)$)(?![a-z])")
#: Fewer rows than this say little about what is always filled.
_ENOUGH = 20


def propose_rules(seen: Seen, dataset: Dataset) -> tuple[Rule, ...]:
    """Rules for review, each id once. None for an empty table."""
    if not seen.scanned.rows:
        return ()
    by_name = {seen.names[column.name]: column for column in seen.columns}
    fields = [(field, by_name.get(field.name)) for field in dataset.fields]
    rules = [
        *_key(seen, dataset),
        *_filled(seen, fields),
        *_forms(seen, fields),
        *_ranges(fields),
        *_references(fields),
    ]
    if dataset.time and dataset.update_every:
        rules.append(Rule("up_to_date", RuleKind.FRESHNESS))
    unique: dict[str, Rule] = {}
    for rule in rules:
        unique.setdefault(rule.id, rule)
    return tuple(unique.values())


def _key(seen: Seen, dataset: Dataset) -> Iterator[Rule]:
    if dataset.key and seen.key_certain:
        yield Rule("key_unique", RuleKind.UNIQUE, dataset.key, RuleSeverity.ERROR)


def _filled(seen: Seen, fields: list[tuple[Field, ColumnProfile | None]]) -> Iterator[Rule]:
    """What was never missing, in one rule."""
    always = tuple(field.name for field, column in fields if column is not None and not column.nulls)
    if always and seen.scanned.rows >= _ENOUGH:
        yield Rule("always_filled", RuleKind.COMPLETENESS, always)


def _forms(seen: Seen, fields: list[tuple[Field, ColumnProfile | None]]) -> Iterator[Rule]:
    for field, column in fields:
        found = seen.kinds.get(column.name) if column is not None else None
        form = _FORMS.get(found.kind.id) if found is not None else None
        if found is None or form is None or field.type not in (FieldType.STRING, FieldType.INTEGER):
            continue
        pattern = form if field.type is FieldType.STRING else f"[0-9]{{1,{_DIGITS[found.kind.id]}}}"
        yield Rule(_id(field, "form"), RuleKind.PATTERN, (field.name,), pattern=pattern)


def _ranges(fields: list[tuple[Field, ColumnProfile | None]]) -> Iterator[Rule]:
    for field, column in fields:
        if field.type not in (FieldType.INTEGER, FieldType.NUMBER) or column is None:
            continue
        if _PH.match(column.name.strip()):
            yield Rule(_id(field, "range"), RuleKind.RANGE, (field.name,), min=0, max=14)
        elif field.unit == _PERCENT and _within(column, 0, 100):
            yield Rule(_id(field, "range"), RuleKind.RANGE, (field.name,), min=0, max=100)
        elif _COUNTED.fullmatch(field.unit) and _within(column, 0, None):
            yield Rule(_id(field, "range"), RuleKind.RANGE, (field.name,), min=0)


def _within(column: ColumnProfile, low: float, high: float | None) -> bool:
    """A share may be over 100 %, a change below zero: proposed only where that does not occur."""
    if not isinstance(column.low, (int, float)):
        return False
    return column.low >= low and (high is None or column.high <= high)


def _references(fields: list[tuple[Field, ColumnProfile | None]]) -> Iterator[Rule]:
    for field, _ in fields:
        if field.references is not None:
            yield Rule(_id(field, "known"), RuleKind.REFERENCE, (field.name,))


def _id(field: Field, what: str) -> str:
    return f"{field.name[:50]}_{what}"
