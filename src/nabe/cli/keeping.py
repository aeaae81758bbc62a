"""snapshot: copies of datasets in the lake; systems runs: what happened at silos on schedule and on demand."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nabe.app import Nabe
from nabe.cli.common import AsJson, Workspace, actor_named, done, line, opened, operator, plain, show
from nabe.errors import Conflict, Invalid
from nabe.model.lake import Run, RunState
from nabe.model.party import Actor
from nabe.quality import check_copy
from nabe.schedule import moment

As = Annotated[str, typer.Option("--as", help="Account on whose behalf.")]
_GOOD = (RunState.DONE, RunState.UNCHANGED)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Copies of datasets in the lake (snapshots).", no_args_is_help=True)
    group.command("run")(run)
    group.command("list")(listed)
    group.command("forget")(forget)
    app.add_typer(group, name="snapshot")


def run(
    datasets: Annotated[list[str] | None, typer.Argument(help="Datasets; none: all whose copy is due.")] = None,
    system: Annotated[str, typer.Option(help="All datasets of this system that are kept as copies.")] = "",
    everything: Annotated[
        bool, typer.Option("--all", help="All datasets that are kept as copies, due or not.")
    ] = False,
    actor: As = "operator",
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Take copies now; a silo that is unchanged is not read again. Exit code 2 if one failed.

    [dim]nabe snapshot run                      # what is due, as from cron[/dim]
    [dim]nabe snapshot run kitas --as kita-amt[/dim]
    [dim]nabe snapshot run --system gesundheit[/dim]
    """
    with opened(workspace) as nabe:
        asking = actor_named(nabe, actor)
        rows = [_taken(nabe, asking, name) for name in _wanted(nabe, asking, datasets or [], system, everything)]
    if not rows and not as_json:
        line("Nothing is due.")
        return
    show(rows, ("dataset", "state", "rows", "bytes", "seconds", "detail"), as_json=as_json)
    if not all(row["state"] in _GOOD for row in rows):
        raise typer.Exit(2)


def _wanted(nabe: Nabe, actor: Actor, named: list[str], system: str, everything: bool) -> list[str]:
    known = nabe.catalogue.snapshot()
    if named:
        if system or everything:
            raise Invalid("Name datasets, or --system, or --all.", field="DATASETS")
        return named
    if system and system not in known.systems:
        known_ones = ", ".join(known.systems)
        raise Invalid(f"There is no system {system!r}.", hint=f"Systems: {known_ones}.", field="--system")
    kept = [item for item in known.datasets.values() if item.snapshots is not None]
    if system or everything:
        found = [item.id for item in kept if not system or item.system == system]
        if not found:
            hint = "A dataset is kept as copies when it declares snapshots: {every: PT1H}."
            raise Invalid("No dataset is kept as copies there.", hint=hint, field="--system" if system else "--all")
        return found
    now = nabe.hub.now()
    return [item.dataset for item in nabe.hub.agenda(actor) if item.dataset and (item.at is None or item.at <= now)]


def _taken(nabe: Nabe, actor: Actor, dataset: str) -> dict[str, Any]:
    try:
        taken = nabe.hub.snapshot(actor, dataset)
        check_copy(nabe.hub, taken)
        return row(taken)
    except Conflict as error:
        return {
            "dataset": dataset,
            "state": "busy",
            "rows": None,
            "bytes": None,
            "seconds": None,
            "detail": error.detail,
        }


def row(item: Run) -> dict[str, Any]:
    """A run as a line of a table."""
    seconds = round((item.ended - item.started).total_seconds(), 2) if item.ended else None
    return {
        "started": item.started.isoformat(timespec="seconds"),
        "kind": item.kind,
        "system": item.system,
        "dataset": item.dataset or None,
        "state": item.state.value,
        "rows": item.rows if item.rows >= 0 else None,
        "bytes": item.bytes if item.bytes >= 0 else None,
        "seconds": seconds,
        "detail": item.detail,
    }


def listed(
    dataset: Annotated[str, typer.Argument(help="A dataset; none: the newest copy of each.")] = "",
    actor: As = "operator",
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Copies in the lake, and when the next one is due.

    [dim]nabe snapshot list kitas[/dim]
    """
    with opened(workspace) as nabe:
        asking = actor_named(nabe, actor)
        if dataset:
            rows = [_version(version) for version in nabe.hub.kept(asking, dataset).versions]
            columns: tuple[str, ...] = ("version", "at", "rows", "bytes")
        else:
            rows = [
                _newest(nabe, asking, item.id) for item in nabe.catalogue.snapshot().datasets.values() if item.snapshots
            ]
            columns = ("dataset", "version", "at", "rows", "bytes", "versions", "confirmed", "failures", "next", "why")
    show(rows, columns, as_json=as_json)


def _version(version: Any) -> dict[str, Any]:
    at = version.at.isoformat(timespec="microseconds")  # whole, so that it can be given to --as-of as it stands
    return {"version": version.number, "at": at, "rows": version.rows, "bytes": version.bytes}


def _newest(nabe: Nabe, actor: Actor, dataset: str) -> dict[str, Any]:
    kept = nabe.hub.kept(actor, dataset)
    newest = _version(kept.versions[0]) if kept.versions else {}
    standing = kept.standing
    return {
        "dataset": dataset,
        **newest,
        "versions": len(kept.versions),
        "confirmed": standing.confirmed.isoformat(timespec="seconds") if standing.confirmed else None,
        "failures": standing.failures,
        "next": kept.next.isoformat(timespec="seconds") if kept.next else "now",
        "why": standing.why,
    }


def forget(
    dataset: Annotated[str, typer.Argument(help="The dataset, also one that is not declared any more.")],
    before: Annotated[str, typer.Option(help="Only copies read before this day or moment.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    actor: As = "operator",
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Remove copies for good (retention, erasure). What is gone cannot come back.

    [dim]nabe snapshot forget sozialhilfe_personen --before 2026-01-01[/dim]
    """
    until = moment(before, field="--before", end=False) if before else None
    if not yes and not as_json:
        what = f"copies of {dataset} before {before}" if before else f"all copies of {dataset}"
        typer.confirm(f"Remove {what}?", abort=True)
    with opened(workspace) as nabe:
        gone = nabe.hub.forget(actor_named(nabe, actor), dataset, until)
    done(f"{gone} copies of {dataset} are gone", {"dataset": dataset, "removed": gone}, as_json)


def runs(
    system: Annotated[str, typer.Argument(help="A system; none: all.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 50,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """What happened at silos on schedule and on demand, newest first.

    [dim]nabe systems runs gesundheit[/dim]
    """
    with opened(workspace) as nabe:
        names = [system] if system else list(nabe.catalogue.snapshot().systems)
        actor = operator(nabe.catalogue.snapshot())
        found = [run for name in names for run in nabe.hub.runs(actor, name, limit)]
    rows = [row(run) for run in sorted(found, key=lambda run: -run.number)[:limit]]
    if not rows and not as_json:
        line(plain("Nothing happened yet: `nabe serve` works by schedule, `nabe snapshot run` at once."))
        return
    show(rows, ("started", "system", "kind", "dataset", "state", "rows", "bytes", "seconds", "detail"), as_json=as_json)
