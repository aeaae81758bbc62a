"""merge-registers: two directories of streets as one register, and the list of what people must decide."""

from __future__ import annotations

import csv
import datetime as dt
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from nabe.app import Nabe
from nabe.cli.common import AsJson, Workspace, actor_named, line, opened, plain, say, show
from nabe.cli.data import As, UseCaseOption
from nabe.cli.registers import read_fields, roles_of, street_entries
from nabe.errors import Invalid
from nabe.linking import Entry
from nabe.linking.merging import OTHER, SAME, Case, Merged, merge
from nabe.model.dataset import RegisterOf
from nabe.model.party import Actor
from nabe.model.usecase import OPEN_DATA

_CASES = ("why", "key", "name", "other_key", "other_name", "decision")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("merge-registers")(merge_registers)


def merge_registers(
    first: Annotated[str, typer.Argument(help="Register of streets whose names stand.")],
    second: Annotated[str, typer.Argument(help="Register of streets that is added.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Register (CSV) to write.")] = Path("register.csv"),
    review: Annotated[Path | None, typer.Option(help="List of what is unsure; decisions in it are obeyed.")] = None,
    use_case: UseCaseOption = OPEN_DATA,
    actor: As = "anonymous",
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Make one register of two directories of the same streets; both must be declared as registers.

    [dim]nabe merge-registers strassenverzeichnis strassenlayer --review pruefliste.csv -o data/strassen.csv[/dim]
    """
    with opened(workspace) as nabe:
        asker = actor_named(nabe, actor)
        ours, theirs = (_entries(nabe, asker, use_case, name) for name in (first, second))
    decided = _decisions(review) if review else {}
    made = merge(ours, theirs, decided)
    _write(output, made.entries)
    if review:
        _write_cases(review, made.cases, decided)
    _tell(made, output, review, as_json=as_json)


def _entries(nabe: Nabe, asker: Actor, use_case: str, dataset: str) -> list[Entry]:
    roles = roles_of(nabe.hub.dataset(asker, use_case, dataset).dataset, RegisterOf.STREETS, {})
    rows = read_fields(nabe, asker, use_case, dataset, roles.fields).to_pylist()
    return street_entries(rows, roles, dt.datetime.now(dt.UTC).date())


def _decisions(path: Path) -> dict[tuple[str, str], str]:
    if not path.exists():
        return {}
    made = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        for number, row in enumerate(csv.DictReader(file, delimiter=";"), 2):
            decision = (row.get("decision") or "").strip()
            if decision and decision not in (SAME, OTHER):
                raise Invalid(
                    f"{path.name}, line {number}: {decision[:40]!r} is no decision.",
                    hint=f"{SAME}: the same street; {OTHER}: another one.",
                    file=path.name,
                    line=number,
                )
            if decision:
                made[(row.get("key") or "", row.get("other_key") or "")] = decision
    return made


def _write(path: Path, entries: Sequence[Entry]) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["key", "name", "former", "postcode", "district"])
        for entry in sorted(entries, key=lambda item: item.key):
            writer.writerow([entry.key, entry.name, "; ".join(entry.aliases), entry.postcode, entry.district])
    draft.replace(path)


def _write_cases(path: Path, cases: Sequence[Case], decided: dict[tuple[str, str], str]) -> None:
    """What is open, and below it what was decided, so that the next run knows it still."""
    kept = [] if not decided or not path.exists() else _rows(path, decided)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(_CASES)
        writer.writerows([case.why, case.key, case.name, case.other_key, case.other_name, ""] for case in cases)
        writer.writerows(kept)
    draft.replace(path)


def _rows(path: Path, decided: dict[tuple[str, str], str]) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    return [
        [row.get(name) or "" for name in _CASES] for row in rows if (row.get("key"), row.get("other_key")) in decided
    ]


def _tell(made: Merged, output: Path, review: Path | None, *, as_json: bool) -> None:
    names = sum(case.why == "name" for case in made.cases)
    body = {"streets": len(made.entries), **made.counts, "other_name": names, "other_key": len(made.cases) - names}
    if as_json:
        say({**body, "register": str(output), "review": str(review) if review else None})
        return
    show([{"what": _WORDS[name], "streets": count} for name, count in body.items()], ("what", "streets"))
    line("[green]✓[/green] ", plain(f"{len(made.entries)} streets in {output}"))
    if made.cases and review:
        line(
            "[yellow]![/yellow] ", plain(f"{len(made.cases)} cases to decide in {review}: same, or -, into `decision`")
        )


_WORDS = {
    "streets": "in the register now",
    "common": "keys in both",
    "same_name": "of these with the same name",
    "alike": "of these with names alike: both kept",
    "first_only": "only in the first",
    "second_only": "only in the second",
    "other_name": "to decide: one key, two names",
    "other_key": "to decide: one name, two keys",
}
