"""Words in German and English: message catalogues and the German way to write numbers and dates.

Messages live in `locale/<lang>/*.toml` as flat or nested tables; a key is the dotted path, e.g. `reason.purpose_missing`.
Texts are `str.format` templates. German and English hold the same keys (a test compares them).
"""

from __future__ import annotations

import datetime as dt
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal

LANGUAGES = ("de", "en")


@cache
def messages(lang: str) -> dict[str, str]:
    """All messages of a language as dotted key -> template."""
    found: dict[str, str] = {}
    folder = files("nabe") / "locale" / lang
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".toml"):
            _flatten(tomllib.loads(entry.read_text("utf-8")), "", found)
    return found


def _flatten(table: dict[str, Any], prefix: str, into: dict[str, str]) -> None:
    for name, value in table.items():
        if isinstance(value, dict):
            _flatten(value, f"{prefix}{name}.", into)
        else:
            into[prefix + name] = str(value)


def t(key: str, lang: str = "de", **params: Any) -> str:
    """The message for `key` in `lang`, filled with `params`; the key itself if it is unknown (a test hunts those)."""
    template = messages(lang).get(key) or messages("en").get(key)
    if template is None:
        return key
    try:
        return template.format(**params)
    except (KeyError, IndexError):
        return template


def number(value: float | int, lang: str = "de", *, decimals: int | None = None) -> str:
    """`1234.5` as `1.234,5` (de) or `1,234.5` (en); at most `decimals` places, three by default."""
    places = 3 if decimals is None else decimals
    return format_decimal(value, format="#,##0." + "#" * places if places else "#,##0", locale=lang)


def date(value: dt.date | dt.datetime, lang: str = "de") -> str:
    """`24.11.2026` or, with a time, `24.11.2026, 08:15`."""
    if isinstance(value, dt.datetime):
        return format_datetime(value, "dd.MM.yyyy, HH:mm" if lang == "de" else "yyyy-MM-dd HH:mm", locale=lang)
    return format_date(value, "dd.MM.yyyy" if lang == "de" else "yyyy-MM-dd", locale=lang)
