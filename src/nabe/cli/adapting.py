"""adapter new, list, check, settings: kinds of silos, those that are there and new ones."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution, requires
from pathlib import Path
from typing import Annotated, Any

import typer

from nabe.app import adapter_entries
from nabe.cli.common import AsJson, Workspace, line, plain, say, show
from nabe.errors import Invalid
from nabe.manifest import Setting, models_of, settings_in


def register(app: typer.Typer) -> None:
    """Add the commands."""
    adapters = typer.Typer(help="Kinds of silos: what is installed, and writing new ones.", no_args_is_help=True)
    adapters.command("new")(new)
    adapters.command("list")(listed)
    adapters.command("check")(check)
    adapters.command("settings")(settings)
    app.add_typer(adapters, name="adapter")


def new(
    name: Annotated[str, typer.Argument(help="Id of the adapter: lower-case letters, digits and _.")],
    dir: Annotated[Path | None, typer.Option(help="Folder to make; default: nabe-adapter-NAME here.")] = None,
    kind: Annotated[str, typer.Option(help="How its silos are reached: http or file.")] = "http",
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Begin an adapter of your own: a small Python package with tests that are green.

    [dim]nabe adapter new ical --kind http[/dim]
    """
    from nabe.cli.adapter_new import write

    folder = dir or Path(f"nabe-adapter-{name.replace('_', '-')}")
    files = write(name, folder, kind)
    if as_json:
        say({"folder": str(folder), "files": [path.relative_to(folder).as_posix() for path in files]})
        return
    line("[green]✓[/green] ", plain(f"{folder}: {len(files)} files"))
    line(plain(f"  Next: cd {folder} && pip install -e . && pytest && nabe adapter check {name}"))


def listed(workspace: Workspace = None, as_json: AsJson = False) -> None:
    """List the installed adapters: title, where it comes from, which extras are missing, and why one cannot be loaded.

    [dim]nabe adapter list --json[/dim]
    """
    from nabe.testing.adapter_rules import manifest_of

    rows = []
    for entry in adapter_entries():
        manifest = manifest_of(entry)
        built_in = entry.value.startswith("nabe.adapters.")
        package = entry.dist.name if entry.dist is not None else ""
        try:
            entry.load()()
            problem = ""
        except Exception as error:  # whatever an adapter from elsewhere does, it is said here and not raised
            problem = f"{type(error).__name__}: {error}" if isinstance(error, ImportError) else type(error).__name__
        rows.append(
            {
                "id": entry.name,
                "title": manifest.get("title", {}),
                "built_in": built_in,
                "package": package,
                "version": entry.dist.version if entry.dist is not None else "",
                "missing_extras": [item for item in manifest.get("extras", []) if not _there(package, item)],
                "problem": problem,
            }
        )
    if as_json:
        say(rows)
        return
    for row in rows:
        row["from"] = "built in" if row["built_in"] else f"{row['package']} {row['version']}".strip()
        row["title"] = row["title"].get("en", "")
        row["missing extras"] = [f"{row['package']}[{item}]" for item in row["missing_extras"]]
    show(rows, ("id", "title", "from", "missing extras", "problem"))


def _there(package: str, extra: str) -> bool:
    """Is everything installed that this extra of a package brings?"""
    try:
        wanted = requires(package) or []
    except PackageNotFoundError:
        return False
    mark = re.compile(rf"extra\s*==\s*['\"]{re.escape(extra)}['\"]")
    names = [re.split(r"[^\w.-]", item, maxsplit=1)[0] for item in wanted if mark.search(item)]
    for name in names:
        try:
            distribution(name)
        except PackageNotFoundError:
            return False
    return bool(names)


def check(
    name: Annotated[str, typer.Argument(help="Id of the adapter.")],
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Check what can be seen of an adapter without a silo: files, manifest, quality sheet, settings, capabilities.

    [dim]nabe adapter check http_json[/dim]
    """
    from nabe.testing.adapter_rules import findings

    found = findings(name)
    wrong = [item for item in found if not item.remark]
    if as_json:
        say([{"rule": item.rule, "message": item.message, "remark": item.remark} for item in found])
    else:
        for item in found:
            line("[yellow]![/yellow] " if item.remark else "[red]✗[/red] ", plain(item))
        if not wrong:
            line(
                "[green]✓[/green] ", plain(f"{name} is as an adapter should be, as far as can be seen without its silo")
            )
    if wrong:
        raise typer.Exit(2)


def settings(
    name: Annotated[str, typer.Argument(help="Id of the adapter.")],
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """List what may stand in `connection` and `source` for an adapter, with defaults.

    [dim]nabe adapter settings file[/dim]
    """
    entry = next((item for item in adapter_entries() if item.name == name), None)
    if entry is None:
        known = ", ".join(item.name for item in adapter_entries())
        raise Invalid(f"There is no adapter {name!r}.", hint=f"Installed: {known}.", field="name")
    try:
        models = models_of(entry.load()())
    except Exception as error:
        raise Invalid(f"The adapter {name!r} cannot be loaded ({type(error).__name__}).", field="name") from None
    found = {what: list(settings_in(model)) if model else [] for what, model in zip(_PLACES, models, strict=True)}
    if as_json:
        say({what: [_row(item) for item in items] for what, items in found.items()})
        return
    for what, items in found.items():
        rows = [{**_row(item), "default": "(needed)" if item.required else item.default} for item in items]
        show(
            rows,
            ("name", "type", "default", "description"),
            f"{what} ({'of a system' if what == 'connection' else 'of a dataset'})",
        )
        line("")


_PLACES = ("connection", "source")


def _row(item: Setting) -> dict[str, Any]:
    return {name: getattr(item, name) for name in ("name", "type", "default", "required", "description")}
