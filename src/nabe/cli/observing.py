"""load, compact: many observations at once, and the files that they lie in."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from nabe.app import Nabe
from nabe.cli.backfill import Mapping, tables
from nabe.cli.common import AsJson, Workspace, actor_named, done, err, opened, via
from nabe.errors import Invalid


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(load)
    app.command()(compact)


def load(
    files: Annotated[list[Path], typer.Argument(help="CSV or Parquet files.")],
    dataset: Annotated[str, typer.Option(help="Dataset that the streams belong to.")],
    stream: Annotated[str, typer.Option(help="All rows belong to this Datastream (id or name).")] = "",
    column: Annotated[
        list[str] | None,
        typer.Option("--column", "-c", help="WHAT=NAME: which column holds what; see `nabe load --help`."),
    ] = None,
    zone: Annotated[str, typer.Option(help="Time zone of times that name none, as in Europe/Berlin.")] = "",
    decimal: Annotated[str, typer.Option(help="Decimal sign of numbers in CSV.")] = ".",
    actor: Annotated[str, typer.Option("--as", help="Account that writes.")] = "operator",
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Load old observations, all or none: millions a second, past the way that single ones take.

    WHAT is stream (id or name of a Datastream), time, until, result, resultTime, parameters, resultQuality, feature. Without
    --column, columns are found by their usual names (datastream, phenomenonTime, timestamp, value …).

    [dim]nabe load 2024.csv 2025.csv --dataset luft -c stream=station -c time=zeit -c result=wert --zone Europe/Berlin[/dim]
    [dim]nabe load history.parquet --dataset luft --stream 17[/dim]
    """
    for path in files:
        if not path.is_file():
            raise Invalid(f"There is no file {str(path)!r}.", field="FILE")
    with opened(workspace) as nabe:
        writer = actor_named(nabe, actor)
        streams = nabe.hub.sensing.writable_streams(writer, dataset)
        mapping = Mapping.of(column or [], stream, zone, decimal, streams)
        start = time.perf_counter()
        with _bar(as_json) as bar:
            task = bar.add_task("Loading", total=sum(path.stat().st_size for path in files), rows=0)

            def read() -> Iterator[pa.Table]:
                for path in files:
                    for table, size in tables(path, mapping):
                        yield table
                        bar.advance(task, size)

            count = nabe.hub.sensing.load(
                writer, dataset, read(), lambda rows: bar.update(task, rows=rows), interface=via()
            )
        seconds = time.perf_counter() - start
    body = {"dataset": dataset, "rows": count, "seconds": round(seconds, 3), "files": len(files)}
    done(f"{count:,} observations loaded into {dataset} in {seconds:.1f} s", body, as_json)


def compact(
    whole: Annotated[bool, typer.Option("--whole", help="Everything, not only what is due; erases for good.")] = False,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Move fresh observations into history, merge its files, and erase what was removed. The server does it by itself when it
    is due; after a demand for erasure, `--whole` does it now.

    [dim]nabe compact --whole[/dim]
    """
    with opened(workspace) as nabe:
        before = nabe.observations.state()
        start = time.perf_counter()
        with _bar(as_json) as bar:
            task = bar.add_task("Compacting", total=1.0, rows=before["rows"])
            nabe.observations.compact(lambda part: bar.update(task, completed=part), whole=whole)
        after = nabe.observations.state()
        seconds = time.perf_counter() - start
    body = {"before": before, "after": after, "seconds": round(seconds, 3)}
    text = f"{after['rows']:,} observations in {after['files']} files, {after['bytes'] / 1e6:,.1f} MB, {seconds:.1f} s"
    done(text, body, as_json)


def observed(nabe: Nabe) -> Iterator[dict[str, Any]]:
    """What `nabe doctor` says of the store."""
    state = nabe.observations.state()
    size = state["bytes"] / max(state["rows"], 1)
    detail = f"{state['rows']:,} rows, {state['fresh']:,} of them fresh, {state['files']} files, {size:.1f} bytes a row"
    yield {"check": "observations", "ok": True, "detail": detail if state["rows"] else "none yet"}


def _bar(quiet: bool) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=err, transient=True, disable=quiet or not sys.stderr.isatty())
