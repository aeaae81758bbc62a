"""What all commands share: the workspace, the operator, output."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from nabe.app import Nabe, open_workspace
from nabe.errors import Denied, Invalid, NabeError
from nabe.i18n import t
from nabe.model.catalogue import Snapshot
from nabe.model.party import ANONYMOUS, Actor, OrganisationKind, Role

Workspace = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="Workspace folder; default: the nearest one upwards with nabe.yaml."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]

out = Console(soft_wrap=False)
err = Console(stderr=True)


def find_root(given: Path | None) -> Path:
    """The workspace folder."""
    if given is not None:
        return given
    if from_env := os.environ.get("NABE_WORKSPACE"):
        return Path(from_env)
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "nabe.yaml").is_file():
            return folder
    raise Invalid("No workspace here.", hint="`nabe init FOLDER` makes one; -w FOLDER names one.", field="workspace")


def opened(given: Path | None) -> Nabe:
    """The opened workspace."""
    root = find_root(given)
    if not root.is_dir():
        raise Invalid(f"There is no folder {root}.", field="workspace")
    return open_workspace(root)


def operator(snapshot: Snapshot) -> Actor:
    """Whoever runs the command line on the city's own machine: IT of the municipality. The ledger names the OS user."""
    roots = [item for item in snapshot.organisations.values() if not item.parent]
    cities = [item for item in roots if item.kind is OrganisationKind.MUNICIPALITY] or roots
    home = cities[0].id if cities else ""
    return Actor(f"operator:{os_user()}", "Operator", home, frozenset({Role.IT}))


def os_user() -> str:
    """Name of the person at the keyboard."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def actor_named(nabe: Nabe, name: str) -> Actor:
    """`anonymous`, `operator`, or the account of that name."""
    if name in ("", ANONYMOUS.id):
        return ANONYMOUS
    if name == "operator":
        return operator(nabe.catalogue.snapshot())
    accounts = {actor.id: actor for actor in nabe.identity.accounts()}
    if name not in accounts:
        raise Invalid(
            f"There is no account {name!r}.",
            hint=f"Accounts: anonymous, operator, {', '.join(accounts)}.",
            field="--as",
        )
    return accounts[name]


def show(rows: Sequence[dict[str, Any]], columns: Sequence[str], title: str = "", *, as_json: bool = False) -> None:
    """Rows as a table, or as JSON."""
    if as_json:
        typer.echo(json.dumps(list(rows), ensure_ascii=False, default=str))
        return
    table = Table(title=title or None, title_justify="left", header_style="bold", show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    out.print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def say(body: Any) -> None:
    """One JSON object."""
    typer.echo(json.dumps(body, ensure_ascii=False, default=str))


def complain(error: NabeError) -> None:
    """One readable line, the reasons of a denial, and what to do."""
    err.print(f"[red]✗[/red] {error.detail}", highlight=False)
    if isinstance(error, Denied):
        for key, params in error.reasons:
            err.print(f"  · {t(f'reason.{key}', 'en', **params)}", highlight=False, markup=False)
    if error.hint:
        err.print(f"  → {error.hint}", highlight=False, markup=False)
