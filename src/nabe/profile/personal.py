"""Which fields are suspected of holding personal data, and why. When unsure, suspected: a person decides.

First each field by its header and its values; then the table as a whole, because a postcode says nothing about a school
and much about somebody whose date of birth stands beside it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from nabe.model.dataset import FieldType
from nabe.profile import contents
from nabe.profile.column import ColumnProfile
from nabe.profile.findings import Finding, Severity
from nabe.profile.titles import tokens

#: Share of different values that look like names of persons: from here on certain enough, from there on worth a look.
_MANY_NAMES, _SOME_NAMES = 0.25, 0.05
#: Share of values of the form "Xxx Yyy" in a column called name: rare first names are in no list.
_MOSTLY = 0.7

#: Where one of these is, each row is one person or household, and whatever else it says is said of them.
_OF_ONE = ("subject", "birth", "tax_id", "social_security")
REGISTER = "profile.personal.register"


@dataclass(frozen=True, slots=True)
class Suspicion:
    """`personal`: propose `personal: true`. `person`: the table is about persons. `reason` is a message key."""

    category: str
    reason: str
    personal: bool
    person: bool = False
    severity: Severity = Severity.WARNING
    params: Mapping[str, Any] = field(default_factory=dict)

    def finding(self, name: str) -> Finding:
        """As a finding about the field `name`."""
        params = {"category": f"profile.category.{self.category}", **self.params}
        return Finding(name, "personal", self.severity, self.reason, params)


@dataclass(frozen=True, slots=True)
class Judgement:
    """`fields`: column -> suspicions. `subject`: columns that identify whom a row is about, the best first.

    `itself`: columns that are personal whatever stands beside them.
    """

    fields: Mapping[str, list[Suspicion]]
    subject: tuple[str, ...]
    about_persons: bool
    itself: frozenset[str] = frozenset()

    def personal(self, column: str) -> bool:
        return any(item.personal for item in self.fields.get(column, ()))


@dataclass(frozen=True, slots=True)
class _Category:
    id: str
    level: str
    words: frozenset[str]
    starts: tuple[str, ...]
    joined: tuple[str, ...]
    text: bool
    digits: int
    beside: bool

    def named(self, parts: list[str]) -> bool:
        whole = "".join(parts)
        if any(part in self.words for part in parts) or whole in self.words:
            return True
        return any(part.startswith(self.starts) for part in parts) or whole.startswith(self.joined)


@cache
def _categories() -> tuple[_Category, ...]:
    return tuple(
        _Category(
            entry["id"],
            entry["level"],
            frozenset(entry["words"]),
            tuple(entry.get("starts", ())),
            tuple(entry.get("joined", ())),
            entry.get("text", False),
            entry.get("digits", 0),
            entry.get("beside", False),
        )
        for entry in contents.tables()["category"]
    )


def judge(columns: list[ColumnProfile], areas: Collection[str] = ()) -> Judgement:
    """Suspicions of all columns of one table. `areas`: columns of districts and larger areas, which say little of one."""
    found = {column.name: _by_itself(column) for column in columns}
    subjects = _subjects(columns)
    for column in subjects:
        found[column.name].append(Suspicion("subject", "profile.personal.header", True, person=True))
    about_persons = any(item.person for items in found.values() for item in items)
    register = any(item.person and item.category in _OF_ONE for items in found.values() for item in items)
    itself = frozenset(name for name, items in found.items() if any(item.personal for item in items))
    for column in columns:
        if about_persons and column.name not in itself:
            found[column.name] += _beside_persons(column)
        if register and not any(item.personal for item in found[column.name]) and column.name not in areas:
            found[column.name] += [] if column.distinct <= 1 else [Suspicion("row", REGISTER, True)]
    kept = {name: items for name, items in found.items() if items}
    return Judgement(kept, tuple(column.name for column in subjects), about_persons, itself)


def _by_itself(column: ColumnProfile) -> list[Suspicion]:
    if column.type is FieldType.GEOMETRY or not column.filled:
        # An empty column named "Vorname" will be filled one day.
        return [Suspicion("name", "profile.personal.empty", True)] if _is_named_person(column) else []
    by_value = _by_content(column)
    by_header = _by_header(column, by_value)
    if by_header and by_header.category == "role":
        return [by_header]
    if by_header and by_value and by_header.category == by_value.category:
        if by_header.personal or not by_value.personal:
            return [by_header]
        return [by_value]
    return [item for item in (by_value, by_header) if item]


def _is_named_person(column: ColumnProfile) -> bool:
    parts = tokens(column.name)
    return any(item.level == "person" and item.named(parts) for item in _categories())


def _by_header(column: ColumnProfile, by_value: Suspicion | None) -> Suspicion | None:
    parts = tokens(column.name)
    for category in _categories():
        if category.level not in ("person", "contact") or not category.named(parts) or not _plausible(column, category):
            continue
        if category.level == "contact":
            return _contact(column, category, parts)
        person = not category.beside
        likened = "name" if category.id == "role" else category.id
        share = by_value.params.get("share") if by_value and by_value.category == likened else None
        if share is not None:
            return Suspicion(category.id, "profile.personal.both", True, person=person, params={"share": share})
        return Suspicion(category.id, "profile.personal.header", True, person=person)
    return None


def _plausible(column: ColumnProfile, category: _Category) -> bool:
    """Can the values be what the header says? Counts, flags and shares are not."""
    if column.type is FieldType.BOOLEAN:
        return False
    if column.type in (FieldType.INTEGER, FieldType.NUMBER):
        if category.text or (
            category.digits and column.share(lambda text: len(text.lstrip("-")) >= category.digits) < 0.5
        ):
            return False
        # Decimal fractions identify nobody.
        return column.whole
    if column.type in (FieldType.DATE, FieldType.DATETIME):
        return category.id == "birth"
    return (
        not category.digits or column.share(lambda text: sum(char.isdigit() for char in text) >= category.digits) >= 0.3
    )


def _contact(column: ColumnProfile, category: _Category, parts: list[str]) -> Suspicion:
    """A way to reach somebody: whose?"""
    if any(part.endswith(tuple(contents.tables()["institution"]["headers"])) for part in parts):
        return Suspicion(category.id, "profile.personal.authority", False, severity=Severity.INFO)
    if category.id == "email":
        share = _office_share(column)
        if share >= 0.95:
            return Suspicion(
                "email", "profile.personal.office_mail", False, severity=Severity.INFO, params={"share": share * 100}
            )
        if share < 0.3:
            return Suspicion("email", "profile.personal.mail", True, params={"share": (1 - share) * 100})
    return Suspicion(category.id, "profile.personal.contact", True, severity=Severity.CHECK)


def _office_share(column: ColumnProfile) -> float:
    mails = [text for text in column.texts if "@" in text]
    return sum(map(contents.is_office_mail, mails)) / len(mails) if mails else 0.0


def _by_content(column: ColumnProfile) -> Suspicion | None:
    if column.type is FieldType.INTEGER:
        share = column.share(contents.is_tax_id)
        if len(column.texts) >= 5 and share >= 0.8:
            return Suspicion("tax_id", "profile.personal.content", True, person=True, params={"share": share * 100})
        return None
    if column.type is not FieldType.STRING:
        return None
    for category, test, enough in contents.TESTS:
        share = column.share(test)
        if share >= enough:
            if category in ("phone", "email"):
                return _contact(column, next(c for c in _categories() if c.id == category), tokens(column.name))
            return Suspicion(category, "profile.personal.content", True, person=True, params={"share": share * 100})
    return _names(column) or _free_text(column)


def _names(column: ColumnProfile) -> Suspicion | None:
    if column.whole or column.mean_length > 60:
        return None
    parts = tokens(column.name)
    named = next((item for item in _categories() if item.level == "content" and item.named(parts)), None)
    category = named.id if named and named.beside else "name"
    share = column.share(contents.is_person)
    hits = round(share * len(column.texts))
    if share >= _MANY_NAMES and hits >= 2:
        return Suspicion(category, "profile.personal.content", True, category == "name", params={"share": share * 100})
    if named is None or named.id == "plate":
        return None
    shaped = column.share(contents.is_shaped_like_a_person)
    if share >= _SOME_NAMES and hits >= 3:
        reason = "profile.personal.some_names"
    elif len(column.texts) >= 10 and shaped >= _MOSTLY:
        reason, share = "profile.personal.name_shape", shaped
    else:
        return None
    return Suspicion(category, reason, True, severity=Severity.CHECK, params={"share": share * 100})


def _free_text(column: ColumnProfile) -> Suspicion | None:
    """E-mail addresses, IBANs or telephone numbers somewhere in longer texts, or in a few of many values."""
    rows = column.contacts or column.matching_rows(lambda text: "@" in text and contents.is_email(text))
    if not rows:
        return None
    return Suspicion("free_text", "profile.personal.free_text", True, severity=Severity.CHECK, params={"rows": rows})


def _subjects(columns: list[ColumnProfile]) -> list[ColumnProfile]:
    """Columns whose header is a word for persons and one for a key, then file numbers."""
    rules = contents.tables()["subject"]
    ranked: list[tuple[int, ColumnProfile]] = []
    for column in columns:
        if column.type not in (FieldType.STRING, FieldType.INTEGER) or not column.filled:
            continue
        parts = tokens(column.name)
        if any(part in rules["words"] for part in parts):
            ranked.append((0, column))
            continue
        for rank, stem in enumerate(rules["stems"]):
            glued = any(part == stem + code for part in parts for code in rules["codes"])
            if glued or (stem in parts and any(part in rules["codes"] for part in parts)):
                ranked.append((rank, column))
                break
    return [column for _, column in sorted(ranked, key=lambda item: item[0])]


def _beside_persons(column: ColumnProfile) -> list[Suspicion]:
    """What says something about a person only because the table is about persons."""
    parts = tokens(column.name)
    for category in _categories():
        if category.level == "attribute" and category.named(parts):
            return [Suspicion(category.id, "profile.personal.attribute", True, severity=Severity.CHECK)]
        if (
            category.level == "content"
            and category.id == "name"
            and category.named(parts)
            and column.type is FieldType.STRING
        ):
            return [Suspicion("name", "profile.personal.attribute", True, severity=Severity.CHECK)]
    if column.type is FieldType.GEOMETRY:
        return [Suspicion("place", "profile.personal.attribute", True, severity=Severity.CHECK)]
    if column.free_text:
        return [Suspicion("free_text", "profile.personal.attribute", True, severity=Severity.CHECK)]
    return []


def has_addresses(columns: list[ColumnProfile]) -> bool:
    """A street and a house number, or a column of addresses?"""
    address = next(item for item in _categories() if item.id == "address" and item.level == "attribute")
    return any(
        address.named(tokens(column.name)) and column.type is FieldType.STRING and not column.whole
        for column in columns
    )
