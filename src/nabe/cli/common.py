"""What all commands share: the workspace, the operator, output."""

from __future__ import annotations

import difflib
import getpass
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

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

#: Where nobody looks at a screen, tables are as wide as they need to be.
_NO_SCREEN = 400
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

out = Console(width=None if sys.stdout.isatty() else _NO_SCREEN)
err = Console(stderr=True)


def plain(value: object, style: str = "") -> Text:
    """Text that a terminal shows as it is: no markup of ours, no control characters that data may hold."""
    return Text(_CONTROL.sub("\ufffd", str(value)), style)


def line(*parts: str | Text, to: Console = out) -> None:
    """One line, never folded. Strings are ours and may hold markup; what came from elsewhere is `plain`."""
    whole = Text()
    for part in parts:
        whole.append_text(Text.from_markup(part) if isinstance(part, str) else part)
    to.print(whole, soft_wrap=True, highlight=False)


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


def via() -> str:
    """What the ledger says of a question asked here: the operator may ask as anybody, but not unseen."""
    return f"cli by {os_user()}"


def actor_named(nabe: Nabe, name: str) -> Actor:
    """`anonymous`, `operator`, the account of that name, or a person whom a use case names (without roles)."""
    if name in ("", ANONYMOUS.id):
        return ANONYMOUS
    if name == "operator":
        return operator(nabe.catalogue.snapshot())
    accounts = {actor.id: actor for actor in nabe.identity.accounts()}
    if name in accounts:
        return accounts[name]
    cases = nabe.catalogue.snapshot().usecases.values()
    if any(member.person == name for case in cases for member in case.members):
        return Actor(name, name)
    known = [ANONYMOUS.id, "operator", *accounts]
    close = difflib.get_close_matches(name, known, 1)
    hint = f"Did you mean {close[0]!r}?" if close else f"Accounts: {', '.join(known[:20])}."
    raise Invalid(f"There is no account {name!r}.", hint=hint, field="--as")


def show(rows: Sequence[dict[str, Any]], columns: Sequence[str], title: str = "", *, as_json: bool = False) -> None:
    """Rows as a table, or as JSON."""
    if as_json:
        say(list(rows))
        return
    heading = plain(title) if title else None
    table = Table(title=heading, title_justify="left", header_style="bold", show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    out.print(table)


def _cell(value: Any) -> Text:
    if value is None:
        return Text()
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    return plain(", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value)


def say(body: Any) -> None:
    """One JSON value."""
    typer.echo(json.dumps(body, ensure_ascii=False, default=_jsonable))


def _jsonable(value: Any) -> str:
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)


def done(text: object, body: Any, as_json: bool) -> None:
    """A command did what it was asked to: a tick and `text`, or `body`."""
    if as_json:
        say(body)
    else:
        line("[green]✓[/green] ", plain(text))


def complain(error: NabeError) -> None:
    """One readable line, the reasons of a denial, and what to do."""
    where = getattr(error, "where", "")
    line("[red]✗[/red] ", plain(f"{error.detail} ({where})" if where else error.detail), to=err)
    if isinstance(error, Denied):
        for key, params in error.reasons:
            line("  · ", plain(t(f"reason.{key}", "en", **params)), to=err)
    if error.hint:
        line("  → ", plain(error.hint), to=err)
