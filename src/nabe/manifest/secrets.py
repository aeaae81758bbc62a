"""Secrets that stand in declarations in clear: found by the name of their setting or their place in a URL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Path = tuple[Any, ...]
_NAMES = re.compile(
    r"^key$|(^|[_-])(pass|pw|pwd|pin|psk|auth|authorization|cookie|credentials?|dsn_?secret)$"
    r"|pass(word|wd|wort|phrase)|kennwort|secret|geheim|token|(api|access|private|account|shared|signature)[_-]?key",
    re.IGNORECASE,
)
#: user:password@ in front of a host; the part before the first / ? # or blank.
_IN_URL = re.compile(r"://[^/?#\s@:]*:(?P<secret>[^/?#\s@]+)@")
#: Databases take passwords with / and ? as they are; addresses of the web may hold an @ further on.
_IN_DSN = re.compile(r"(?<!http)(?<!https)://[^/?#\s@:]*:(?P<secret>\S+)@")
#: password=... in connection strings, ?api_key=... in addresses.
_IN_TEXT = re.compile(
    r"(?:^|[?&;\s])(?:password|passwd|pwd|api_?key|access_?key|(?:access_|auth_)?token|secret|sig|signature)\s*="
    r"\s*(?P<secret>[^&;\s]+)",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")


def clear_secrets(value: Any, path: Path = ()) -> list[Path]:
    """Where settings hold a secret instead of a `${ENV}` or `file:` reference."""
    if isinstance(value, Mapping):
        return [found for key, item in value.items() for found in clear_secrets(item, (*path, key))]
    if isinstance(value, (list, tuple)):
        return [found for number, item in enumerate(value) for found in clear_secrets(item, (*path, number))]
    if value is None or isinstance(value, bool) or value == "":
        return []
    return (
        [path] if _clear(str(value), str(next((part for part in reversed(path) if isinstance(part, str)), ""))) else []
    )


def _clear(text: str, name: str) -> bool:
    if text.startswith("file:"):
        return False
    if _NAMES.search(name) and not _REFERENCE.search(text):
        return True
    found = [match for pattern in (_IN_URL, _IN_DSN, _IN_TEXT) for match in pattern.finditer(text)]
    return any(not _REFERENCE.search(match["secret"]) for match in found)
