"""query, explain, datasets, systems: asking the hub."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import typer
from rich.table import Table
from rich.text import Text

from nabe.app import Nabe
from nabe.cli import keeping
from nabe.cli.common import AsJson, Workspace, actor_named, err, line, opened, operator, out, plain, say, show, via
from nabe.errors import Invalid
from nabe.formats import FORMATS, write
from nabe.governance.explain import headline, reasons
from nabe.i18n import date, number
from nabe.model.dataset import System
from nabe.model.query import Query, Scan
from nabe.model.result import Result
from nabe.model.schema import is_geometry
from nabe.model.usecase import OPEN_DATA
from nabe.schedule import moment

As = Annotated[str, typer.Option("--as", help="Account that asks; `anonymous` for the public.")]
UseCaseOption = Annotated[str, typer.Option("--use-case", "-u", help="Use case for which the data are needed.")]
_SHOWN = 1000


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(query)
    app.command()(explain)
    for name, command, text in (("datasets", datasets, "Datasets."), ("systems", systems, "Systems (silos).")):
        group = typer.Typer(help=text, no_args_is_help=True)
        group.command("list")(command)
        if name == "systems":
            group.command("runs")(keeping.runs)
        app.add_typer(group, name=name)


def query(
    sql: Annotated[str, typer.Argument(help="A SELECT over datasets; - reads it from standard input.")],
    use_case: UseCaseOption = OPEN_DATA,
    actor: As = "anonymous",
    format: Annotated[str, typer.Option("--format", "-f", help=f"table, {', '.join(FORMATS)}.")] = "table",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to a file.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="At most so many rows.")] = None,
    as_of: Annotated[str, typer.Option(help="As it was on this day or at this time, from copies in the lake.")] = "",
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Ask a question across silos.

    [dim]nabe query "SELECT district, count(*) FROM kitas GROUP BY 1" --as anonymous[/dim]
    [dim]nabe query "SELECT * FROM kita_supply_by_district" -u kita_supply --as sozialplanung -f csv -o kitas.csv[/dim]
    [dim]nabe query "SELECT count(*) FROM doctors" --as-of 2026-11-01[/dim]
    """
    if as_json:
        format = "json"
    if format == "table" and output is not None:
        format = output.suffix.lstrip(".").lower()
    if format != "table" and format not in FORMATS:
        raise Invalid(
            f"There is no format {format!r}.", hint=f"Formats: table, {', '.join(FORMATS)}.", field="--format"
        )
    text = sys.stdin.read() if sql == "-" else sql
    with opened(workspace) as nabe:
        then = moment(as_of, field="--as-of") if as_of else None
        result = nabe.hub.read(actor_named(nabe, actor), use_case, text, interface=via(), as_of=then)
        _say_age(result)
        if limit is not None:
            result = _first(result, limit)
        if format == "table":
            _table(result)
        elif output is not None:
            _to_file(result, format, output)
        else:
            for piece in write(result, format):
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()


def _say_age(result: Result) -> None:
    """On standard error, so that it does not get into the rows."""
    for item in result.sources:
        if item.stale_since is not None:
            text = (
                f"{item.dataset}: its system {item.system} does not answer; as of {item.stale_since:%Y-%m-%d %H:%M} UTC"
            )
            line("[yellow]![/yellow] ", plain(text), to=err)


def _first(result: Result, rows: int) -> Result:
    """No more than so many rows; the silos are told to stop."""

    def batches() -> Iterator[pa.RecordBatch]:
        left = rows
        for batch in result.batches:
            yield batch.slice(0, left)
            left -= batch.num_rows
            if left <= 0:
                break
        result.close()

    return dataclasses.replace(result, batches=batches())


def _to_file(result: Result, format: str, path: Path) -> None:
    """A file that is there is replaced only when the answer is whole."""
    fresh = path.with_name(f".{path.name}.part")
    try:
        with fresh.open("wb") as file:
            for piece in write(result, format):
                file.write(piece)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _table(result: Result) -> None:
    table = Table(header_style="bold", show_edge=False, pad_edge=False)
    for field in result.schema:
        right = str(field.type) in ("int64", "double")
        table.add_column(plain(field.name), justify="right" if right else "left", overflow="fold")
    rows = 0
    try:
        for batch in result.batches:
            for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                if rows < _SHOWN:
                    table.add_row(*map(_shown, values, result.schema))
                rows += 1
            if rows > _SHOWN:
                break
    finally:
        result.close()
    out.print(table)
    more = f"first {_SHOWN} rows; --format csv gives all" if rows > _SHOWN else f"{rows} rows"
    line(f"[dim]{more}[/dim]")


def _shown(value: Any, field: Any) -> Text:
    """A value as a cell: what silos hold is never taken for markup or for orders to the terminal."""
    if value is None:
        return Text("·", "dim")
    if is_geometry(field):
        return Text("geometry", "dim")
    if isinstance(value, float):
        return Text(number(value, "en"))
    return Text(date(value, "en")) if hasattr(value, "isoformat") else plain(value)


def explain(
    what: Annotated[str, typer.Argument(help="A dataset, or a SELECT.")],
    use_case: UseCaseOption = OPEN_DATA,
    actor: As = "anonymous",
    lang: Annotated[str, typer.Option(help="de or en.")] = "de",
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Say why access is permitted or not, and who would compute what.

    [dim]nabe explain sozialhilfe_haushalte --as sozialplanung --use-case kita_supply[/dim]
    """
    with opened(workspace) as nabe:
        question = what if len(what.split()) > 1 else Query.of(Scan(what.strip()))
        found = nabe.hub.explain(actor_named(nabe, actor), use_case, question)
    if as_json:
        say(
            {
                "permit": found.permit,
                "decisions": [
                    {
                        "dataset": item.request.dataset,
                        "permit": item.permit,
                        "id": item.id,
                        "reasons": [vars_of(reason) for reason in reasons(item, lang)],
                    }
                    for item in found.decisions
                ],
                "readable": {name: list(fields) for name, fields in found.readable},
                "plan": list(found.plan),
            }
        )
    else:
        for decision in found.decisions:
            mark = "[green]✓[/green]" if decision.permit else "[red]✗[/red]"
            line(mark, " ", plain(headline(decision, lang)))
            for reason in reasons(decision, lang):
                line("  · ", plain(reason.text), plain(f" ({reason.law})" if reason.law else "", "dim"))
        for name, fields in found.readable:
            if fields:
                line("  ", plain(f"{name}: {', '.join(fields)}"))
        for step in found.plan:
            line("  ", plain(step, "dim"))
    if not found.permit:
        raise typer.Exit(2)


def vars_of(reason: Any) -> dict[str, str]:
    """A reason as a mapping."""
    return {"effect": reason.effect, "policy": reason.policy, "text": reason.text, "law": reason.law}


def datasets(
    text: Annotated[str, typer.Argument(help="Words to search for.")] = "",
    use_case: UseCaseOption = OPEN_DATA,
    actor: As = "operator",
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Datasets that the account may know of, and whether it may read them for the use case.

    [dim]nabe datasets list kita --as sozialplanung -u kita_supply[/dim]
    """
    with opened(workspace) as nabe:
        found = nabe.hub.find(actor_named(nabe, actor), use_case, text=text)
    rows = [
        {
            "id": item.dataset.id,
            "title": item.dataset.title.in_("de"),
            "access": item.dataset.access.value,
            "owner": item.dataset.owner,
            "system": item.dataset.system
            or f"product of {item.dataset.product.use_case if item.dataset.product else ''}",
            "readable": item.decision.permit,
        }
        for item in found
    ]
    show(rows, ("id", "title", "access", "owner", "system", "readable"), as_json=as_json)


def states(nabe: Nabe) -> dict[str, str]:
    """Silo -> `ok`, or why it cannot be reached; all are asked at the same time."""

    def state(system: System) -> str:
        try:
            nabe.reach.call(system.id, system.limits.timeout_s, lambda: nabe.sources.open(system.id).check())
        except Exception as error:
            return str(getattr(error, "detail", type(error).__name__))
        return "ok"

    systems = list(nabe.catalogue.snapshot().systems.values())
    with ThreadPoolExecutor(max_workers=8) as pool:
        return dict(zip((system.id for system in systems), pool.map(state, systems), strict=True))


def systems(workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Silos, and whether each can be reached right now.

    [dim]nabe systems list --json[/dim]
    """
    with opened(workspace) as nabe:
        snapshot, found = nabe.catalogue.snapshot(), states(nabe)
        rows = [
            {
                "id": system.id,
                "title": system.title.in_("de"),
                "adapter": system.adapter,
                "datasets": sum(item.system == system.id for item in snapshot.datasets.values()),
                "state": found[system.id],
                **_schedule_of(nabe, system.id),
            }
            for system in snapshot.systems.values()
        ]
    show(rows, ("id", "title", "adapter", "datasets", "state", "last", "next"), as_json=as_json)


def _schedule_of(nabe: Nabe, system: str) -> dict[str, str | None]:
    """How the last run ended, and when the next is due."""
    actor = operator(nabe.catalogue.snapshot())
    runs = nabe.hub.runs(actor, system, 1)
    times = [item.at for item in nabe.hub.agenda(actor) if item.system == system]
    soonest = min(times, key=lambda at: (at is not None, at), default=None)
    said = (soonest.isoformat(timespec="seconds") if soonest else "now") if times else None
    last = f"{runs[0].started.isoformat(timespec='seconds')} {runs[0].state.value}" if runs else None
    return {"last": last, "next": said}
