"""init, check, plan, apply, export, schema: the city's declarations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nabe import manifest
from nabe.app import Nabe, load
from nabe.cli.common import AsJson, Workspace, err, find_root, opened, operator, out, say
from nabe.errors import Invalid
from nabe.model.catalogue import Change, Snapshot


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
    name = id or folder.resolve().name.lower().replace(" ", "-")
    written = manifest.init(folder, name, title or name.capitalize(), ags, land)
    names = [path.relative_to(folder).as_posix() for path in written]
    if as_json:
        say({"workspace": str(folder), "files": names})
        return
    out.print(f"[green]✓[/green] {folder}: {', '.join(names)}")
    out.print(f"  Next: cd {folder} && nabe connect FILE --as NAME", highlight=False)


def check(workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Look at all declarations and name every problem with file, line, field and what would be right."""
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
        err.print(mark, str(problem), highlight=False, markup=True, soft_wrap=True)
    warnings = len(loaded.problems) - len(loaded.errors)
    colour = "red" if loaded.errors else "green"
    out.print(f"[{colour}]{len(loaded.nouns)} documents, {len(loaded.errors)} errors, {warnings} warnings[/{colour}]")


def plan(workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Show what `apply` would change."""
    with opened(workspace) as nabe:
        old, changes, loaded = _changes(nabe)
        if as_json:
            say({"version": old.version, "changes": [_change(old, change) for change in changes]})
        else:
            _tell_changes(old, changes)
        if loaded.errors:
            _tell(loaded)
            raise typer.Exit(2)


def _changes(nabe: Nabe) -> tuple[Snapshot, list[Change], manifest.Loaded]:
    loaded = load(nabe.root)
    old = nabe.catalogue.snapshot()
    return old, manifest.difference(old, Snapshot.of(loaded.nouns)), loaded


def _change(old: Snapshot, change: Change) -> dict[str, Any]:
    before = old.get(change.kind, change.id)
    fields = manifest.changed_fields(before, change.noun) if before is not None and change.noun is not None else []
    what = "remove" if change.noun is None else ("change" if before is not None else "add")
    return {"what": what, "kind": change.kind, "id": change.id, "fields": fields}


def _tell_changes(old: Snapshot, changes: list[Change]) -> None:
    signs = {"add": "[green]+[/green]", "change": "[yellow]~[/yellow]", "remove": "[red]-[/red]"}
    for change in changes:
        item = _change(old, change)
        fields = f" ({', '.join(item['fields'])})" if item["fields"] else ""
        out.print(f"{signs[item['what']]} {item['kind']} {item['id']}{fields}", highlight=False)
    out.print(f"{len(changes)} changes to version {old.version}" if changes else "Nothing to change.", highlight=False)


def apply(
    workspace: Workspace = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put the declarations into force, all or none, after showing the plan."""
    with opened(workspace) as nabe:
        old, changes, loaded = _changes(nabe)
        if loaded.errors:
            _tell(loaded)
            raise Invalid("Nothing was applied: the declarations have errors.", hint="`nabe check` lists them.")
        if not as_json:
            _tell_changes(old, changes)
        if changes and not yes:
            typer.confirm("Apply?", abort=True)
        version = apply_files(nabe)
        if as_json:
            say({"version": version, "changes": len(changes)})
        elif changes:
            out.print(f"[green]✓[/green] version {version}")


def apply_files(nabe: Nabe) -> int:
    """Declare what the workspace's files say, as the operator; the version in force afterwards."""
    old, changes, loaded = _changes(nabe)
    if loaded.errors:
        raise Invalid("The declarations have errors: " + "; ".join(str(item) for item in loaded.errors[:5]))
    if not changes:
        return old.version
    return nabe.hub.declare(operator(old), changes, expect=old.version, approvals_from_files=True)


def export(
    folder: Annotated[Path, typer.Argument(help="Folder to write to.")],
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Write the declarations in force as YAML, in the layout of a workspace."""
    with opened(workspace) as nabe:
        snapshot = nabe.hub.nouns(operator(nabe.catalogue.snapshot()))
        server = manifest.server_block(nabe.root)
    written = manifest.write(folder, snapshot.nouns(), server)
    if as_json:
        say({"folder": str(folder), "files": len(written), "version": snapshot.version})
    else:
        out.print(f"[green]✓[/green] {len(written)} files in {folder} (version {snapshot.version})", highlight=False)


def schema(
    kind: Annotated[str, typer.Argument(help="city, organisation, goal, vocabulary, system, dataset or usecase.")] = "",
) -> None:
    """Print the JSON Schema of a kind of document (all kinds without an argument), for completion in editors."""
    schemas = manifest.json_schemas()
    if kind and kind not in schemas:
        raise Invalid(f"There is no kind {kind!r}.", hint=f"Kinds: {', '.join(schemas)}.", field="kind")
    say(schemas[kind] if kind else schemas)
