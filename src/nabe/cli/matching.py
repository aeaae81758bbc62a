"""match: the streets of one dataset as keys of a register."""

from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from nabe.app import Nabe
from nabe.cli.common import AsJson, Workspace, actor_named, line, opened, plain, say, show, via
from nabe.cli.data import As, UseCaseOption
from nabe.errors import Invalid
from nabe.linking import Entry, Link, Outcome, Record, Register, address, read_review, write_review
from nabe.linking import match as matched
from nabe.model.party import Actor
from nabe.model.query import Query, Scan
from nabe.model.usecase import OPEN_DATA


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(match)


def match(
    records: Annotated[str, typer.Argument(help="Dataset whose streets are looked up.")],
    street: Annotated[str, typer.Option(help="Its field with the street, or a whole address.")],
    register: Annotated[str, typer.Option(help="Dataset that is the register.")],
    name: Annotated[str, typer.Option(help="The register's field with the name.")],
    key: Annotated[str, typer.Option(help="The register's field with the key.")],
    postcode: Annotated[str, typer.Option(help="Field with the postcode, in both; or MINE=ITS.")] = "",
    district: Annotated[str, typer.Option(help="Field with the district, in both; or MINE=ITS.")] = "",
    alias: Annotated[str, typer.Option(help="The register's field with a former or other name.")] = "",
    output: Annotated[Path, typer.Option("--output", "-o", help="Link table (CSV) to write.")] = Path("links.csv"),
    review: Annotated[Path | None, typer.Option(help="List of what is unsure; decisions in it are obeyed.")] = None,
    use_case: UseCaseOption = OPEN_DATA,
    actor: As = "anonymous",
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Find the register's key of each street; what is unsure goes on a list for people to decide.

    [dim]nabe match polling_places --street address --register streets --name name --key street_key[/dim]
    [dim]nabe match kitas --street strasse --register streets --name name --key key --postcode plz --review pruefliste.csv[/dim]
    """
    mine_code, its_code = _both(postcode)
    mine_district, its_district = _both(district)
    with opened(workspace) as nabe:
        asker = actor_named(nabe, actor)
        entries = _rows(nabe, asker, use_case, register, (key, name, its_code, its_district, alias))
        found = Register(
            Entry(_text(row[key]), _text(row[name]), _text(row.get(its_code)), _text(row.get(its_district)),
                  tuple(filter(None, (_text(row.get(alias)),))))
            for row in entries
            if row[key] is not None and row[name] is not None
        )  # fmt: skip
        asked = nabe.hub.dataset(asker, use_case, records).dataset
        identity = tuple(field for field in asked.key if field != street)
        rows = _rows(nabe, asker, use_case, records, (*identity, street, mine_code, mine_district))
    decided = read_review(review, found) if review else {}
    links = matched([_record(row, street, mine_code, mine_district) for row in rows], found, decided)
    _write(output, identity, street, rows, links)
    unsure = write_review(review, links, found, decided) if review else 0
    _tell(links, output, review, unsure, as_json=as_json)


def _both(option: str) -> tuple[str, str]:
    mine, _, its = option.partition("=")
    return mine, its or mine


def _rows(nabe: Nabe, asker: Actor, use_case: str, dataset: str, fields: tuple[str, ...]) -> list[dict[str, Any]]:
    """These fields of all rows, as the asker may read them."""
    named = tuple(dict.fromkeys(field for field in fields if field))
    known = nabe.hub.dataset(asker, use_case, dataset).dataset
    for field in named:
        if known.field(field) is None:
            hint = f"Its fields: {', '.join(item.name for item in known.fields)}."
            raise Invalid(f"Dataset {dataset!r} has no field {field!r}.", hint=hint, field=field)
    query = Query.of(Scan(dataset, named))
    rows: list[dict[str, Any]] = nabe.hub.read(asker, use_case, query, interface=via()).table().to_pylist()
    return rows


def _record(row: dict[str, Any], street: str, postcode: str, district: str) -> Record:
    place = address(_text(row[street]))
    return Record(place.street, _text(row.get(postcode)) or place.postcode, _text(row.get(district)), place.number)


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _write(path: Path, identity: tuple[str, ...], street: str, rows: list[dict[str, Any]], links: list[Link]) -> None:
    """The link table: whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*identity, street, "register_key", "outcome", "why"])
        for row, link in zip(rows, links, strict=True):
            told = [_text(row[name]) for name in (*identity, street)]
            writer.writerow([*told, link.key, link.outcome.value, link.why])
    draft.replace(path)


def _tell(links: list[Link], output: Path, review: Path | None, unsure: int, *, as_json: bool) -> None:
    counts = Counter((link.outcome.value, link.why) for link in links)
    if as_json:
        say({
            "records": len(links),
            "sure": sum(link.outcome is Outcome.SURE for link in links),
            "open": unsure,
            "outcomes": [{"outcome": outcome, "why": why, "records": count} for (outcome, why), count in counts.items()],
            "links": str(output),
            "review": str(review) if review else None,
        })  # fmt: skip
        return
    table = [
        {"outcome": outcome, "why": _WHY[why], "records": count}
        for (outcome, why), count in sorted(counts.items(), key=lambda item: (_ORDER.index(item[0][0]), -item[1]))
    ]
    show(table, ("outcome", "why", "records"))
    line("[green]✓[/green] ", plain(f"{len(links)} records in {output}"))
    if unsure:
        line("[yellow]![/yellow] ", plain(f"{unsure} cases to decide in {review}: write a key, or -, into `decision`"))
    elif review is None and any(link.outcome is Outcome.UNSURE for link in links):
        line("[dim]--review FILE lists what is unsure, for people to decide.[/dim]")


_ORDER = ("sure", "unsure", "none")
_WHY = {
    "same": "same name",
    "place": "same name, one in this place",
    "former": "former or other name",
    "cut": "name cut off",
    "alike": "alike",
    "decided": "decided by people",
    "several": "several streets of this name",
    "unknown": "nothing alike in the register",
}
