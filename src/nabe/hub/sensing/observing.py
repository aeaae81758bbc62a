"""Taking observations, many at a time and by columns: whose they are, whether they may, whether they can be true."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nabe.errors import Invalid, LimitExceeded, NabeError, Unknown
from nabe.model.entities import EntityType
from nabe.model.observation import INCOMING_SCHEMA
from nabe.ports.entities import Entities, StreamFacts
from nabe.query.sensing.rows import FIRST, LAST

#: Observations of one call.
MOST: Final = 1_000_000
#: Longest JSON text of one result, of `parameters`, of `resultQuality`, in bytes.
LARGEST: Final = 10_000_000
_ANY, _NUMBER, _COUNT, _TRUTH, _CATEGORY, _MANY = range(6)
_KINDS: Final = {
    "OM_Measurement": _NUMBER,
    "OM_CountObservation": _COUNT,
    "OM_TruthObservation": _TRUTH,
    "OM_CategoryObservation": _CATEGORY,
}
_WANTED: Final = {
    _NUMBER: "a number",
    _COUNT: "a whole number",
    _TRUTH: "true or false",
    _CATEGORY: "text",
    _MANY: "a list with one value for each observed property",
}
_decode = msgspec.json.Decoder().decode


@dataclass(slots=True)
class Checked:
    """Observations that may be stored. `rows`: positions in what came in. `datasets`: names, `owner`: index of each row's."""

    table: pa.Table
    rows: np.ndarray
    datasets: list[str]
    owner: np.ndarray
    facts: dict[int, StreamFacts]


def checked(
    incoming: pa.Table,
    entities: Entities,
    may: Callable[[str], NabeError | None],
    errors: dict[int, NabeError] | None = None,
) -> Checked:
    """All rows that are fine. `may`: why nothing may be written into a dataset; None if it may.

    With `errors` bad rows are put there by position and left out; else the first one is raised.
    """
    table = conformed(incoming)
    streams = table.column("stream").to_numpy()
    distinct, inverse = np.unique(streams, return_inverse=True)
    found = entities.streams(distinct.tolist())
    refusals: dict[str, NabeError | None] = {}
    names: dict[str, int] = {}
    bad: dict[int, NabeError] = {}
    owner = np.zeros(len(distinct), np.int64)
    kind = np.zeros(len(distinct), np.int8)
    facts: list[StreamFacts | None] = []
    for at, id in enumerate(distinct.tolist()):
        fact = found.get(id)
        facts.append(fact)
        if fact is None:
            bad[at] = no_stream(id)
            continue
        name = fact.dataset
        if name not in refusals:
            refusals[name] = may(name)
        refusal = refusals[name]
        if refusal is not None:
            bad[at] = no_stream(id) if isinstance(refusal, Unknown) else refusal
            continue
        owner[at] = names.setdefault(name, len(names))
        kind[at] = kind_of(fact)
    problems = _Problems(errors)
    for row in np.flatnonzero(np.isin(inverse, list(bad))).tolist() if bad else ():
        problems.add(np.array([row]), bad[int(inverse[row])])
    _times(table, problems)
    _results(table, kind[inverse], facts, inverse, problems)
    rows = problems.left(table.num_rows)
    if len(rows) < table.num_rows:
        table = table.take(pa.array(rows))
        inverse = inverse[rows]
    table = _placed(table, inverse, facts)
    return Checked(table, rows, list(names), owner[inverse], {fact.id: fact for fact in facts if fact is not None})


def conformed(incoming: pa.Table) -> pa.Table:
    """All columns in the schema's order and types. `Invalid`, `LimitExceeded`."""
    if incoming.num_rows > MOST:
        raise LimitExceeded(f"More than {MOST} observations at once.", hint="Send them in parts.", limit=MOST)
    if incoming.schema.equals(INCOMING_SCHEMA):
        table = incoming
    else:
        strange = set(incoming.schema.names) - set(INCOMING_SCHEMA.names)
        if strange:
            raise Invalid(f"There is no column {min(strange)!r}.", hint=f"Known: {', '.join(INCOMING_SCHEMA.names)}.")
        try:
            columns = [
                incoming.column(field.name).cast(field.type)
                if field.name in incoming.schema.names
                else pa.nulls(incoming.num_rows, field.type)
                for field in INCOMING_SCHEMA
            ]
            table = pa.table(columns, schema=INCOMING_SCHEMA)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
            raise Invalid("The columns are not of the types that observations have.") from None
    for name in ("stream", "time"):
        if table.column(name).null_count:
            raise Invalid(f"An observation lacks its {'stream' if name == 'stream' else 'phenomenonTime'}.", field=name)
    return table


def no_stream(id: int) -> Unknown:
    """The same words whether a stream is absent or hidden."""
    return Unknown(
        f"There is no stream {id} that you may know of.", hint="Create the Datastream first.", field="Datastream"
    )


def kind_of(fact: StreamFacts) -> int:
    """What results a stream takes."""
    if fact.type is EntityType.MULTI_DATASTREAM:
        return _MANY
    return _KINDS.get(fact.observation_type.rpartition("/")[2], _ANY)


def fits(kind: int, result: Any, types: Sequence[str] = ()) -> bool:
    """Is this JSON value a result of such a stream? null always is: nothing was observed."""
    number = isinstance(result, int | float) and not isinstance(result, bool)
    match kind:
        case _ if result is None:
            return True
        case 1:
            return number
        case 2:
            return number and float(result).is_integer()
        case 3:
            return isinstance(result, bool)
        case 4:
            return isinstance(result, str)
        case 5:
            parts = isinstance(result, list) and len(result) == len(types)
            return parts and all(
                fits(_KINDS.get(type.rpartition("/")[2], _ANY), part) for type, part in zip(types, result, strict=True)
            )
    return True


class _Problems:
    """Bad rows: raised at once, or kept."""

    def __init__(self, errors: dict[int, NabeError] | None) -> None:
        self._errors = errors
        self._bad: set[int] = set()

    def add(self, rows: np.ndarray, error: NabeError) -> None:
        if not len(rows):
            return
        if self._errors is None:
            error.params.setdefault("row", int(rows[0]))
            raise error
        for row in rows.tolist():
            if row not in self._bad:
                self._bad.add(row)
                self._errors[row] = error

    def left(self, count: int) -> np.ndarray:
        if not self._bad:
            return np.arange(count)
        keep = np.ones(count, bool)
        keep[list(self._bad)] = False
        return np.flatnonzero(keep)


def _times(table: pa.Table, problems: _Problems) -> None:
    for name, said in (
        ("time", "phenomenonTime"),
        ("until", "phenomenonTime"),
        ("result_time", "resultTime"),
        ("valid_from", "validTime"),
        ("valid_until", "validTime"),
    ):
        column = table.column(name)
        if column.null_count == len(column):
            continue
        whole = column.cast(pa.int64())
        bounds = pc.min_max(whole).as_py()
        if bounds["min"] < FIRST or bounds["max"] > LAST:
            wrong = pc.or_(pc.less(whole, FIRST), pc.greater(whole, LAST)).fill_null(False)
            hint = "ISO 8601 with zone, e.g. 2026-01-31T12:00:00Z."
            error = Invalid(f"{said!r} is no time of the years 1 to 9999.", hint=hint, field=said)
            problems.add(np.flatnonzero(wrong.to_numpy()), error)
    for start, end, said in (("time", "until", "phenomenonTime"), ("valid_from", "valid_until", "validTime")):
        if table.column(end).null_count < table.num_rows:
            wrong = pc.less(table.column(end), table.column(start)).fill_null(False)
            error = Invalid(f"{said!r} ends before it starts.", hint="start/end", field=said)
            problems.add(np.flatnonzero(wrong.to_numpy()), error)


def _results(
    table: pa.Table, kind: np.ndarray, facts: Sequence[StreamFacts | None], inverse: np.ndarray, problems: _Problems
) -> None:
    number, text = table.column("number"), table.column("text")
    finite = pc.is_finite(number).fill_null(True)
    if not pc.all(finite).as_py():
        hint = "Leave NaN and Infinity out, or send null."
        problems.add(
            np.flatnonzero(~finite.to_numpy()),
            Invalid("A result is no number that JSON knows.", hint=hint, field="result"),
        )
    no_text = text.null_count == len(text)
    has_number = pc.is_valid(number).to_numpy()
    if no_text:
        odd = has_number & (kind > _COUNT)
    else:
        has_text = pc.is_valid(text).to_numpy()
        odd = (has_number & (kind > _COUNT)) | (has_text & (kind != _ANY))
    counts = has_number & (kind == _COUNT)
    if counts.any():
        values = number.to_numpy()
        odd |= counts & (values != np.floor(values))
    suspects = np.flatnonzero(odd)
    for at in suspects.tolist():
        fact = facts[inverse[at]]
        result = _decode(text[at].as_py()) if has_number[at] == 0 else number[at].as_py()
        if fact is None or fits(int(kind[at]), result, fact.types):
            continue
        wanted = _WANTED[int(kind[at])]
        if kind[at] == _MANY:
            wanted += f" ({len(fact.types)})"
        error = Invalid(
            f"A result of stream {fact.id} is not what it observes.", hint=f"It takes {wanted}.", field="result"
        )
        problems.add(np.array([at]), error)
    for name in ("text", "parameters", "quality"):
        column = table.column(name)
        if column.null_count < len(column) and column.nbytes > LARGEST:
            wrong = pc.greater(pc.binary_length(column), LARGEST).fill_null(False)
            large = LimitExceeded(f"A value of {name!r} has more than {LARGEST} bytes.", limit=LARGEST)
            problems.add(np.flatnonzero(wrong.to_numpy()), large)


def _placed(table: pa.Table, inverse: np.ndarray, facts: Sequence[StreamFacts | None]) -> pa.Table:
    """Observations that name no FeatureOfInterest get that of their stream, where it has one."""
    feature = table.column("feature")
    if not feature.null_count:
        return table
    known = np.array(
        [fact.feature if fact is not None and fact.feature is not None else -1 for fact in facts], np.int64
    )
    mine = known[inverse] if len(inverse) else np.zeros(0, np.int64)
    own = pa.array(mine, pa.int64(), mask=mine < 0)
    filled = pc.coalesce(feature.combine_chunks() if feature.num_chunks != 1 else feature.chunk(0), own)
    return table.set_column(table.schema.get_field_index("feature"), INCOMING_SCHEMA.field("feature"), filled)


__all__ = ["MOST", "Checked", "checked", "conformed", "fits", "kind_of", "no_stream"]
