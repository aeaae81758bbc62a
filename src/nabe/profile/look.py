"""Tell what was seen: all findings about a table, in the order of the kinds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nabe.model.dataset import Dataset, FieldType
from nabe.profile.column import ColumnProfile
from nabe.profile.findings import KINDS, Finding, Severity
from nabe.profile.keys import is_day, is_period, is_year
from nabe.profile.municipal import Recognised
from nabe.profile.personal import REGISTER, has_addresses
from nabe.profile.places import abroad, unreadable_place
from nabe.profile.references import ENOUGH, Match, hidden_prefix
from nabe.profile.seen import Seen
from nabe.profile.sketch import Containment, KeySketch, containment
from nabe.profile.values import is_flag, is_unix_time, value_findings

#: Notes of readers on what the findings tell better, in the reader's language.
_TOLD = ("leading zeros", "Place of a row", "are swapped", "Times without a zone")
_NUMBERS = (FieldType.NUMBER, FieldType.INTEGER)


def findings(seen: Seen, dataset: Dataset, known: Sequence[KeySketch]) -> list[Finding]:
    """Everything worth telling about `seen`."""
    found = [
        *_reader(seen),
        *_keys(seen),
        *_times(seen),
        *_places(seen, dataset),
        *_units(seen),
        *_personal(seen, dataset),
        *_references(seen),
        *_hidden(seen, known),
        *_referring(seen, dataset, known),
        *_values(seen),
    ]
    return sorted(found, key=lambda finding: KINDS.index(finding.kind))


def can_place(source: Mapping[str, Any]) -> bool:
    """Does the adapter make points out of two columns?"""
    return "path" in source or "x" in source


def declared(sketch: KeySketch) -> Match:
    """A foreign key that the silo itself declares."""
    return Match(sketch, Containment(0, 0, True), True, True, False, ())


def _reader(seen: Seen) -> Iterator[Finding]:
    for note in seen.table.notes:
        if any(told in note for told in _TOLD):
            continue
        yield Finding("", "reader", Severity.CHECK, "profile.reader.note", {"note": note})
    if not seen.scanned.rows:
        yield Finding("", "reader", Severity.WARNING, "profile.reader.no_rows")


def _keys(seen: Seen) -> Iterator[Finding]:
    names = [seen.names[name] for name in seen.key if name in seen.names]
    rows = seen.scanned.rows
    if seen.table.key:
        yield Finding("", "key", Severity.INFO, "profile.key.declared", {"fields": names})
    elif names:
        sure = seen.key_certain
        key = ("profile.key.single" if len(names) == 1 else "profile.key.together") if sure else "profile.key.uncertain"
        plain = sure and len(names) == 1
        severity = Severity.INFO if plain else Severity.CHECK
        yield Finding("", "key", severity, key, {"fields": names, "rows": rows})
    elif rows:
        yield Finding("", "key", Severity.CHECK, "profile.key.none")
    for column in seen.columns:
        if kind := seen.kinds.get(column.name):
            params = {"kind": f"profile.municipal.{kind.kind.id}", "count": _about(column), "share": kind.share * 100}
            name = seen.names[column.name]
            if kind.zeros_lost:
                yield Finding(name, "key", Severity.WARNING, "profile.key.zeros_lost", params)
            elif kind.kind.digits and column.type in _NUMBERS:
                yield Finding(name, "key", Severity.CHECK, "profile.key.as_number", params)
            else:
                key = "profile.key.zeros_kept" if column.leading_zeros else "profile.key.municipal"
                yield Finding(name, "key", Severity.INFO, key, params)
            if laender := kind.laender(column):
                yield Finding(name, "key", Severity.INFO, "profile.key.laender", {"laender": ", ".join(laender)})
            if kind.share < 1.0 and not kind.zeros_lost and not seen.judged.personal(column.name):
                odd = _odd(column, kind)
                yield Finding(name, "key", Severity.CHECK, "profile.key.odd", {**params, "values": odd})
        elif column.leading_zeros:
            params = {"count": _about(column)}
            yield Finding(seen.names[column.name], "key", Severity.INFO, "profile.key.leading_zeros", params)


def _odd(column: ColumnProfile, kind: Recognised) -> list[str]:
    """Values that are no keys of this kind."""
    return column.examples(lambda text: not kind.kind.fits(text))


def _about(column: ColumnProfile) -> int | str:
    """The number of distinct values, marked where it is estimated."""
    return column.distinct if column.distinct_exact else f"≈ {column.distinct}"


def _times(seen: Seen) -> Iterator[Finding]:
    if seen.time is not None:
        params = {"from": str(seen.time.low), "to": str(seen.time.high)}
        yield Finding(seen.names[seen.time.name], "time", Severity.INFO, "profile.time.chosen", params)
        if seen.time.type is FieldType.DATETIME:
            yield Finding(seen.names[seen.time.name], "time", Severity.INFO, "profile.time.zone")
    for column in seen.columns:
        name = seen.names[column.name]
        reading = seen.readings.get(column.name)
        read = reading is not None and reading.temporal
        if is_period(column) and is_year(column) and not seen.judged.personal(column.name):
            params = {"from": min(column.texts), "to": max(column.texts)}
            yield Finding(name, "time", Severity.INFO, "profile.time.year", params)
        elif is_unix_time(column):
            yield Finding(name, "time", Severity.CHECK, "profile.time.unix_read" if read else "profile.time.unix")
        elif is_period(column) and is_day(column):
            yield Finding(name, "time", Severity.CHECK, "profile.time.day_read" if read else "profile.time.day")
        elif is_period(column) and column.share(_is_month) == 1.0:
            yield Finding(name, "time", Severity.INFO, "profile.time.month")


def _is_month(text: str) -> bool:
    return len(text) == 6 and text.isdigit() and "1900" <= text[:4] <= "2100" and "01" <= text[4:] <= "12"


def _places(seen: Seen, dataset: Dataset) -> Iterator[Finding]:
    geometry = next((column for column in seen.columns if column.type is FieldType.GEOMETRY), None)
    if geometry is not None and (point := abroad(geometry)):
        params = {"lon": point[0], "lat": point[1], "crs": seen.table.crs}
        yield Finding(seen.names[geometry.name], "geometry", Severity.WARNING, "profile.geometry.abroad", params)
    if geometry is not None and seen.place is None:
        name = seen.names[geometry.name]
        key = "profile.geometry.crs" if seen.table.crs else "profile.geometry.no_crs"
        severity = Severity.INFO if seen.table.crs else Severity.WARNING
        yield Finding(name, "geometry", severity, key, {"crs": seen.table.crs})
        return
    if seen.wkt is not None:
        column, crs = seen.wkt
        key = "profile.geometry.text" if crs else "profile.geometry.text_no_crs"
        yield Finding(
            seen.names[column.name], "geometry", Severity.INFO if crs else Severity.WARNING, key, {"crs": crs}
        )
        return
    place = seen.place
    if place is None:
        if lost := unreadable_place(seen.columns):
            names = [seen.names[column.name] for column in lost]
            yield Finding(names[0], "geometry", Severity.CHECK, "profile.geometry.elsewhere", {"fields": names})
        return
    params = {
        "x": seen.names[place.x.name],
        "y": seen.names[place.y.name],
        "crs": place.crs,
        "share": place.share * 100,
        "others": ", ".join(place.others),
    }
    made = dataset.geometry
    name = made.name if made else ""
    if place.swapped:
        yield Finding(name, "geometry", Severity.WARNING, "profile.geometry.swapped", params)
    else:
        yield Finding(name, "geometry", Severity.INFO if made else Severity.CHECK, _place_key(made is not None), params)
    if place.others:
        yield Finding(name, "geometry", Severity.CHECK, "profile.geometry.ambiguous", params)


def _place_key(made: bool) -> str:
    return "profile.geometry.columns" if made else "profile.geometry.columns_only"


def _units(seen: Seen) -> Iterator[Finding]:
    for column in seen.columns:
        if unit := seen.units.get(column.name):
            name = seen.names[column.name]
            params = {"text": unit.text, "ucum": unit.ucum}
            if column.type in _NUMBERS:
                yield Finding(name, "unit", Severity.INFO, "profile.unit.header", params)
            elif column.filled and column.type is FieldType.STRING:
                yield Finding(name, "unit", Severity.CHECK, "profile.unit.text", params)


def _personal(seen: Seen, dataset: Dataset) -> Iterator[Finding]:
    for column in seen.columns:
        for suspicion in seen.judged.fields.get(column.name, ()):
            if suspicion.reason != REGISTER:
                yield suspicion.finding(seen.names[column.name])
    beside = [name for name, items in seen.judged.fields.items() if any(item.reason == REGISTER for item in items)]
    if beside:
        names = [seen.names[name] for name in beside]
        yield Finding("", "personal", Severity.CHECK, REGISTER, {"fields": names})
    if count := sum(field.personal for field in dataset.fields):
        yield Finding("", "personal", Severity.WARNING, "profile.personal.restricted", {"count": count})
        if dataset.subject:
            yield Finding(dataset.subject, "personal", Severity.CHECK, "profile.personal.subject_chosen")
    elif has_addresses(seen.columns):
        yield Finding("", "personal", Severity.CHECK, "profile.personal.addresses")


def _references(seen: Seen) -> Iterator[Finding]:
    for column in seen.columns:
        matches = seen.references.get(column.name, [])
        if not matches:
            continue
        best = matches[0]
        name = seen.names[column.name]
        known = best.known
        target = f"{known.dataset}.{known.field}"
        if not best.overlap.compared:
            yield Finding(name, "reference", Severity.INFO, "profile.reference.declared", {"target": target})
            continue
        params: dict[str, Any] = {
            "target": target,
            "found": best.overlap.found,
            "compared": best.overlap.compared,
            "share": best.overlap.share * 100,
            "missing": [] if seen.judged.personal(column.name) else list(best.missing),
            "others": sum(match.good for match in matches[1:]),
        }
        yield Finding(name, "reference", *_reference_key(best, bool(params["missing"])), params)
        if not best.overlap.exact:
            yield Finding(name, "reference", Severity.INFO, "profile.reference.estimated", params)
        if best.good and best.as_text:
            yield Finding(name, "reference", Severity.CHECK, "profile.reference.as_text", params)
        if best.good and column.type is FieldType.STRING and known.type is FieldType.INTEGER:
            yield Finding(name, "reference", Severity.WARNING, "profile.reference.types_differ", params)
        if best.good and params["others"]:
            names = ", ".join(f"{m.known.dataset}.{m.known.field}" for m in matches[1:4] if m.good)
            yield Finding(name, "reference", Severity.INFO, "profile.reference.others", {**params, "names": names})


def _hidden(seen: Seen, known: Sequence[KeySketch]) -> Iterator[Finding]:
    """Keys that stand in the first digits of longer ones."""
    for column in seen.columns:
        if column.name in seen.references or seen.judged.personal(column.name):
            continue
        if (hidden := hidden_prefix(column, known)) is not None:
            params = {
                "target": f"{hidden.known.dataset}.{hidden.known.field}",
                "width": hidden.width,
                "found": hidden.overlap.found,
                "compared": hidden.overlap.compared,
                "name": seen.names[column.name],
            }
            yield Finding(seen.names[column.name], "reference", Severity.CHECK, "profile.reference.prefix", params)


def _reference_key(match: Match, shows: bool) -> tuple[Severity, str]:
    if match.echo:
        return Severity.INFO, "profile.reference.echo"
    if match.good:
        if match.overlap.found == match.overlap.compared:
            return Severity.INFO, "profile.reference.proposed"
        return Severity.CHECK, "profile.reference.proposed_missing" if shows else "profile.reference.proposed_some"
    if match.overlap.share < ENOUGH:
        return Severity.CHECK, "profile.reference.partly" if shows else "profile.reference.partly_hidden"
    return Severity.INFO, "profile.reference.names" if match.known.unique else "profile.reference.shared"


def _referring(seen: Seen, dataset: Dataset, known: Sequence[KeySketch]) -> Iterator[Finding]:
    """Datasets already known whose fields look like references to this one's key."""
    if len(seen.key) != 1:
        return
    column = next((item for item in seen.columns if item.name == seen.key[0]), None)
    if column is None or seen.judged.personal(column.name) or column.name in seen.references:
        return
    own = KeySketch(dataset.id, dataset.key[0], column.type, column.distinct, column.filled, column.sample.hashes)
    for sketch in known:
        overlap = containment(sketch.hashes, sketch.complete, own)
        dense = column.whole and max(map(len, column.texts)) <= 4 and not column.leading_zeros
        if overlap.found >= 20 and overlap.share >= ENOUGH and not dense:
            params = {"other": f"{sketch.dataset}.{sketch.field}", "found": overlap.found, "compared": overlap.compared}
            yield Finding(dataset.key[0], "reference", Severity.INFO, "profile.reference.referring", params)


def _values(seen: Seen) -> Iterator[Finding]:
    if seen.scanned.duplicates:
        params = {"rows": seen.scanned.duplicates}
        yield Finding("", "values", Severity.CHECK, "profile.values.duplicates", params)
    if flags := [seen.names[column.name] for column in seen.columns if is_flag(column)]:
        yield Finding("", "values", Severity.INFO, "profile.values.flags", {"fields": flags})
    for at, column in enumerate(seen.columns):
        name = seen.names[column.name]
        secret = seen.judged.personal(column.name)
        yield from value_findings(column, name, is_key=column.name in seen.key, secret=secret)
        if (reading := seen.readings.get(column.name)) and "nulls" in reading.settings:
            yield Finding(name, "values", Severity.INFO, "profile.values.stand_in_read")
        if twin := next((other for other in seen.columns[:at] if _same(column, other)), None):
            yield Finding(name, "values", Severity.INFO, "profile.values.twin", {"other": seen.names[twin.name]})


def _same(one: ColumnProfile, other: ColumnProfile) -> bool:
    """The same different values equally often, as far as sampled."""
    if (
        one.type is not other.type
        or one.type is FieldType.GEOMETRY
        or one.nulls != other.nulls
        or one.distinct_so_far < 5
    ):
        return False
    same_counts = len(one.sample.counts) == len(other.sample.counts) and bool(
        (one.sample.counts == other.sample.counts).all()
    )
    return same_counts and bool((one.sample.hashes == other.sample.hashes).all())
