"""Records cut out of a JSON body while it arrives, in memory bounded by the largest record. Pure.

A body is read twice at most: its brackets here, to find where each record begins and ends, and each record by a JSON
parser. What is left of the document without its rows (links to the next page, totals) is small and kept: the envelope.
Parsers that stream hold a string, however long, as a whole; here a record has a largest size.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from nabe.adapting.json_http.paths import Each, Index, Member, Row, Step
from nabe.adapting.json_http.paths import written as path_text

#: Most bytes of one record, and of what is kept beside the records.
MOST_RECORD, MOST_ENVELOPE = 32_000_000, 8_000_000
#: Deepest nesting of a document.
DEEPEST = 200
#: A value beside the rows that is larger is not kept.
_MOST_ASIDE = 1_000_000

_TEXT = rb'"(?:[^"\\]++|\\.)*+"'
_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|' + _TEXT + rb")*+([{}\[\]])", re.DOTALL)
_STRING = re.compile(_TEXT, re.DOTALL)
_SCALAR = re.compile(rb"[^\s,\]}]++(?=[\s,\]}])")
_LAST = re.compile(rb"[^\s,\]}]++")
_BREAKS_OFF = "it ends in the middle"
_BLANK = re.compile(rb"[ \t\r\n]*+")


class Broken(ValueError):
    """Not a JSON document as expected; says what and where, never a value."""


class Cut(Broken):
    """The document breaks off: what is missing may come another time."""


class TooLarge(ValueError):
    """A record, or the document without its rows, is larger than may be held."""


@dataclass(slots=True)
class Envelope:
    """The document without its rows, known once the last record was taken. `found`: was there something at the path?"""

    document: Any = None
    found: bool = False
    seen: list[str] = field(default_factory=list)


def decode(piece: bytes) -> Any:
    """One JSON value. NaN and infinity, which JSON has not but programs write, are no value. `Broken` if unreadable."""
    try:
        return msgspec.json.decode(piece)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        pass
    try:
        return json.loads(piece.decode("utf-8"), parse_constant=lambda _: None, parse_int=_whole)
    except UnicodeDecodeError:
        raise Broken("it is not written in UTF-8") from None
    except (ValueError, RecursionError):
        raise Broken("it is not valid JSON") from None


def _whole(digits: str) -> int | float:
    """A whole number; one of hundreds of digits is no number anybody meant."""
    return int(digits) if len(digits) <= 40 else float(digits[:400])


def utf8(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The chunks in UTF-8 without a byte order mark."""
    if codecs.lookup(encoding).name in ("utf-8", "ascii"):
        first = b""
        for chunk in chunks:
            if first is not None:
                first += chunk
                if len(first) < 3:
                    continue
                chunk, first = first.removeprefix(codecs.BOM_UTF8), None  # type: ignore[assignment]
            yield chunk
        if first:
            yield first
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for chunk in chunks:
            yield decoder.decode(chunk).encode()
        yield decoder.decode(b"", final=True).encode()
    except UnicodeError:
        raise Broken(f"it is not written in {encoding}") from None


def records(
    chunks: Iterable[bytes], steps: tuple[Step, ...], envelope: Envelope, *, lines: bool = False
) -> Iterator[Row]:
    """The records at `steps` (up to and with the first `[*]` or `*`; none: a list at the end is meant) of a document.

    `lines`: one value after the other (NDJSON), each a record. Fills `envelope`. Raises `Broken`, `TooLarge`.
    """
    reader = _Reader(chunks)
    if lines:
        envelope.found = True
        yield from _values(reader)
        return
    yield from _Cutter(reader, steps, envelope).run()


class _Reader:
    """Bytes with a position, filled up from the chunks as needed; `drop` frees what lies behind."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self.data = b""
        self.at = 0
        self.offset = 0  # of `data` in the document
        self._ended = False

    def more(self) -> bool:
        """At least as much again as is held (so that a long value is looked at few times); False at the end."""
        if self._ended:
            return False
        held = len(self.data) - self.at
        parts, wanted = [self.data[self.at :]], max(held, 1)
        self.offset += self.at
        while wanted > 0:
            chunk = next(self._chunks, None)
            if chunk is None:
                self._ended = True
                break
            parts.append(chunk)
            wanted -= len(chunk)
        self.data, self.at = b"".join(parts), 0
        return len(self.data) > held

    def peek(self) -> bytes:
        """The next byte that is no blank; empty at the end."""
        while True:
            found = _BLANK.match(self.data, self.at)
            assert found is not None
            self.at = found.end()
            if self.at < len(self.data):
                return self.data[self.at : self.at + 1]
            if not self.more():
                return b""

    def value(self, most: int = MOST_RECORD, *, keep: bool = True) -> bytes:
        """The bytes of the next value; an object or list is only passed over if not `keep`.

        `TooLarge` leaves the position where the value begins.
        """
        start = self.peek()
        if start in (b"{", b"["):
            return self._nested(most, keep)
        if not start or start in b",:]}":
            raise self.broken()
        pattern = _STRING if start == b'"' else _SCALAR
        while (found := pattern.match(self.data, self.at)) is None:
            if len(self.data) - self.at > most:
                raise TooLarge
            if not self.more():
                found = None if start == b'"' else _LAST.match(self.data, self.at)
                if found is None:
                    raise self.broken(_BREAKS_OFF)
                break
        self.at = found.end()
        return found[0]

    def _nested(self, most: int, keep: bool) -> bytes:
        depth = passed = 0
        while depth or not passed:
            found = _BRACKET.match(self.data, self.at + passed)
            if found is None:
                if not keep:
                    self.at, passed = self.at + passed, 0
                if len(self.data) - self.at > most:
                    raise TooLarge
                if not self.more():
                    raise self.broken(_BREAKS_OFF)
                continue
            passed = found.end() - self.at
            depth += 1 if found[1] in b"{[" else -1
            if depth > DEEPEST:
                raise self.broken(f"it is nested deeper than {DEEPEST} levels")
            if passed > most and keep:
                raise TooLarge
        piece = self.data[self.at : self.at + passed] if keep else b""
        self.at += passed
        return piece

    def take(self, signs: bytes) -> bytes:
        """The next sign, which must be one of these."""
        sign = self.peek()
        if not sign or sign not in signs:
            raise self.broken()
        self.at += 1
        return sign

    def broken(self, why: str = "") -> Broken:
        """The document is not JSON here."""
        if not why and not self.peek():
            why = _BREAKS_OFF
        kind = Cut if why == _BREAKS_OFF else Broken
        return kind(f"{why or 'it is not valid JSON'} (byte {self.offset + self.at:,})")


class _Cutter:
    """Walks down to the records, keeping the rest of the document."""

    def __init__(self, reader: _Reader, steps: tuple[Step, ...], envelope: Envelope) -> None:
        self._reader, self._steps, self._envelope = reader, steps, envelope
        self._kept: list[bytes] = []
        self._size = 0

    def run(self) -> Iterator[Row]:
        if not self._reader.peek():
            raise Broken("it is empty")
        yield from self._descend(self._steps, ())
        if self._reader.peek():
            raise self._reader.broken()
        self._envelope.document = decode(b"".join(self._kept))

    def _descend(self, steps: tuple[Step, ...], way: tuple[str | int, ...]) -> Iterator[Row]:
        sign = self._reader.peek()
        if not steps or isinstance(steps[0], Each):
            yield from self._rows(sign, steps[0] if steps else None)
            return
        step = steps[0]
        if isinstance(step, Member) and sign == b"{":
            yield from self._object(step.name, steps[1:], way)
        elif isinstance(step, Index) and sign == b"[":
            yield from self._list(step.number, steps[1:], way)
        else:
            self._aside(way)

    def _rows(self, sign: bytes, step: Step | None) -> Iterator[Row]:
        """The records themselves: a list, the members of an object, or one alone."""
        self._envelope.found = True
        self._keep(b"null")
        members = isinstance(step, Each) and step.members
        if sign == (b"{" if members else b"["):
            yield from self._elements(members)
            return
        piece = self._reader.value()
        if piece == b"null":
            return
        if step is not None:
            raise Broken(f"at the row path is no {'object' if members else 'list'}")
        yield Row(decode(piece))

    def _elements(self, members: bool) -> Iterator[Row]:
        reader, end, number = self._reader, b"}" if members else b"]", 0
        reader.at += 1
        while reader.peek() != end:
            if number:
                reader.take(b",")
            key: str | int = self._name()[1] if members else number
            yield Row(decode(reader.value()), key)
            number += 1
        reader.at += 1

    def _object(self, name: str, steps: tuple[Step, ...], way: tuple[str | int, ...]) -> Iterator[Row]:
        reader, number, met = self._reader, 0, False
        reader.at += 1
        self._keep(b"{")
        while reader.peek() != b"}":
            if number:
                reader.take(b",")
                self._keep(b",")
            written, found = self._name()
            self._keep(written + b":")
            if found == name:
                if met:
                    raise Broken(f"its member {name!r} occurs twice")
                met = True
                yield from self._descend(steps, (*way, found))
            else:
                self._aside((*way, found))
            number += 1
        reader.at += 1
        self._keep(b"}")

    def _list(self, wanted: int, steps: tuple[Step, ...], way: tuple[str | int, ...]) -> Iterator[Row]:
        reader, number = self._reader, 0
        reader.at += 1
        self._keep(b"[")
        while reader.peek() != b"]":
            if number:
                reader.take(b",")
                self._keep(b",")
            if number == wanted:
                yield from self._descend(steps, (*way, number))
            else:
                self._aside((*way, number))
            number += 1
        reader.at += 1
        self._keep(b"]")

    def _name(self) -> tuple[bytes, str]:
        if self._reader.peek() != b'"':
            raise self._reader.broken()
        written = self._reader.value()
        self._reader.take(b":")
        return written, str(decode(written))

    def _aside(self, way: tuple[str | int, ...]) -> None:
        """A value beside the rows: kept if it is small."""
        try:
            self._keep(self._reader.value(_MOST_ASIDE))
        except TooLarge:
            self._reader.value(keep=False)
            self._envelope.seen.append(path_text(way))
            self._keep(b"null")

    def _keep(self, piece: bytes) -> None:
        self._kept.append(piece)
        self._size += len(piece)
        if self._size > MOST_ENVELOPE:
            raise TooLarge


def _values(reader: _Reader) -> Iterator[Row]:
    number = 0
    while reader.peek():
        yield Row(decode(reader.value()), number)
        number += 1
