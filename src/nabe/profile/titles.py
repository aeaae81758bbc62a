"""Titles and names out of column headers: broken lines mended, glued words split, German and English."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files

from nabe.model.text import Text

_SOFT_BREAK = re.compile(r"(\w)-[ \t]*[\r\n]+[ \t]*([a-zäöüß])")
_HARD_BREAK = re.compile(r"-[ \t]*[\r\n]+[ \t]*")
_CAMEL = re.compile(r"(?<=[a-zäöüß0-9])(?=[A-ZÄÖÜ])|(?<=[A-ZÄÖÜ]{2})(?=[A-ZÄÖÜ][a-zäöüß]{2})")
_UMLAUT = re.compile(r"[äöüßÄÖÜ]")
_ENDING = re.compile(
    r"(\.(csv|tsv|txt|xlsx?|ods|json|geojson|ndjson|jsonl|parquet|gpkg|shp|fgb|gml|kml|xml|sqlite|zip|gz))+$",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"[0-9A-Za-zÄÖÜäöüßẞ₀-₉²³]+")

_ABBREVIATIONS = ("id", "plz", "ags", "kfz", "iban", "utc", "plr", "lor")


@cache
def _glossary() -> tuple[dict[str, str], dict[str, str], frozenset[str]]:
    document = tomllib.loads((files("nabe.profile") / "glossary.toml").read_text("utf-8"))
    english = frozenset(word for phrase in document["words"].values() for word in phrase.lower().split())
    english |= frozenset(document["english"]["words"])
    return document["words"], document["umlauts"], english


def mended(header: str) -> str:
    """One line, hyphenation at line ends undone, no quotation marks or byte-order marks around it."""
    text = _SOFT_BREAK.sub(r"\1\2", header)
    text = _HARD_BREAK.sub("-", text)
    return " ".join(text.replace("\ufeff", "").split()).strip("\"'")


def tokens(header: str) -> list[str]:
    """The words of a header in lower case, CamelCase and underscores split: `PlrID_2` -> plr, id, 2."""
    return [word.lower() for part in _TOKEN.findall(mended(header)) for word in _CAMEL.split(part) if word]


def without_ending(name: str) -> str:
    """A file's name without what tells its format: `bevölkerung.csv.gz` -> `bevölkerung`."""
    return _ENDING.sub("", name) or name


def split_words(header: str) -> str:
    """A technical name as words: `stadtteil_nr` -> `Stadtteil Nr`, `WLK_ADRESSE` -> `WLK Adresse`."""
    text = mended(header)
    if " " in text:
        return text
    words = [word for part in re.split(r"[_.]+", text) for word in _CAMEL.split(part) if word]
    if len(words) == 1 and words[0] == text and not text.islower() and not (text.isupper() and len(text) > 4):
        return _shown(text)
    shown = [_shown(word) for word in words]
    return (shown[0][:1].upper() + shown[0][1:] + " " + " ".join(shown[1:])).strip() if shown else text


def _shown(word: str) -> str:
    lowered = word.lower()
    words, _, english = _glossary()
    mend = _with_umlauts(lowered)
    if word.isupper() and (
        len(word) > 4 or (len(word) > 2 and lowered not in _ABBREVIATIONS and (mend in words or mend in english))
    ):
        return mend.capitalize()
    if mend != lowered:
        return mend if word[0].islower() else mend.capitalize()
    return word.upper() if lowered in _ABBREVIATIONS else word


def _with_umlauts(word: str) -> str:
    """`luftqualitaet` -> `luftqualität`: by the words and endings of the glossary, because `ae` may be just that."""
    umlauts = _glossary()[1]
    ending = next((plain for plain in umlauts if len(plain) > 4 and word.endswith(plain)), "")
    return umlauts.get(word) or (word.removesuffix(ending) + umlauts[ending] if ending else word)


def title_of(header: str, comment: str = "") -> Text:
    """The title in both languages as far as the glossary goes; the language of other headers is guessed by their words."""
    shown = split_words(header)
    words, umlauts, english = _glossary()
    parts = [umlauts.get(word, word) for word in tokens(shown)]
    if parts and any(part in words for part in parts) and all(part in words or part.isdigit() for part in parts):
        translated = " ".join(words.get(part, part) for part in parts)
        return Text(_german(shown), translated[:1].upper() + translated[1:])
    # Words of both languages (name, ID, status) do not tell.
    telling = [part for part in parts if part not in words and not part.isdigit()]
    if telling and sum(part in english for part in telling) * 2 >= len(telling) and not _UMLAUT.search(shown):
        return Text("", shown)
    return Text(shown, "")


def _german(shown: str) -> str:
    """Nouns of the glossary with a capital letter, as German writes them."""
    words = _glossary()[0]
    small = ("von", "bis", "männlich", "weiblich", "insgesamt", "gesamt")
    return " ".join(w.capitalize() if w.islower() and w in words and w not in small else w for w in shown.split(" "))
