"""connect: look into a source and propose its declaration."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from nabe import manifest
from nabe.app import adapter_context, adapters, load, secret_resolver
from nabe.cli.common import AsJson, Workspace, err, find_root, line, plain, say, show
from nabe.config import state_folder
from nabe.errors import Conflict, Invalid
from nabe.manifest import DATASET_ID, Loaded
from nabe.model.catalogue import Noun, Snapshot
from nabe.model.dataset import System
from nabe.model.names import hub_name
from nabe.model.text import Text
from nabe.profile import Proposal, propose, read_sketches, with_given, write_sketches
from nabe.quality import what

#: Tables shown when there is a choice.
_LISTED = 100
#: Letters of a dataset's id, less three for a number that tells two tables apart.
_LONGEST_ID = 60


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(connect)


def connect(
    source: Annotated[
        str,
        typer.Argument(
            help="Path, glob, http(s) address, sftp://…, webdavs://…, s3://…, imaps://…, postgresql://…, mysql://…, sqlite:///…."
        ),
    ],
    id: Annotated[str, typer.Option("--as", help="Id of the dataset; with several tables: the prefix.")],
    table: Annotated[list[str], typer.Option("--table", "-t", help="Table, sheet or layer; repeatable.")] = [],  # noqa: B006
    every: Annotated[bool, typer.Option("--all", help="Every table, each as a dataset document.")] = False,
    given: Annotated[
        list[str], typer.Option("--set", help="NAME=VALUE of `source`, e.g. header_row=3; repeatable.")
    ] = [],  # noqa: B006
    adapter: Annotated[
        str, typer.Option(help="Kind of silo, if it is not to be found out; see `nabe adapter list`.")
    ] = "",
    owner: Annotated[str, typer.Option(help="Organisation it belongs to; default: the municipality.")] = "",
    system: Annotated[str, typer.Option(help="System it is part of; default: one named like the dataset.")] = "",
    lang: Annotated[str, typer.Option(help="Language of the findings: de or en.")] = "de",
    yes: Annotated[bool, typer.Option("--yes", "--force", "-y", help="Replace documents that are there.")] = False,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Sniff a source and write a dataset document for review. Nothing is published by it.

    Several tables are listed, for you to choose by --table or --all. What --set says goes before what is found out.

    [dim]nabe connect data/kitas.csv --as kitas --set header_row=3[/dim]
    [dim]nabe connect postgresql://reader:${DB_PASSWORD}@db/social --as social --table cases[/dim]
    """
    root = find_root(workspace)
    loaded = load(root)
    declared = Snapshot.of(loaded.nouns)
    state = state_folder(root)
    context = adapter_context(root, "connect", declared)
    adapter_id, connection = _sniff(source, adapter, context)
    settings = manifest.given_settings(adapters()[adapter_id], given)
    probe = with_given(adapters()[adapter_id].probe(connection, secret_resolver(root), context), settings)
    tables = _tables(probe.discover(), table, every, as_json)
    holder = _system(declared, system or id, adapter_id, connection, owner or _municipality(declared))
    ids = _ids(id, tables)
    _may_write(loaded, holder, list(ids.values()), yes)
    proposals = [_propose(probe, name, ids[name], holder, state, as_json) for name in tables]
    if settings:
        _fit(adapters()[adapter_id], holder, proposals)
    nouns: list[Noun] = [holder, *(proposal.dataset for proposal in proposals)]
    written = manifest.update(root, loaded, nouns).written
    for proposal in proposals:
        write_sketches(state, proposal.sketch, dataset=proposal.dataset.id)
    if as_json:
        say(
            {
                "system": holder.id,
                "files": [path.relative_to(root).as_posix() for path in written],
                "datasets": [
                    {"id": item.dataset.id, "findings": [finding.document(lang) for finding in item.findings]}
                    for item in proposals
                ],
            }
        )
        return
    for proposal in proposals:
        _tell(proposal, lang)
    for path in written:
        line("[green]✓[/green] ", plain(path.relative_to(root)))
    line("  Look at it, then: nabe check && nabe apply")


def _sniff(source: str, wanted: str, context: Any) -> tuple[str, Mapping[str, Any]]:
    known = adapters()
    if wanted and wanted not in known:
        raise Invalid(
            f"There is no adapter {wanted!r}.", hint=f"Installed: {', '.join(sorted(known))}.", field="--adapter"
        )
    for adapter_id in [wanted] if wanted else known:  # the pickiest first: a standard's interface is JSON, too
        connection = known[adapter_id].sniff(source, context)
        if connection is not None:
            return adapter_id, connection
    if wanted:
        raise Invalid(f"The adapter {wanted!r} does not read this source.", field="SOURCE")
    raise Invalid(
        "No adapter knows this kind of source.",
        hint="A file, glob, http(s) address, or sftp:// webdavs:// s3:// imaps:// postgresql:// mysql:// sqlite:/// is expected.",
        field="SOURCE",
    )


def _tables(found: list[str], wanted: list[str], every: bool, as_json: bool) -> list[str]:
    """The tables to connect; several are a choice that the operator makes."""
    for name in wanted:
        if name not in found:
            raise Invalid(f"There is no table {name!r}.", hint=_near(name, found), field="--table")
    if not found:
        raise Invalid("There is no table in it.", field="SOURCE")
    if wanted or every or len(found) == 1:
        return list(dict.fromkeys(wanted)) or found
    if as_json:
        say({"tables": found})
    else:
        for name in found[:_LISTED]:
            line("  ", plain(name))
        if len(found) > _LISTED:
            line(plain(f"  … and {len(found) - _LISTED} more (--json lists all)"))
    raise Invalid(
        f"There are {len(found)} tables: which one?",
        hint="--table NAME (repeatable), or --all for a dataset document of each.",
        field="--table",
    )


def _near(name: str, found: list[str]) -> str:
    near = difflib.get_close_matches(name, found, 1)
    return (
        f"Did you mean {near[0]!r}?"
        if near
        else f"There are: {', '.join(found[:40])}{' …' if len(found) > 40 else ''}."
    )


def _fit(adapter: Any, system: System, proposals: list[Proposal]) -> None:
    """What was set must fit together with what was found."""
    for proposal in proposals:
        wrong = adapter.check_dataset(system, proposal.dataset)
        if wrong:
            raise Invalid(f"--set does not fit: {wrong[0]}", hint="`nabe adapter settings` tells more.", field="--set")


def _ids(id: str, tables: list[str]) -> dict[str, str]:
    """An id of its own for each table: `--as` itself, or with the table's name behind it."""
    if len(tables) == 1:
        return {tables[0]: id}
    taken: set[str] = set()
    ids = {}
    for name in tables:
        room = max(_LONGEST_ID - len(id) - 1, 8)
        ids[name] = f"{id}_{hub_name(manifest_id(name)[:room].rstrip('_'), taken)}"
        taken.add(ids[name].removeprefix(f"{id}_"))
    return ids


def manifest_id(name: str) -> str:
    """A table's name as part of a dataset id."""
    return hub_name(name.rsplit("/", 1)[-1])


def _municipality(declared: Snapshot) -> str:
    roots = [item.id for item in declared.organisations.values() if not item.parent]
    if not roots:
        raise Invalid(
            "No organisation is declared.", hint="Add one in organisations/, or name --owner.", field="--owner"
        )
    return roots[0]


def _system(declared: Snapshot, id: str, adapter: str, connection: Mapping[str, Any], owner: str) -> System:
    """The declared system if it holds this connection, else a new one."""
    found = declared.systems.get(id)
    if found is not None and found.adapter == adapter and dict(found.connection) == dict(connection):
        return found
    if owner not in declared.organisations:
        known = ", ".join(declared.organisations)
        raise Invalid(f"There is no organisation {owner!r}.", hint=f"Known: {known}.", field="--owner")
    if found is not None:
        raise Conflict(f"System {id!r} is declared with another connection.", hint="Name another with --system.")
    title = id.replace("_", " ").capitalize()
    return System(id, Text(title), adapter, owner, dict(connection))


def _propose(probe: Any, table: str, id: str, system: System, state: Path, quiet: bool) -> Proposal:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=quiet or not sys.stderr.isatty()) as bar:
        task = bar.add_task(f"Reading {table}", total=1.0)
        return propose(
            probe,
            table,
            id=id,
            owner=system.owner,
            system=system.id,
            known=read_sketches(state),
            progress=lambda share: bar.update(task, completed=share),
        )


def _may_write(loaded: Loaded, system: System, ids: list[str], yes: bool) -> None:
    """Before anything is read: nothing is replaced unasked, and no secret gets into a file."""
    for id in ids:
        if not re.fullmatch(DATASET_ID, id):
            hint = "Lower-case letters, digits and _, a letter first, at most 63."
            raise Invalid(f"{id!r} is no id for a dataset.", hint=hint, field="--as")
        file = loaded.places.get(("dataset", id))
        if file is None or yes or (sys.stdin.isatty() and typer.confirm(f"Replace {id} in {file}?", err=True)):
            continue
        raise Conflict(f"Dataset {id!r} is declared already.", hint="--yes replaces it, --as names another.")
    if manifest.clear_secrets(system.connection):
        hint = (
            "Put it into an environment variable and write ${ITS_NAME} in its place (in single quotes, for the shell)."
        )
        raise Invalid("The source holds a password in clear, which would get into a file.", hint=hint, field="SOURCE")


def _tell(proposal: Proposal, lang: str) -> None:
    dataset = proposal.dataset
    rows = [
        {
            "field": field.name,
            "type": field.type.value,
            "title": field.title.in_(lang),
            "unit": field.unit,
            "personal": "!" if field.personal else "",
            "refers to": f"{field.references.dataset}.{field.references.field}" if field.references else "",
        }
        for field in dataset.fields
    ]
    heading = (
        f"{dataset.id}: {dataset.title.in_(lang)} · access {dataset.access.value} · key {', '.join(dataset.key) or '-'}"
    )
    show(rows, ("field", "type", "title", "unit", "personal", "refers to"), heading)
    marks = {"info": "[dim]·[/dim]", "check": "[yellow]?[/yellow]", "warning": "[red]![/red]"}
    for finding in proposal.findings:
        place = f"{finding.field}: " if finding.field else ""
        line(marks.get(str(finding.severity), "·"), " ", plain(f"{place}{finding.text(lang)}"))
    for rule in dataset.quality:
        line("[dim]≙[/dim] ", plain(f"{rule.id}: {what(rule, dataset, lang)}"))
