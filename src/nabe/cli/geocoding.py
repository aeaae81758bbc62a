"""geocode: addresses of one dataset to coordinates and districts, by the city's own register of addresses."""

from __future__ import annotations

import csv
import math
import os
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from nabe.app import Nabe
from nabe.cli.common import AsJson, Workspace, actor_named, line, opened, plain, say, show
from nabe.cli.data import As, UseCaseOption
from nabe.cli.registers import given_roles, houses_of, postcode, read_fields, roles_of, text
from nabe.linking import address, read_review, write_review
from nabe.linking.addresses import Addresses, Asked, Grade, Place, number_of
from nabe.linking.districts import Districts
from nabe.model.dataset import RegisterOf
from nabe.model.party import Actor
from nabe.model.usecase import OPEN_DATA

_COLUMNS = ("register_key", "lon", "lat", "district", "grade", "why", "street_found")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(geocode)


def geocode(
    records: Annotated[str, typer.Argument(help="Dataset whose addresses are looked up.")],
    street: Annotated[str, typer.Option(help="Its field with the street, or a whole address.")],
    register: Annotated[str, typer.Option(help="Dataset that is the register of addresses.")],
    house: Annotated[str, typer.Option(help="Its field with the house number; else it is read off the address.")] = "",
    suffix: Annotated[str, typer.Option(help="Its field with the letter of the house number.")] = "",
    code: Annotated[str, typer.Option("--postcode", help="Its field with the postcode.")] = "",
    district: Annotated[str, typer.Option(help="Its field with the district, as the register writes it.")] = "",
    role: Annotated[list[str], typer.Option(help="Field of the register: ROLE=FIELD; default: as it declares.")] = [],  # noqa: B006
    districts: Annotated[str, typer.Option(help="Dataset with the areas of districts; default: the register's.")] = "",
    district_key: Annotated[str, typer.Option(help="Its field with the key; default: as it declares.")] = "",
    output: Annotated[Path, typer.Option("--output", "-o", help="Table (CSV) to write.")] = Path("places.csv"),
    review: Annotated[Path | None, typer.Option(help="List of what is unsure; decisions in it are obeyed.")] = None,
    use_case: UseCaseOption = OPEN_DATA,
    actor: As = "anonymous",
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Find coordinates and district of each address, with a grade; what is unsure goes on a list for people.

    [dim]nabe geocode schulen --street strasse --house hausnr --postcode plz --register adressen[/dim]
    [dim]nabe geocode kitas --street adresse --register adressen --districts ortsteile --review pruefliste.csv[/dim]
    """
    with opened(workspace) as nabe:
        asker = actor_named(nabe, actor)
        found = _register(nabe, asker, use_case, register, given_roles(role))
        areas = _districts(nabe, asker, use_case, districts, district_key) if districts else None
        asked = nabe.hub.dataset(asker, use_case, records).dataset
        identity = tuple(field for field in asked.key if field not in (street, house))
        rows = read_fields(
            nabe, asker, use_case, records, (*identity, street, house, suffix, code, district)
        ).to_pylist()
    wanted = [_asked(row, street, house, suffix, code, district) for row in rows]
    decided = read_review(review, found.streets) if review else {}
    located = found.locate(wanted, decided)
    places = [place for place, _ in located]
    in_area = _in_areas(places, areas)
    _write(output, (*identity, street, *((house,) if house else ())), rows, places, in_area)
    links = [link for _, link in located if link is not None]
    unsure = write_review(review, links, found.streets, decided) if review else 0
    _tell(places, in_area, output, review, unsure, as_json=as_json)


def _register(nabe: Nabe, asker: Actor, use_case: str, register: str, given: dict[str, str]) -> Addresses:
    known = nabe.hub.dataset(asker, use_case, register)
    roles = roles_of(known.dataset, RegisterOf.ADDRESSES, given)
    shape = known.dataset.geometry
    geometry = shape.name if shape and shape.name in known.readable else ""
    times = (roles.valid_from, roles.valid_to, roles.successor, roles.former)
    fields = [field for field in roles.fields if field not in times]
    table = read_fields(nabe, asker, use_case, register, [*fields, geometry])
    return Addresses(houses_of(table, roles, geometry))


def _districts(nabe: Nabe, asker: Actor, use_case: str, dataset: str, key: str) -> Districts:
    from nabe.errors import Invalid

    known = nabe.hub.dataset(asker, use_case, dataset).dataset
    key = key or (known.register.key if known.register else "") or (known.key[0] if len(known.key) == 1 else "")
    if known.geometry is None or not key:
        lacks = "no geometry" if known.geometry is None else "no single key"
        raise Invalid(f"Dataset {dataset!r} has {lacks}.", hint="--district-key names the field.", field="--districts")
    table = read_fields(nabe, asker, use_case, dataset, (key, known.geometry.name))
    keys = [text(value) for value in table.column(key).to_pylist()]
    return Districts(keys, table.column(known.geometry.name).to_pylist())


def _asked(row: dict[str, Any], street: str, house: str, suffix: str, code: str, district: str) -> Asked:
    place = address(text(row[street]))
    number, letter = (place.number, place.suffix) if not house else number_of(text(row.get(house)))
    name = place.street if not house else text(row[street])
    letter = text(row.get(suffix)).lower() or letter
    return Asked(name, number, letter, postcode(row.get(code)) or place.postcode, text(row.get(district)))


def _in_areas(places: list[Place], areas: Districts | None) -> list[tuple[str, bool]]:
    """The district of each: of the area it lies in, else as the register says; and whether a border is near."""
    if areas is None:
        return [(place.district, False) for place in places]
    sure = [place.grade in (Grade.EXACT, Grade.INTERPOLATED) for place in places]
    lon = np.asarray([place.lon if ok else math.nan for place, ok in zip(places, sure, strict=True)])
    lat = np.asarray([place.lat if ok else math.nan for place, ok in zip(places, sure, strict=True)])
    return areas.of(lon, lat)


def _write(
    path: Path,
    identity: tuple[str, ...],
    rows: list[dict[str, Any]],
    places: list[Place],
    areas: list[tuple[str, bool]],
) -> None:
    """The table: whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*identity, *_COLUMNS])
        for row, place, (area, near) in zip(rows, places, areas, strict=True):
            point = ["", ""] if math.isnan(place.lon) else [f"{place.lon:.7f}", f"{place.lat:.7f}"]
            why = f"{place.why}, border near" if near else place.why
            told = [text(row[name]) for name in identity]
            writer.writerow([*told, place.key, *point, area, place.grade.value, why, place.street])
    draft.replace(path)


def _tell(
    places: list[Place], areas: list[tuple[str, bool]], output: Path, review: Path | None, unsure: int, *, as_json: bool
) -> None:
    counts = Counter((place.grade, place.why) for place in places)
    located = sum(not math.isnan(place.lon) for place in places)
    district = sum(bool(key) for key, _ in areas)
    if as_json:
        say({
            "records": len(places),
            "grades": {grade.value: sum(place.grade is grade for place in places) for grade in Grade},
            "with_coordinates": located,
            "with_district": district,
            "near_border": sum(near for _, near in areas),
            "open": unsure,
            "places": str(output),
            "review": str(review) if review else None,
        })  # fmt: skip
        return
    order = list(Grade)
    table = [
        {"grade": grade.value, "why": _WHY[why], "records": count}
        for (grade, why), count in sorted(counts.items(), key=lambda item: (order.index(item[0][0]), -item[1]))
    ]
    show(table, ("grade", "why", "records"))
    line(
        "[green]✓[/green] ",
        plain(f"{len(places)} records in {output}: {located} with coordinates, {district} with district"),
    )
    if unsure:
        line("[yellow]![/yellow] ", plain(f"{unsure} cases to decide in {review}: write a key, or -, into `decision`"))


_WHY = {
    "house": "the house itself",
    "range": "in the register's range of numbers",
    "letter": "the number with another letter",
    "between": "between its neighbours",
    "street": "the number is not in the register",
    "number": "no house number said",
    "several": "several streets of this name",
    "unsure": "several streets alike",
    "unknown": "no such street in the register",
    "decided": "decided by people",
}
