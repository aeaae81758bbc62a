"""The words of SensorThings' URL language: one scanner for $filter, $orderby, $select, $expand and $apply."""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

from nabe.apis.sensorthings.times import CLOCK, ZONE
from nabe.errors import Invalid

#: Most characters of one option.
LONGEST = 32_768
_PERIOD = r"P[0-9TDHMSW.]+"
_MOMENT = f"{CLOCK}(?:{ZONE})?"


class Kind(Enum):
    """Kinds of words."""

    TEXT = "text"
    TYPED = "typed"
    INTERVAL = "interval"
    MOMENT = "moment"
    DATE = "date"
    CLOCK = "clock"
    NUMBER = "number"
    OPTION = "option"
    NAME = "name"
    MARK = "mark"
    END = "end"


class Word(NamedTuple):
    """One word, and the place where it starts."""

    kind: Kind
    text: str
    at: int


_WORD = re.compile(
    rf"""\s*(?:
      (?P<typed>(?:duration|geography|geometry)'[^']*(?:''[^']*)*')
    | (?P<text>'[^']*(?:''[^']*)*')
    | (?P<interval>{_MOMENT}/(?:{_MOMENT}|{_PERIOD})|{_PERIOD}/{_MOMENT})
    | (?P<moment>{_MOMENT})
    | (?P<date>[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?![\w:-]))
    | (?P<clock>[0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}}(?:\.[0-9]{{1,12}})?)?(?![\w:]))
    | (?P<number>[0-9]{{1,400}}(?:\.[0-9]{{1,400}})?(?:[eE][+-]?[0-9]{{1,5}})?(?![\w.]))
    | (?P<option>\$[A-Za-z]\w*)
    | (?P<name>@?[^\W\d][\w.\-]*)
    | (?P<mark>[()\[\],;/:=*-])
    )""",
    re.VERBOSE,
)
_KINDS = {kind.value: kind for kind in Kind}


def words(text: str, field: str) -> list[Word]:
    """All words of an option's value, with one END. `Invalid` names the place of what is none."""
    if len(text) > LONGEST:
        raise Invalid(f"{field} has at most {LONGEST} characters.", field=field)
    found: list[Word] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _WORD.match(text, at)
        if match is None or match.lastgroup is None:
            raise wrong(f"{text[at : at + 20].strip()!r} is not understood", field, at)
        found.append(Word(_KINDS[match.lastgroup], match[match.lastgroup], match.start(match.lastgroup)))
        at = match.end()
    found.append(Word(Kind.END, "", len(text)))
    return found


def wrong(why: str, field: str, at: int) -> Invalid:
    """An error that names its place."""
    return Invalid(f"{field}: {why} (character {at + 1}).", field=field, at=at)


class Reader:
    """Words in turn."""

    def __init__(self, text: str, field: str) -> None:
        self.field = field
        self._words = words(text, field)
        self._next = 0

    @property
    def word(self) -> Word:
        """The word whose turn it is."""
        return self._words[self._next]

    def look(self, ahead: int = 1) -> Word:
        """A word further on."""
        return self._words[min(self._next + ahead, len(self._words) - 1)]

    def take(self) -> Word:
        """The word whose turn it is; then comes the next."""
        word = self._words[self._next]
        if word.kind is not Kind.END:
            self._next += 1
        return word

    def given(self, mark: str) -> bool:
        """Take this mark if it is there."""
        found = self.word.kind is Kind.MARK and self.word.text == mark
        if found:
            self._next += 1
        return found

    def need(self, mark: str) -> None:
        """Take this mark; `Invalid` if it is not there."""
        if not self.given(mark):
            raise self.unexpected(f"{mark!r} is missing")

    def done(self) -> None:
        """`Invalid` if anything is left."""
        if self.word.kind is not Kind.END:
            raise self.unexpected("the end was expected")

    def unexpected(self, what: str) -> Invalid:
        """What was wanted, and what stands there."""
        word = self.word
        before = f" before {word.text[:30]!r}" if word.kind is not Kind.END else ""
        return wrong(f"{what}{before}", self.field, word.at)


def unquoted(text: str) -> str:
    """The characters of a quoted text."""
    return text[text.index("'") + 1 : -1].replace("''", "'")
