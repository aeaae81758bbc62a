"""Units of measurement out of column headers, as UCUM codes (table: `units.toml`)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise

_BRACKETS = re.compile(r"\s*(?:\[([^\[\]]+)\]|\(((?:[^()]|\([^()]*\))+)\))")
_IN = re.compile(r"(?:^|\s)in\s+(.+)$")
_SLASH = re.compile(r"\s/\s+(.+)$")
_PER = re.compile(r"\s((?:je|pro|per)\s+[\d.,  ]*\S*.*)$", re.IGNORECASE)
_WORDS = re.compile(r"[^0-9A-Za-zÄÖÜäöüß²³]+")
_MULTIPLES = frozenset({"tsd", "tausend", "mio", "mill", "millionen", "million", "mrd", "milliarden", "k", "mn", "bn"})
_PLAIN = str.maketrans({"²": "2", "³": "3", "·": ".", "⋅": ".", "*": ".", "^": "", "\u00a0": "", " ": "", "μ": "µ"})


@dataclass(frozen=True, slots=True)
class Unit:
    """`ucum`: the code; `text`: how the header writes it; `rest`: the header without it."""

    ucum: str
    text: str
    rest: str


@dataclass(frozen=True, slots=True)
class _Entry:
    ucum: str
    only_after: tuple[str, ...]


@cache
def _tables() -> tuple[dict[str, _Entry], dict[str, _Entry]]:
    """Spelling -> unit, and word between underscores -> unit."""
    document = tomllib.loads((files("nabe.profile") / "units.toml").read_text("utf-8"))
    spellings: dict[str, _Entry] = {}
    words: dict[str, _Entry] = {}
    for unit in document["unit"]:
        limits = tuple(unit.get("only_after", ()))
        for spelling in unit["spellings"]:
            # Words written out are clear by themselves; only letters like "m" need the company of another word.
            spellings[_plain(spelling)] = _Entry(unit["ucum"], limits if len(spelling) <= 4 else ())
        for word in unit.get("word", ()):
            words[word] = _Entry(unit["ucum"], ())
    return spellings, words


def unit_of(header: str) -> Unit | None:
    """The unit that a header names, or None: `Fläche in m²`, `Temp. [°C]`, `PM₁₀ (µg/m³)`, `electricity_mwh_2022`."""
    text = " ".join(header.split())
    for written, sure, start, end in _places(text):
        rest = (text[:start] + text[end:]).strip(" ,;:-_/")
        if found := _known(written, text if not sure else ""):
            return Unit(found, written.strip(), rest or text)
    spellings, words = _tables()
    parts = [part for part in _WORDS.split(text) if part]
    if len(parts) > 1:
        for before, part in pairwise(parts):
            if _is_amount(before):
                continue
            # Names with blanks are titles: there "Euro" may be the currency or the event.
            if part.lower() in words and ("_" in text or part is parts[-1]) and _cased(part, spellings, words):
                return Unit(words[part.lower()].ucum, part, text)
    return None


def _is_amount(word: str) -> bool:
    """`last_24_hours`, `at 2 m`: part of what is measured. A year before the unit is no amount.

    Thousands and millions of what the table does not know must not pass for ones.
    """
    return (word.isdigit() and len(word) != 4) or word.lower().rstrip(".") in _MULTIPLES


def _cased(part: str, spellings: dict[str, _Entry], words: dict[str, _Entry]) -> bool:
    """`mwh` and `MWH` and `MWh`, but not `Ha`: all of one case, or exactly as spelt."""
    return (
        part.islower() or part.isupper() or part in spellings or (part.lower().capitalize() == part and len(part) > 3)
    )


def _places(text: str) -> Iterator[tuple[str, bool, int, int]]:
    """(what may be a unit, is that place surely one, start, end), the last ones first."""
    for match in reversed(list(_BRACKETS.finditer(text))):
        written = match[1] if match[1] is not None else match[2]
        yield written.removeprefix("in "), match[1] is not None, match.start(), match.end()
    if said := _IN.search(text):
        # "Anteil in % (2012)": the year in brackets is not part of it.
        written = re.sub(r"\s*[(\[].*$", "", said[1])
        yield written, True, said.start(), said.start(1) + len(written)
        first = written.split(" ")[0]
        if first != written and first.lower().rstrip(".") not in _MULTIPLES:
            yield first, True, said.start(), said.start(1) + len(first)
    if per := _PER.search(text):
        yield per[1], True, len(text), len(text)
    if slash := _SLASH.search(text):
        yield slash[1], False, slash.start(), slash.end()
    words = text.split(" ")
    for count in range(min(4, len(words)), 0, -1):
        start = len(text) - len(" ".join(words[-count:]))
        if count == len(words):
            yield text, False, len(text), len(text)  # all the title there is: it stays
        elif words[-count - 1].lower() not in ("je", "pro", "per") and not _is_amount(words[-count - 1]):
            yield text[start:], False, start, len(text)
    if text and not text[-1].isalnum() and text[-1] in "%€‰":
        yield text[-1], True, len(text) - 1, len(text)


def _known(written: str, context: str) -> str:
    """The code of a spelling; short ones need a word of their kind in `context` (empty: the place is sure)."""
    entry = _tables()[0].get(_plain(written))
    if entry is None:
        return ""
    lowered = context.lower()
    if context and entry.only_after and not any(word in lowered for word in entry.only_after):
        return ""
    return entry.ucum


def _plain(spelling: str) -> str:
    return spelling.strip().translate(_PLAIN)
