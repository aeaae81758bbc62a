"""Pages that come again: how servers look that ignore where a page should begin. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from nabe.adapting.json_http.paths import Row


class Repeats:
    """Watches the rows of each page. `rows` counts them all, `page` those of the last page."""

    def __init__(self) -> None:
        self.rows = self.page = 0
        self._seen: set[bytes] = set()
        self._last = b""

    def watched(self, rows: Iterator[Row]) -> Iterator[Row]:
        """The rows of one page as they pass."""
        self.page, named = 0, True
        ids, whole = hashlib.blake2b(digest_size=16), hashlib.blake2b(digest_size=16)
        for row in rows:
            id = row.value.get("id") if isinstance(row.value, dict) else None
            named = named and id is not None and id != ""
            if named:
                ids.update(f"{id}\n".encode("utf-8", "replace"))
            if not named or not self.page:
                whole.update(repr(row.value).encode("utf-8", "replace"))
            self.page += 1
            self.rows += 1
            yield row
        # With ids: the same ones behind the same first row. Without: all rows alike, one page after the other.
        digest = whole.digest() + (ids.digest() if named else b"")
        self.repeated = bool(self.page) and (digest in self._seen if named else digest == self._last)
        self._last = digest
        if named:
            self._seen.add(digest)

    #: Did the last page come before?
    repeated = False
