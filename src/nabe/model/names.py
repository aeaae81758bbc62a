"""Names of the hub: what a field or dataset is called in SQL, URLs and documents (`[a-z][a-z0-9_]*`)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container

#: Longest name, as in PostgreSQL.
MAX_LENGTH = 63

_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ẞ": "ss"})
_CAMEL = re.compile(r"(?<=[a-zäöüß0-9])(?=[A-ZÄÖÜ][a-zäöüß])|(?<=[a-zäöüß])(?=[A-ZÄÖÜ])")


def hub_name(text: str, taken: Container[str] = ()) -> str:
    """A hub name out of any header: `Straßen-Name` -> `strassen_name`, `2012` -> `f_2012`, taken ones get `_2`, `_3`."""
    words = _CAMEL.sub("_", unicodedata.normalize("NFC", text)).lower().translate(_GERMAN)
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode("ascii")
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    if not name or not name[0].isalpha():
        name = f"f_{name}".rstrip("_")
    name = name[:MAX_LENGTH].rstrip("_")
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        ending = f"_{number}"
        candidate = name[: MAX_LENGTH - len(ending)].rstrip("_") + ending
    return candidate
