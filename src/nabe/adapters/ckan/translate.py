"""Entries of a catalogue made fit: no HTML, no blanks at the ends, sizes in bytes. Rows of a datastore judged. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from nabe.adapting.json_http.paths import Row
from nabe.model.dataset import FieldType

_HTML = re.compile(r"</?[a-zA-Z][^<>]*>|&(?:#\d+|#x[0-9a-fA-F]+|[a-zA-Z]\w*);")
_BLOCKS = frozenset("p div ul ol li tr table h1 h2 h3 h4 h5 h6 blockquote dt dd".split())
_PROSE = frozenset({"notes", "description", "body"})
_SIZES = frozenset({"size", "file_size"})
_SIZE = re.compile(r"([0-9]+(?:[.,][0-9]+)?) ?(bytes?|kb|kib|mb|mib|gb|gib)", re.IGNORECASE)
_POWERS = {"b": 0, "k": 1, "m": 2, "g": 3}
_LONGEST = 500_000


def plain(text: str) -> str:
    """A text without HTML; paragraphs, list items and breaks become lines. What has none stays as it is."""
    if not _HTML.search(text):
        return text.strip()
    from lxml import etree, html

    try:
        root = html.fragment_fromstring(re.sub(r"[\x00-\x08\x0b-\x1f]", " ", text[:_LONGEST]), create_parent="div")
    except (etree.ParserError, etree.XMLSyntaxError, ValueError, AssertionError):
        return _HTML.sub(" ", text).strip()
    for item in list(root.iter("script", "style")):
        item.text = None
    for item in root.iter():
        if item.tag in _BLOCKS:
            item.text = "\n" + (item.text or "")
            item.tail = "\n" + (item.tail or "")
        elif item.tag == "br":
            item.tail = "\n" + (item.tail or "")
    lines = (" ".join(line.split()) for line in str(root.text_content()).splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def size(value: Any) -> Any:
    """`509.76 KB` in bytes; what is no such text stays as it is."""
    found = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or len(found[1]) > 20:
        return value
    return round(float(found[1].replace(",", ".")) * 1024 ** _POWERS[found[2][0].lower()])


def entry(record: Any, depth: int = 0) -> Any:
    """A package, resource or organisation, with what lies in it."""
    if isinstance(record, list):
        return [entry(item, depth) for item in record] if depth < 4 else record
    if not isinstance(record, dict):
        return record.strip() if isinstance(record, str) else record
    made: dict[str, Any] = {}
    for name, value in record.items():
        if name in _PROSE and isinstance(value, str):
            made[name] = plain(value)
        elif name in _SIZES:
            made[name] = size(value)
        else:
            made[name] = entry(value, depth + 1) if depth < 4 else value
    return made


def entries(rows: Iterator[Row]) -> Iterator[Row]:
    """The entries of a page; a package is made fit once for all its resources."""
    before, made = None, None
    for row in rows:
        if row.around is not None and row.around is not before:
            before, made = row.around, Row(entry(row.around.value), row.around.key, row.around.around)
        yield Row(entry(row.value), row.key, made if row.around is not None else None)


def judged(rows: Iterator[Row], strict: Mapping[str, FieldType]) -> Iterator[Row]:
    """Rows of a datastore. A text where a whole number or yes/no is declared fits nothing: the portal compares it as
    another thing than the hub reads. Of texts both see the same."""
    kinds: dict[FieldType, type] = {FieldType.INTEGER: int, FieldType.BOOLEAN: bool}
    for row in rows:
        for name, kind in strict.items() if isinstance(row.value, dict) else ():
            value = row.value.get(name)
            if kind in kinds and value is not None and type(value) is not kinds[kind]:
                row.value[name] = {}
        yield row
