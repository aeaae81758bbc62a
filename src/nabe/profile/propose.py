"""From what a probe sees of a table to a proposed dataset, its findings and the sketches of its keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from nabe.model.dataset import Access, Dataset, Field, FieldType, Reference
from nabe.model.names import hub_name
from nabe.model.text import Text
from nabe.ports.source import Column, Probe, Table
from nabe.profile import look
from nabe.profile.column import ColumnProfile
from nabe.profile.findings import Finding
from nabe.profile.keys import choose_key, choose_time, key_rank
from nabe.profile.municipal import Recognised, recognise
from nabe.profile.personal import judge
from nabe.profile.places import Place, find_place, find_wkt
from nabe.profile.readings import find_readings, with_readings
from nabe.profile.references import can_refer, find_references, without_echoes
from nabe.profile.rules import propose_rules
from nabe.profile.scan import Scanned, scan
from nabe.profile.seen import Seen
from nabe.profile.sketch import KeySketch
from nabe.profile.titles import mended, split_words, title_of, without_ending
from nabe.profile.units import Unit, unit_of

#: Most fields of one dataset that are kept as sketches.
_SKETCHED = 40
#: Official keys of areas large enough to say little about one person.
_LOCATION = Text("Lage", "Location")
_AREAS = ("ags", "ars", "kreis", "lor", "district")


@dataclass(frozen=True, slots=True)
class Proposal:
    """`dataset` is ready for review, `findings` say what was judged and why, `sketch` is to be kept for later ones."""

    dataset: Dataset
    findings: list[Finding]
    sketch: tuple[KeySketch, ...]


def propose(
    probe: Probe,
    table: str,
    *,
    id: str,
    owner: str,
    system: str,
    known: Sequence[KeySketch] = (),
    progress: Callable[[float], None] = lambda _: None,
) -> Proposal:
    """Read the table once and propose a dataset `id` of `system`, owned by `owner`.

    `known`: sketches of the datasets declared so far. `progress` is told the share done, 0..1. Nothing is published:
    access is `internal`, or `restricted` as soon as one field is suspected of holding personal data.
    """
    described = probe.describe(table, lambda share: progress(share / 2))
    scanned = scan(probe, described, lambda share: progress(0.5 + share / 2))
    others = [sketch for sketch in known if sketch.dataset != id]
    seen = _judge(described, scanned, others, system)
    dataset = _dataset(seen, id, owner, system)
    progress(1.0)
    return Proposal(dataset, look.findings(seen, dataset, others), _sketches(seen, dataset))


def _judge(table: Table, scanned: Scanned, known: Sequence[KeySketch], system: str) -> Seen:
    columns = scanned.columns
    units = {c.name: unit for c in columns if (unit := unit_of(mended(c.name)))}
    numbers = (FieldType.NUMBER, FieldType.INTEGER)
    kinds = {c.name: kind for c in columns if (kind := recognise(c, table.name))}
    judged = judge(columns, [name for name, found in kinds.items() if found.kind.id in _AREAS])
    key, certain = choose_key(columns, scanned.together, table.key)
    has_geometry = any(c.type is FieldType.GEOMETRY for c in columns)
    wkt = None if has_geometry else find_wkt(columns)
    references = {c.name: found for c in columns if (found := find_references(c, kinds.get(c.name), known, table.name))}
    references = without_echoes(references)
    for column, other_table, other_column in table.references:
        for sketch in known:
            if (sketch.system, sketch.table, sketch.column) == (system, other_table, other_column):
                references[column] = [look.declared(sketch)]
    return Seen(
        table=table,
        scanned=scanned,
        names=_names(columns, {name: unit for name, unit in units.items() if _type_of(columns, name) in numbers}),
        units=units,
        kinds=kinds,
        judged=judged,
        key=key,
        key_certain=certain,
        time=choose_time([c for c in columns if c.name not in judged.itself]),
        place=None if wkt else _place(table, columns, has_geometry),
        wkt=wkt,
        references=references,
        readings=find_readings(columns, table.source),
    )


def _place(table: Table, columns: list[ColumnProfile], has_geometry: bool) -> Place | None:
    """The pair of coordinate columns; also the one that the adapter took already, to tell of it."""
    taken = {str(table.source.get("x")), str(table.source.get("y"))} - {"None"}
    if has_geometry and not taken:
        return None
    place = find_place([column for column in columns if not taken or column.name in taken])
    return place if place is None or not taken or {place.x.name, place.y.name} == taken else None


def _type_of(columns: list[ColumnProfile], name: str) -> FieldType:
    return next(column.type for column in columns if column.name == name)


def _names(columns: list[ColumnProfile], units: dict[str, Unit]) -> dict[str, str]:
    """Column -> hub name, without the unit, all different."""
    names: dict[str, str] = {}
    for at, column in enumerate(columns, 1):
        header = mended(units[column.name].rest if column.name in units else column.name)
        if not any(char.isalnum() for char in header):
            header = f"column_{at}"
        names[column.name] = hub_name(header, set(names.values()))
    return names


def _dataset(seen: Seen, id: str, owner: str, system: str) -> Dataset:
    fields = [_field(seen, item) for item in seen.table.columns]
    source = with_readings(seen.table.source, seen.readings)
    crs = seen.table.crs
    if look.can_place(source) and (seen.place or seen.wkt) and not any(f.type is FieldType.GEOMETRY for f in fields):
        settings, crs, made_of = _location(seen)
        source |= settings
        name = hub_name("geometry", {item.name for item in fields})
        personal = seen.judged.about_persons or any(seen.judged.personal(column.name) for column in made_of)
        fields.append(Field(name, FieldType.GEOMETRY, _LOCATION, personal=personal))
    restricted = any(item.personal for item in fields)
    made = Dataset(
        id=id,
        title=title_of(split_words(without_ending(seen.table.name))) if seen.table.name else Text(id),
        owner=owner,
        access=Access.RESTRICTED if restricted else Access.INTERNAL,
        fields=tuple(fields),
        system=system,
        source=source,
        description=Text(seen.table.comment),
        key=tuple(seen.names[name] for name in seen.key if name in seen.names),
        subject=next((seen.names[name] for name in seen.judged.subject), "") if restricted else "",
        time=_time(seen),
        crs=crs,
    )
    return replace(made, quality=propose_rules(seen, made))


def _location(seen: Seen) -> tuple[dict[str, str], str, tuple[ColumnProfile, ...]]:
    """(settings of the source, reference system, columns that the geometry is made of)."""
    if seen.wkt is not None:
        column, crs = seen.wkt
        return {"wkt": column.name} | ({"crs": crs} if crs else {}), crs, (column,)
    place = seen.place
    assert place is not None
    return {"x": place.x.name, "y": place.y.name, "crs": place.crs}, place.crs, (place.x, place.y)


def _time(seen: Seen) -> str:
    if seen.time is not None:
        return seen.names[seen.time.name]
    read_anew = (name for name, reading in seen.readings.items() if reading.temporal and name not in seen.judged.itself)
    return next((seen.names[name] for name in read_anew), "")


def _field(seen: Seen, column: Column) -> Field:
    name = seen.names[column.name]
    is_number = column.type in (FieldType.NUMBER, FieldType.INTEGER)
    unit = seen.units.get(column.name) if is_number else None
    best = next((match for match in seen.references.get(column.name, ()) if match.good), None)
    reading = seen.readings.get(column.name)
    return Field(
        name=name,
        type=FieldType.STRING if best and best.as_text else reading.type if reading else column.type,
        title=_LOCATION if _is_plain_geometry(column) else title_of(unit.rest if unit else column.name),
        description=Text(mended(column.comment)),
        column="" if column.name == name else column.name,
        unit=unit.ucum if unit else column.unit if is_number else "",
        personal=column.personal or seen.judged.personal(column.name),
        references=Reference(best.known.dataset, best.known.field) if best else None,
    )


def _is_plain_geometry(column: Column) -> bool:
    return column.type is FieldType.GEOMETRY and column.name.lower() in (
        "geometry",
        "geom",
        "wkb_geometry",
        "the_geom",
        "shape",
    )


def _sketches(seen: Seen, dataset: Dataset) -> tuple[KeySketch, ...]:
    """Of every field that may be a key; of personal ones without hashes, for those of few values can be guessed."""
    able = [column for column in seen.columns if can_refer(column) and (key_rank(column) is not None or column.unique)]
    able.sort(key=lambda column: not column.unique)
    return tuple(_sketch(seen, column, dataset) for column in able[:_SKETCHED])


def _sketch(seen: Seen, column: ColumnProfile, dataset: Dataset) -> KeySketch:
    field = dataset.field(seen.names[column.name])
    assert field is not None
    return sketch_of(column, dataset, field, seen.table.name, seen.kinds.get(column.name))


def sketch_of(
    column: ColumnProfile, dataset: Dataset, field: Field, table: str = "", kind: Recognised | None = None
) -> KeySketch:
    """What is remembered of a field; of a personal one no hashes."""
    return KeySketch(
        dataset=dataset.id,
        field=field.name,
        type=field.type,
        distinct=column.distinct,
        rows=column.filled,
        hashes=column.sample.hashes[: 0 if field.personal else None].copy(),
        exact=column.distinct_exact,
        title=dataset.title.in_("de"),
        system=dataset.system,
        table=table,
        column=column.name,
        kind=kind.kind.id if kind else "",
        width=0 if field.personal else column.width,
    )
