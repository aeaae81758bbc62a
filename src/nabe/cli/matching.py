"""match: the streets of one dataset as keys of a register."""

from __future__ import annotations

import csv
import datetime as dt
import os
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from nabe.cli.common import AsJson, Workspace, actor_named, line, opened, plain, say, show
from nabe.cli.data import As, UseCaseOption
from nabe.cli.registers import postcode as postcode_of
from nabe.cli.registers import read_fields, roles_of, street_entries, text
from nabe.linking import Link, Outcome, Record, Register, address, read_review, write_review
from nabe.linking import match as matched
from nabe.model.dataset import RegisterOf
from nabe.model.usecase import OPEN_DATA


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(match)


def match(
    records: Annotated[str, typer.Argument(help="Dataset whose streets are looked up.")],
    street: Annotated[str, typer.Option(help="Its field with the street, or a whole address.")],
    register: Annotated[str, typer.Option(help="Dataset that is the register.")],
    name: Annotated[str, typer.Option(help="The register's field with the name; default: as it declares.")] = "",
    key: Annotated[str, typer.Option(help="The register's field with the key; default: as it declares.")] = "",
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
        given = {"name": name, "key": key, "postcode": its_code, "district": its_district, "former": alias}
        known = nabe.hub.dataset(asker, use_case, register).dataset
        roles = roles_of(known, RegisterOf.STREETS, given)
        entries = read_fields(nabe, asker, use_case, register, roles.fields).to_pylist()
        found = Register(street_entries(entries, roles, dt.datetime.now(dt.UTC).date()))
        asked = nabe.hub.dataset(asker, use_case, records).dataset
        identity = tuple(field for field in asked.key if field != street)
        rows = read_fields(nabe, asker, use_case, records, (*identity, street, mine_code, mine_district)).to_pylist()
    decided = read_review(review, found) if review else {}
    links = matched([_record(row, street, mine_code, mine_district) for row in rows], found, decided)
    _write(output, identity, street, rows, links)
    unsure = write_review(review, links, found, decided) if review else 0
    _tell(links, output, review, unsure, as_json=as_json)


def _both(option: str) -> tuple[str, str]:
    mine, _, its = option.partition("=")
    return mine, its or mine


def _record(row: dict[str, Any], street: str, postcode: str, district: str) -> Record:
    place = address(text(row[street]))
    return Record(place.street, postcode_of(row.get(postcode)) or place.postcode, text(row.get(district)), place.number)


def _write(path: Path, identity: tuple[str, ...], street: str, rows: list[dict[str, Any]], links: list[Link]) -> None:
    """The link table: whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*identity, street, "register_key", "outcome", "why"])
        for row, link in zip(rows, links, strict=True):
            told = [text(row[name]) for name in (*identity, street)]
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
