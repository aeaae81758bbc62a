"""German names of streets as one spelling, and addresses taken apart."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "&": " und "})
_BRACKETS = re.compile(r"\(([^()]*)\)?")
_TOKEN = re.compile(r"[^\W_]+")
#: Words as they are cut short on signs and in columns; `str` also at the end of a word.
_SHORT = {
    "st": "sankt", "skt": "sankt", "dr": "doktor", "prof": "professor", "gr": "gross", "grosse": "gross",
    "grosser": "gross", "grosses": "gross", "kl": "klein", "kleine": "klein", "kleiner": "klein", "kleines": "klein",
    "bgm": "buergermeister", "frhr": "freiherr", "gebr": "gebrueder", "v": "von", "d": "der", "u": "und",
    "pl": "platz", "strasze": "strasse",
}  # fmt: skip
_NUMBER = re.compile(
    r"(?<![^\W\d_])(?P<number>\d{1,4})\s*(?P<suffix>[a-z](?![^\W\d_]))?"
    r"(?:\s*(?:-|–|bis|/|\+|u\.|und)\s*\d{0,4}\s*[a-z]?(?![^\W\d_]))*\s*$",
    re.IGNORECASE,
)
_POSTCODE = re.compile(r"(?<!\d)(\d{5})(?!\d)\s*(.*)$")


@dataclass(frozen=True, slots=True)
class Address:
    """An address taken apart. `number` is 0 and texts are empty where nothing is said.

    Of a range of numbers ("12 a-14") the first is kept: the door where the building begins.
    """

    street: str
    number: int = 0
    suffix: str = ""
    postcode: str = ""
    town: str = ""


@lru_cache(maxsize=200_000)
def normalised(name: str) -> str:
    """One spelling for all ways to write a street's name: `Heinrich-Böll-Str.` -> `heinrichboellstrasse`.

    Lower case, umlauts as two letters, common abbreviations written out, no blanks, hyphens, dots or accents. What stands
    in brackets (mostly the district) is left out: see `hint`. Writing a result again changes nothing.
    """
    text = _once(name)
    while (again := _once(text)) != text:
        text = again
    return text


def hint(name: str) -> str:
    """What stands in brackets behind a name, normalised: `Pescher Weg (Pesch)` -> `pesch`."""
    found = _BRACKETS.search(name)
    return normalised(found[1]) if found else ""


def parts(text: str) -> list[str]:
    """The streets that share a cell: `Aachener Str. / Innere Kanalstr. - B55` -> two names and `B55`."""
    return [part.strip() for part in re.split(r"\s*/\s*|\s+-\s+|;", text) if part.strip()]


def address(text: str) -> Address:
    """An address in one cell: street, house number with letter or range, postcode and town in any of the usual ways."""
    rest, postcode, town = " ".join(text.split()), "", ""
    if found := _POSTCODE.search(rest):
        before = rest[: found.start()].rstrip(" ,;-")
        if before or "," in found[2]:
            postcode, town = found[1], found[2].strip(" ,;")
            rest = before
        if not before and "," in town:  # "50667 Köln, Domstr. 1"
            town, _, rest = (part.strip() for part in town.partition(","))
    head, comma, tail = rest.partition(",")
    if comma and not _NUMBER.search(rest) and _NUMBER.search(head):  # "Domstr. 1, Hinterhaus"
        rest, town = head, town or tail.strip()
    found = _NUMBER.search(rest)
    if found is None or not rest[: found.start()].strip(" ,."):
        return Address(rest.rstrip(" ,"), 0, "", postcode, town)
    street = rest[: found.start()].rstrip(" ,")
    return Address(street, int(found["number"]), (found["suffix"] or "").lower(), postcode, town)


def _once(name: str) -> str:
    text = _BRACKETS.sub(" ", unicodedata.normalize("NFKC", name)).casefold().translate(_UMLAUTS)
    text = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    return "".join(_long(token) for token in _TOKEN.findall(text))


def _long(token: str) -> str:
    token = _SHORT.get(token, token)
    return f"{token[:-3]}strasse" if token.endswith("str") else token
