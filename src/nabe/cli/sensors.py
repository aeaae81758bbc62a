"""sensors: what sensors say now, and which of them are silent."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text as Line

from nabe.app import Nabe
from nabe.cli.common import AsJson, Workspace, actor_named, line, opened, out, plain, say, via
from nabe.cli.data import As, UseCaseOption
from nabe.errors import Invalid
from nabe.model.entities import EntityPage, EntityQuery, EntityRow, EntityType, Expansion
from nabe.model.party import Actor
from nabe.model.pulse import NEWEST, Pulse, pulse
from nabe.model.term import Call, Literal, Ordering, Path, Term, all_of
from nabe.model.usecase import OPEN_DATA

#: Streams asked for at once.
_PAGE = 500
_STYLES = {Pulse.FRESH: "green", Pulse.LATE: "yellow", Pulse.SILENT: "red", Pulse.EMPTY: "dim"}
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Row:
    """A stream. `at`: time of the newest value, µs since the epoch."""

    dataset: str
    device: str
    stream: int
    measures: str
    value: Any
    unit: str
    at: int | None
    state: Pulse


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(sensors)


def sensors(
    verb: Annotated[str, typer.Argument(hidden=True)] = "list",
    dataset: Annotated[str, typer.Option(help="Only sensors of this dataset.")] = "",
    measures: Annotated[str, typer.Option(help="Only what is measured so; part of the name is enough.")] = "",
    silent: Annotated[bool, typer.Option("--silent", help="Only those that stopped sending.")] = False,
    live: Annotated[bool, typer.Option("--live", help="Keep looking; Ctrl-C ends it.")] = False,
    every: Annotated[float, typer.Option(help="With --live: seconds between two looks.", min=0.5, max=3600)] = 2.0,
    limit: Annotated[int, typer.Option(help="At most so many, the newest first.", min=1)] = 100_000,
    use_case: UseCaseOption = OPEN_DATA,
    actor: As = "operator",
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Sensors with their latest values, and whether they still send.

    `fresh`, `late` or `silent` is judged by each sensor's own rhythm: late after three times the usual pause, silent after ten times and an hour.

    [dim]nabe sensors --as anonymous --measures temperature[/dim]
    [dim]nabe sensors --silent --json[/dim]
    [dim]nabe sensors --dataset fridge_temperatures --as schulamt --use-case cold_chain --live[/dim]
    """
    if verb != "list":  # what the other nouns have as a command of their own
        raise Invalid(
            f"`nabe sensors` has no {verb[:40]!r}.", hint="`nabe sensors` or `nabe sensors list`.", field="verb"
        )
    if live and as_json:
        raise Invalid("--live is for the screen.", hint="Repeat `nabe sensors --json` instead.", field="--live")
    with opened(workspace) as nabe:
        looking = Looking(nabe, actor_named(nabe, actor), use_case, dataset, measures)
        if live:
            _watch(looking, silent, limit, every)
            return
        rows = _chosen(looking.rows(_now()), silent, limit)
        if as_json:
            say([_plain_row(row) for row in rows])
            return
        out.print(_table(rows, _now()))
        line(_summary(rows))
        if looking.hidden:
            line("[dim]", plain(f"Seen in part only, so ask by nabe query: {', '.join(looking.hidden)}"), "[/dim]")


class Looking:
    """Asks for streams and their newest values; later only for what can have changed."""

    def __init__(self, nabe: Nabe, actor: Actor, use_case: str, dataset: str, measures: str) -> None:
        self._sensing, self._actor, self._use_case = nabe.hub.sensing, actor, use_case
        self._owners = {
            stream: name
            for name, streams in self._sensing.readable_streams(actor, use_case).items()
            for stream in streams
            if not dataset or name == dataset
        }
        self.hidden = self._sensing.narrowed(actor, use_case)
        if dataset and dataset not in self._sensing.readable(actor, use_case):
            raise self._unreadable(dataset)
        self._only: Term | None = _among(list(self._owners)) if dataset else None
        self._measures = measures.strip().lower()

    def rows(self, now: int) -> list[Row]:
        """All of them."""
        return [
            row
            for type in (EntityType.DATASTREAM, EntityType.MULTI_DATASTREAM)
            for page in self._pages(self._question(type))
            for row in (self._row(item, now) for item in page.rows)
        ]

    def _question(self, type: EntityType) -> EntityQuery:
        many = type is EntityType.MULTI_DATASTREAM
        property, unit = (
            ("ObservedProperties", "unitOfMeasurements") if many else ("ObservedProperty", "unitOfMeasurement")
        )
        newest = EntityQuery(
            EntityType.OBSERVATION,
            order=(Ordering(Path(("phenomenonTime",)), descending=True),),
            select=("phenomenonTime", "result"),
            top=NEWEST,
        )
        named: Term | None = None
        if self._measures:
            name = Call("tolower", (Path((property, "name")),))
            named = Call("substringof", (Literal(self._measures), name))
        return EntityQuery(
            type,
            where=all_of(self._only, named),
            order=(Ordering(Path(("id",))),),
            select=("name", unit),
            expand=(
                Expansion("Thing", EntityQuery(EntityType.THING, select=("name",))),
                Expansion(property, EntityQuery(EntityType.OBSERVED_PROPERTY, select=("name",))),
                Expansion("Observations", newest),
            ),
            top=_PAGE,
        )

    def _pages(self, query: EntityQuery) -> Iterator[EntityPage]:
        if self._only is not None and not self._owners:
            return
        last: Term | None = None
        while True:
            asked = replace(query, where=all_of(query.where, last))
            page = self._sensing.read(self._actor, self._use_case, asked, interface=via())
            yield page
            if not page.more or not page.rows:
                return
            last = Call("gt", (Path(("id",)), Literal(page.rows[-1].id)))

    def _row(self, row: EntityRow, now: int) -> Row:
        many = row.type is EntityType.MULTI_DATASTREAM
        newest = _rows(row, "Observations")
        times = [found for item in newest if (found := _start(item.values.get("phenomenonTime"))) is not None]
        measured = _rows(row, "ObservedProperties" if many else "ObservedProperty")
        things = _rows(row, "Thing")
        units = row.values.get("unitOfMeasurements") if many else [row.values.get("unitOfMeasurement")]
        symbols = [str(unit.get("symbol") or "") for unit in units or () if isinstance(unit, Mapping)]
        return Row(
            dataset=self._owners.get(row.id, ""),
            device=str((things[0].values.get("name") if things else None) or row.values.get("name") or row.id),
            stream=row.id,
            measures=", ".join(str(item.values.get("name") or "") for item in measured),
            value=newest[0].values.get("result") if newest else None,
            unit=", ".join(symbol for symbol in symbols if symbol),
            at=times[0] if times else None,
            state=pulse(times, now),
        )

    def _unreadable(self, dataset: str) -> Invalid:
        if dataset in self.hidden:
            return Invalid(
                f"Of {dataset!r} you may see part only.", hint="nabe query asks for that part.", field="--dataset"
            )
        able = ", ".join(self._sensing.readable(self._actor, self._use_case)) or "none"
        return Invalid(
            f"There is no dataset of sensors {dataset!r} that {self._actor.id!r} may read for {self._use_case!r}.",
            hint=f"There are: {able}. --as and --use-case say who asks, and for what.",
            field="--dataset",
        )


def _among(streams: Sequence[int]) -> Term:
    return Call("in", (Path(("id",)), *(Literal(id) for id in streams)))


def _rows(row: EntityRow, relation: str) -> list[EntityRow]:
    found = row.expanded.get(relation)
    return found.rows if isinstance(found, EntityPage) else [found] if isinstance(found, EntityRow) else []


def _start(time: Any) -> int | None:
    return time[0] if isinstance(time, tuple) else time if isinstance(time, int) else None


def _now() -> int:
    return time.time_ns() // 1_000


def _chosen(rows: list[Row], silent: bool, limit: int) -> list[Row]:
    wanted = [row for row in rows if not silent or row.state in (Pulse.SILENT, Pulse.EMPTY)]
    return sorted(wanted, key=lambda row: (-(row.at or 0), row.dataset, row.device, row.measures))[:limit]


def _plain_row(row: Row) -> dict[str, Any]:
    at = (_EPOCH + dt.timedelta(microseconds=row.at)).isoformat() if row.at is not None else None
    return {
        "dataset": row.dataset,
        "device": row.device,
        "datastream": row.stream,
        "measures": row.measures,
        "value": row.value,
        "unit": row.unit,
        "time": at,
        "state": row.state.value,
    }


def _table(rows: Sequence[Row], now: int) -> Table:
    table = Table(header_style="bold", show_edge=False, pad_edge=False)
    for name in ("dataset", "device", "measures"):
        table.add_column(name, overflow="ellipsis", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("age", justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for row in rows:
        value, age = plain(_shown(row.value)), plain(_age(row.at, now))
        state = Line(row.state.value, _STYLES[row.state])
        table.add_row(plain(row.dataset), plain(row.device), plain(row.measures), value, plain(row.unit), age, state)
    return table


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".") if abs(value) < 1e9 else f"{value:.6g}"
    return value[:40] if isinstance(value, str) else str(value) if isinstance(value, int) else json.dumps(value)[:40]


def _age(at: int | None, now: int) -> str:
    if at is None:
        return "–"
    seconds = (now - at) / 1_000_000
    if seconds < 0:
        return "ahead"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _summary(rows: Sequence[Row]) -> Line:
    counts = {state: sum(row.state is state for row in rows) for state in Pulse}
    parts = [Line(f"{counts[state]} {state.value}", _STYLES[state]) for state in Pulse if counts[state]]
    said = Line(f"{len(rows)} series of {len({(row.dataset, row.device) for row in rows})} devices")
    for part in parts:
        said.append("  ").append_text(part)
    return said


def _watch(looking: Looking, silent: bool, limit: int, every: float) -> None:
    """Draw anew until Ctrl-C: as many rows as the screen holds; where nobody looks at a screen, one table after another."""
    with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as stack:
        screen = stack.enter_context(Live(console=out, screen=True, auto_refresh=False)) if out.is_terminal else None
        while True:
            begin = time.monotonic()
            chosen = _chosen(looking.rows(_now()), silent, limit)
            fitting = chosen[: max(1, out.height - 5)] if screen is not None else chosen
            clock = Line(f"{dt.datetime.now().astimezone():%H:%M:%S}, Ctrl-C ends", "dim")
            drawn = Group(_summary(chosen), clock, _table(fitting, _now()))
            if screen is None:
                out.print(drawn)
            else:
                screen.update(drawn, refresh=True)
            took = time.monotonic() - begin
            time.sleep(max(every, 4 * took) - took)  # a fifth of the time at most
