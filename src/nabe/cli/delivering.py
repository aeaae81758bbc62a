"""deliver: a data owner's new file for a dataset."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from nabe.cli.common import AsJson, Workspace, actor_named, done, line, opened, plain, say, via
from nabe.errors import Invalid
from nabe.i18n import t
from nabe.model.delivery import Delivery, Finding


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(deliver)


def deliver(
    dataset: Annotated[str, typer.Argument(help="Dataset whose file is replaced.")],
    file: Annotated[Path, typer.Argument(help="The new file.")],
    actor: Annotated[str, typer.Option("--as", help="Account of the data owner.")],
    check: Annotated[bool, typer.Option("--check", help="Only say what is in it; replace nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Replace without asking, if it fits.")] = False,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Replace a dataset's file by a new one, if it fits; the old one is kept.

    [dim]nabe deliver kitas kitas_2026.csv --as kita-amt --check[/dim]
    """
    if not file.is_file():
        raise Invalid(f"There is no file {str(file)!r}.", field="FILE")
    with opened(workspace) as nabe, file.open("rb") as content:
        owner = actor_named(nabe, actor)
        found = nabe.hub.deliver(owner, dataset, file.name, content, interface=via())
        if not as_json:
            _tell(found)
        takes = found.fits and not check and (yes or _asked(dataset))
        if takes:
            nabe.hub.take_delivery(owner, dataset, found.id, interface=via())
        elif found.fits:
            nabe.hub.drop_delivery(owner, dataset, found.id, interface=via())
    if as_json:
        say(document(found) | {"taken": takes})
    elif takes:
        done(f"{dataset}: {found.rows} rows from {file.name}", {}, False)
    if not found.fits:
        raise typer.Exit(2)


def _asked(dataset: str) -> bool:
    if not sys.stdin.isatty():
        raise Invalid("Nobody is there to agree.", hint="--yes replaces the file, --check only looks.", field="--yes")
    return typer.confirm(f"Replace the file of {dataset}?", err=True)


def _tell(found: Delivery) -> None:
    before = f" (before: {found.rows_before})" if found.rows_before is not None else ""
    line("  ", plain(f"{found.name}: {found.rows} rows{before}"))
    for mark, findings in (("[red]✗[/red]", found.flaws), ("[yellow]?[/yellow]", found.notes)):
        for item in findings:
            line(f"{mark} ", plain(_sentence(item)))
            if item.kind == "unreadable":
                line("  ", plain(f"{item.params['why']} {item.params['hint']}"))


def document(found: Delivery) -> dict[str, Any]:
    """A delivery as JSON, without its rows."""
    return {
        "dataset": found.dataset,
        "name": found.name,
        "bytes": found.size,
        "sha256": found.digest,
        "rows": found.rows,
        "rows_before": found.rows_before,
        "fits": found.fits,
        "flaws": [_finding(item) for item in found.flaws],
        "notes": [_finding(item) for item in found.notes],
    }


def _finding(item: Finding) -> dict[str, Any]:
    return {"kind": item.kind, "params": dict(item.params), "text": _sentence(item)}


def _sentence(item: Finding) -> str:
    return t(f"delivery.{item.kind}", "en", **item.params)
