"""What match and geocode share: a register's rows as the asker may read them, by the roles that its document declares."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from nabe.app import Nabe
from nabe.cli.common import via
from nabe.errors import Invalid
from nabe.linking import Entry
from nabe.linking.addresses import Houses, number_of
from nabe.linking.register import names_in
from nabe.model.dataset import Dataset, Register, RegisterOf
from nabe.model.party import Actor
from nabe.model.query import Query, Scan

_ROLES = ("key", "name", "former", "number", "suffix", "postcode", "district", "valid_from", "valid_to", "successor")


def roles_of(dataset: Dataset, of: RegisterOf, given: dict[str, str]) -> Register:
    """The roles declared, with those given on the command line in their place."""
    wrong = [role for role in given if role not in _ROLES]
    if wrong:
        raise Invalid(f"There is no role {wrong[0]!r}.", hint=f"Roles: {', '.join(_ROLES)}.", field="--role")
    said: dict[str, Any] = {role: field for role, field in given.items() if field}
    register = replace(dataset.register or Register(of), **said)
    if not register.name and of is not RegisterOf.DISTRICTS:
        hint = f"Declare `register: {{of: {of.value}, name: …}}` in its document, or name it with --role name=FIELD."
        raise Invalid(f"Dataset {dataset.id!r} does not say which field holds the name.", hint=hint, field="register")
    return register


def given_roles(options: Sequence[str]) -> dict[str, str]:
    """`["name=str_name"]` -> `{"name": "str_name"}`."""
    made = {}
    for option in options:
        role, equals, field = option.partition("=")
        if not equals:
            raise Invalid(f"{option!r} is no role.", hint="ROLE=FIELD, e.g. name=str_name.", field="--role")
        made[role.strip()] = field.strip()
    return made


def read_fields(nabe: Nabe, asker: Actor, use_case: str, dataset: str, fields: Sequence[str]) -> pa.Table:
    """These fields of all rows, through the hub. `Invalid` names one that is not there."""
    named = tuple(dict.fromkeys(field for field in fields if field))
    known = nabe.hub.dataset(asker, use_case, dataset).dataset
    for field in named:
        if known.field(field) is None:
            hint = f"Its fields: {', '.join(item.name for item in known.fields)}."
            raise Invalid(f"Dataset {dataset!r} has no field {field!r}.", hint=hint, field=field)
    return nabe.hub.read(asker, use_case, Query.of(Scan(dataset, named)), interface=via()).table()


def text(value: Any) -> str:
    """A value as a key or name: whole numbers without point."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def postcode(value: Any) -> str:
    """Five digits, with the zero that a number has lost."""
    code = text(value)
    return code.zfill(5) if code.isdigit() and len(code) < 5 else code


def street_entries(rows: list[dict[str, Any]], roles: Register, today: dt.date) -> list[Entry]:
    """Entries of a register of streets: what holds today, with former names of the same key or of its successor."""
    aliases: dict[str, list[str]] = {}
    current: list[tuple[str, str, dict[str, Any]]] = []
    for row in rows:
        key, name = text(row.get(roles.key)), text(row.get(roles.name))
        if not key or not name:
            continue
        ended = _day(row.get(roles.valid_to))
        begun = _day(row.get(roles.valid_from))
        if ended is not None and ended < today:
            aliases.setdefault(text(row.get(roles.successor)) or key, []).append(name)
        elif begun is None or begun <= today:
            current.append((key, name, row))
    made = []
    for key, name, row in current:
        names = (*names_in(text(row.get(roles.former))), *aliases.get(key, ()))
        others = tuple(dict.fromkeys(item for item in names if item != name))
        made.append(Entry(key, name, postcode(row.get(roles.postcode)), text(row.get(roles.district)), others))
    return made


def _day(value: Any) -> dt.date | None:
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(text(value)[:10]) if text(value) else None
    except ValueError:
        return None


def houses_of(table: pa.Table, roles: Register, geometry: str) -> Houses:
    """Columns of a register of addresses: one row per house, or per side of a stretch."""
    names = set(table.schema.names)

    def column(role: str) -> list[str]:
        if not role or role not in names:
            return [""] * table.num_rows
        encoded = table.column(role).combine_chunks().dictionary_encode()
        words = [postcode(value) if role == roles.postcode else text(value) for value in encoded.dictionary.to_pylist()]
        return [words[at] if at is not None else "" for at in encoded.indices.to_pylist()]

    lon, lat = _points(table, geometry)
    plain = [column(role) for role in (roles.name, roles.postcode, roles.district, roles.key)]
    if not roles.ranges:
        numbers = [number_of(value) for value in column(roles.number)]
        first = np.asarray([number for number, _ in numbers], np.int64)
        own = column(roles.suffix) if roles.suffix else []
        suffix = (
            [value or letter for value, (_, letter) in zip(own, numbers, strict=True)]
            if own
            else [letter for _, letter in numbers]
        )
        street, codes, districts, keys = plain
        return Houses(street, first, first, np.zeros(len(first), np.int64), suffix, codes, districts, keys, lon, lat)
    return _stretches(column, roles, plain, lon, lat)


def _stretches(column: Any, roles: Register, plain: list[list[str]], lon: Any, lat: Any) -> Houses:
    """Rows with ranges of numbers: one per side that has any."""
    at: list[int] = []
    first: list[int] = []
    last: list[int] = []
    for one, other in roles.ranges:
        for row, (begin, end) in enumerate(zip(column(one), column(other), strict=True)):
            lowest, highest = number_of(begin)[0], number_of(end)[0]
            if lowest:
                at.append(row)
                first.append(lowest)
                last.append(max(lowest, highest))
    street, codes, districts, keys = ([values[row] for row in at] for values in plain)
    low, high = np.asarray(first, np.int64), np.asarray(last, np.int64)
    side = np.where(low % 2 == 1, 1, 2) if len(low) else low
    return Houses(street, low, high, side, [""] * len(at), codes, districts, keys, lon[at], lat[at])


def _points(table: pa.Table, geometry: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """A point of each row: the place itself, the middle of a line, a point inside an area."""
    if not geometry:
        nothing = np.full(table.num_rows, np.nan)
        return nothing, nothing
    import shapely

    shapes = shapely.from_wkb(np.asarray(table.column(geometry).to_pylist(), dtype=object), on_invalid="ignore")
    lines = np.isin(shapely.get_type_id(shapes), (1, 5))
    points = shapely.point_on_surface(shapes)
    whole = shapely.line_merge(shapes[lines])
    points[lines] = shapely.line_interpolate_point(shapely.get_geometry(whole, 0), 0.5, normalized=True)
    return shapely.get_x(points), shapely.get_y(points)
