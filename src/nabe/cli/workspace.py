"""init, check, plan, apply, export, schema: the city's declarations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from nabe import manifest
from nabe.app import Nabe, adapters, load
from nabe.cli.common import AsJson, Workspace, err, find_root, line, opened, operator, plain, say
from nabe.cli.devices import declared_files
from nabe.errors import Invalid
from nabe.model.catalogue import Change, Snapshot
from nabe.model.names import hub_name


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (init, check, plan, apply, export, schema):
        app.command()(command)


def init(
    folder: Annotated[Path, typer.Argument(help="New workspace folder.")],
    id: Annotated[str, typer.Option(help="Id of the city; default: the folder's name.")] = "",
    title: Annotated[str, typer.Option(help="Name of the city in German.")] = "",
    ags: Annotated[str, typer.Option(help="Official municipality key, 8 digits.")] = "",
    land: Annotated[str, typer.Option(help="Bundesland, e.g. NW.")] = "",
    as_json: AsJson = False,
) -> None:
    """Begin a workspace: a folder of declarations to keep in git.

    [dim]nabe init musterdorf --title Musterdorf --ags 05999000 --land NW[/dim]
    """
    name = id or hub_name(folder.resolve().name).replace("_", "-")
    written = manifest.init(folder, name, title or folder.resolve().name, ags, land)
    names = [path.relative_to(folder).as_posix() for path in written]
    if as_json:
        say({"workspace": str(folder), "files": names})
        return
    line("[green]✓[/green] ", plain(f"{folder}: {', '.join(names)}"))
    line(plain(f"  Next: cd {folder} && nabe connect FILE --as NAME"))


def check(workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Look at all declarations and name every problem with file, line, field and what would be right.

    [dim]nabe check --json[/dim]
    """
    loaded = load(find_root(workspace))
    if as_json:
        say({"documents": len(loaded.nouns), "problems": [_problem(problem) for problem in loaded.problems]})
    else:
        _tell(loaded)
    if loaded.errors:
        raise typer.Exit(2)


def _problem(problem: manifest.Problem) -> dict[str, Any]:
    names = ("file", "line", "field", "message", "hint", "severity")
    return {name: getattr(problem, name) for name in names}


def _tell(loaded: manifest.Loaded) -> None:
    for problem in loaded.problems:
        mark = "[red]✗[/red]" if problem.severity is manifest.Severity.ERROR else "[yellow]![/yellow]"
        line(mark, " ", plain(problem), to=err)
    warnings = len(loaded.problems) - len(loaded.errors)
    colour = "red" if loaded.errors else "green"
    line(f"[{colour}]{len(loaded.nouns)} documents, {len(loaded.errors)} errors, {warnings} warnings[/{colour}]")


def plan(workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Show what `apply` would change.

    [dim]nabe plan -w ~/stadt[/dim]
    """
    with opened(workspace) as nabe:
        old, changes, loaded = _changes(nabe)
        if as_json:
            problems = [_problem(problem) for problem in loaded.errors]
            say({"version": old.version, "changes": [_change(old, change) for change in changes], "problems": problems})
        else:
            _tell_changes(old, changes)
        if loaded.errors:
            if not as_json:
                _tell(loaded)
            raise typer.Exit(2)


def _changes(nabe: Nabe) -> tuple[Snapshot, list[Change], manifest.Loaded]:
    loaded = load(nabe.root)
    old = nabe.catalogue.snapshot()
    nouns = manifest.with_consents(old, loaded.nouns)
    return old, manifest.difference(old, Snapshot.of(nouns)), loaded


def _change(old: Snapshot, change: Change) -> dict[str, Any]:
    before = old.get(change.kind, change.id)
    fields = manifest.changed_fields(before, change.noun) if before is not None and change.noun is not None else []
    what = "remove" if change.noun is None else ("change" if before is not None else "add")
    consents = manifest.consents(before, change.noun)
    return {"what": what, "kind": change.kind, "id": change.id, "fields": fields, "consents": consents}


def _tell_changes(old: Snapshot, changes: list[Change]) -> None:
    signs = {"add": "[green]+[/green]", "change": "[yellow]~[/yellow]", "remove": "[red]-[/red]"}
    for change in changes:
        item = _change(old, change)
        fields = f" ({', '.join(item['fields'])})" if item["fields"] else ""
        line(signs[item["what"]], plain(f" {item['kind']} {item['id']}{fields}"))
        for consent in item["consents"]:
            colour = "red" if consent.startswith("ends") else "yellow"
            line("    ", plain(consent, colour))
        if any(consent.startswith("ends") for consent in item["consents"]):
            line("    [dim]The data owner is asked again: in the portal, or by `nabe approve`.[/dim]")
    line(f"{len(changes)} changes to version {old.version}" if changes else "Nothing to change.")


def apply(
    workspace: Workspace = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put the declarations into force, all or none, after showing the plan.

    [dim]nabe apply --yes[/dim]
    """
    with opened(workspace) as nabe:
        old, changes, loaded = _changes(nabe)
        if loaded.errors:
            _tell(loaded)
            raise Invalid("Nothing was applied: the declarations have errors.", hint="`nabe check` lists them.")
        if not as_json:
            _tell_changes(old, changes)
        if changes and not yes:
            typer.confirm("Apply?", abort=True, err=as_json)
        # What is applied is what was shown, even if somebody saved a file meanwhile.
        version = _declare(nabe, old, changes)
        listed = declared_files(nabe)
        if as_json:
            say({"version": version, "changes": len(changes)} | ({"devices": listed} if listed else {}))
            return
        if changes:
            line(f"[green]✓[/green] version {version}")
        for words in listed:
            line("[green]✓[/green] ", plain(words))


def _declare(nabe: Nabe, old: Snapshot, changes: list[Change]) -> int:
    if not changes:
        return old.version
    return nabe.hub.declare(operator(old), changes, expect=old.version, approvals_from_files=True)


def apply_files(nabe: Nabe) -> int:
    """Declare what the workspace's files say, as the operator; the version in force afterwards."""
    old, changes, loaded = _changes(nabe)
    if loaded.errors:
        raise Invalid("The declarations have errors: " + "; ".join(str(item) for item in loaded.errors[:5]))
    version = _declare(nabe, old, changes)
    declared_files(nabe)
    return version


def export(
    folder: Annotated[Path, typer.Argument(help="Folder to write to; . for the workspace itself.")],
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Write the declarations in force as YAML, in the layout of a workspace.

    Into a workspace only what differs is written, where it stands, and comments are kept.

    [dim]nabe export /backup/stadt[/dim]
    [dim]nabe export .[/dim]
    """
    with opened(workspace) as nabe:
        snapshot = nabe.hub.nouns(operator(nabe.catalogue.snapshot()))
        if (folder / "nabe.yaml").is_file():
            done = manifest.update(folder, load(folder), snapshot.nouns())
        else:
            done = manifest.Updated(manifest.write(folder, snapshot.nouns(), manifest.server_block(nabe.root)))
    if as_json:
        others = [{"kind": kind, "id": id, "file": file} for kind, id, file in done.others]
        files = len(done.written)
        say({"folder": str(folder), "files": files, "version": snapshot.version, "not_in_force": others})
        return
    line("[green]✓[/green] ", plain(f"{len(done.written)} files in {folder} (version {snapshot.version})"))
    for kind, id, file in done.others:
        line("[yellow]![/yellow] ", plain(f"{file}: {kind} {id} is not in force and was left alone"))


def schema(
    kind: Annotated[
        str, typer.Argument(help="city, organisation, goal, vocabulary, profile, system, dataset or usecase.")
    ] = "",
    as_json: AsJson = True,
) -> None:
    """Print the JSON Schema of a kind of document (all kinds without an argument), for completion in editors.

    It holds the settings of every installed adapter.

    [dim]nabe schema dataset > dataset.schema.json[/dim]
    """
    schemas = manifest.with_adapters(manifest.json_schemas(), adapters())
    if kind and kind not in schemas:
        raise Invalid(f"There is no kind {kind!r}.", hint=f"Kinds: {', '.join(schemas)}.", field="kind")
    typer.echo(json.dumps(schemas[kind] if kind else schemas, ensure_ascii=False, indent=2))
