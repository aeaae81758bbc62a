"""$apply: Observations summed up over time, a subset of OData's data aggregation.

    $apply=[filter(CONDITION)/]groupby((window(phenomenonTime,duration'PT1H')),aggregate(result with average as mean,…))

The groups are the stream and the window. Methods: average, min, max, sum, first, last; `$count as n`.
"""

from __future__ import annotations

from dataclasses import dataclass

from nabe.apis.sensorthings import grammar, times
from nabe.apis.sensorthings.lexer import Kind, Reader, unquoted, wrong
from nabe.model.entities import EntityType
from nabe.model.observation import Bucket
from nabe.model.term import Term, all_of

METHODS = ("average", "min", "max", "sum", "first", "last")
_SHORTEST = 1_000_000
_MOST = 20


@dataclass(frozen=True, slots=True)
class Aggregation:
    """Windows, and columns as (method or `$count`, name in the answer)."""

    bucket: Bucket
    columns: tuple[tuple[str, str], ...]


def both(one: Term, other: Term | None) -> Term:
    """What holds when both hold."""
    return all_of(one, other) or one


def apply(text: str) -> tuple[Aggregation, Term | None]:
    """A whole $apply, and its filter."""
    reader = Reader(text, "$apply")
    condition = None
    if _named(reader, "filter"):
        reader.need("(")
        condition = grammar.where(reader, EntityType.OBSERVATION)
        reader.need(")")
        reader.need("/")
    if not _named(reader, "groupby"):
        raise reader.unexpected("groupby((window(phenomenonTime,duration'PT1H')),aggregate(…)) is wanted")
    reader.need("(")
    bucket = _groups(reader)
    reader.need(",")
    columns = _aggregate(reader)
    reader.need(")")
    reader.done()
    return Aggregation(bucket, columns), condition


def _named(reader: Reader, *names: str) -> bool:
    found = reader.word.kind is Kind.NAME and reader.word.text in names
    if found:
        reader.take()
    return found


def _groups(reader: Reader) -> Bucket:
    """`(Datastream, window(…))` in either order; the stream is a group in any case."""
    reader.need("(")
    bucket = None
    while True:
        if _named(reader, "window"):
            bucket = _window(reader)
        elif _named(reader, "Datastream", "MultiDatastream"):
            if reader.given("/") and not _named(reader, "id", "@iot.id"):
                raise reader.unexpected("groups are Datastream and window(…)")
        else:
            raise reader.unexpected("groups are Datastream and window(…)")
        if not reader.given(","):
            break
    reader.need(")")
    if bucket is None:
        raise reader.unexpected("window(phenomenonTime,duration'PT1H') is missing")
    return bucket


def _window(reader: Reader) -> Bucket:
    reader.need("(")
    if not _named(reader, "phenomenonTime"):
        raise reader.unexpected("windows are over phenomenonTime")
    reader.need(",")
    word = reader.take()
    if word.kind is not Kind.TYPED or not word.text.startswith("duration"):
        raise wrong("the width of a window is missing, such as duration'PT1H'", reader.field, word.at)
    width = times.length(unquoted(word.text), reader.field)
    if width < _SHORTEST:
        raise wrong("a window is at least a second", reader.field, word.at)
    origin = 0
    if reader.given(","):
        word = reader.take()
        if word.kind is not Kind.MOMENT:
            raise wrong("the start of a window is a time", reader.field, word.at)
        origin = times.moment(word.text, reader.field)
    reader.need(")")
    return Bucket(width, origin)


def _aggregate(reader: Reader) -> tuple[tuple[str, str], ...]:
    if not _named(reader, "aggregate"):
        raise reader.unexpected("aggregate(result with average as mean) is wanted")
    reader.need("(")
    columns: list[tuple[str, str]] = []
    while True:
        word = reader.take()
        if word.kind is Kind.OPTION and word.text == "$count":
            method = "$count"
        else:
            if word.text != "result" or not _named(reader, "with"):
                raise wrong("it is `result with METHOD as NAME` or `$count as NAME`", reader.field, word.at)
            method = reader.take().text
            if method not in METHODS:
                raise wrong(f"methods are {', '.join(METHODS)}", reader.field, word.at)
        if not _named(reader, "as") or reader.word.kind is not Kind.NAME:
            raise reader.unexpected("`as NAME` is missing")
        name = reader.take().text
        if name.startswith("@") or name in ("phenomenonTime", *(known for _, known in columns)):
            raise wrong(f"the name {name[:40]!r} is taken", reader.field, word.at)
        columns.append((method, name))
        if len(columns) > _MOST:
            raise wrong(f"at most {_MOST} columns", reader.field, word.at)
        if not reader.given(","):
            reader.need(")")
            return tuple(columns)
