"""Formats of dates as people write them."""

from __future__ import annotations

from functools import lru_cache

_TOKENS = (
    ("YYYY", "%Y"),
    ("YY", "%y"),
    ("MM", "%m"),
    ("DD", "%d"),
    ("HH", "%H"),
    ("hh", "%H"),
    ("mm", "%M"),
    ("ss", "%S"),
)


@lru_cache(maxsize=256)
def strptime_format(given: str) -> str:
    """`DD.MM.YYYY HH:mm` -> `%d.%m.%Y %H:%M`; what has per cent signs stays."""
    if "%" in given:
        return given
    for token, code in _TOKENS:
        given = given.replace(token, code)
    return given
