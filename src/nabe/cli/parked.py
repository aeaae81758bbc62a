"""parked list|replay|drop: messages of devices that came to nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

import typer

from nabe.app import Nabe, channels
from nabe.cli.common import AsJson, Workspace, done, line, opened, plain, show
from nabe.errors import Invalid
from nabe.model.message import Parked
from nabe.mqtt import Channels
from nabe.mqtt.ingest import outcomes

_Topic = Annotated[str, typer.Option(help="Only messages whose topic begins so.")]
_Numbers = Annotated[list[int] | None, typer.Argument(help="Numbers as `nabe parked list` shows them.")]
_All = Annotated[bool, typer.Option("--all", help="All (of the topic).")]
_PAGE = 1_000


def register(app: typer.Typer) -> None:
    """Add the commands."""
    parked = typer.Typer(help="Messages of devices that nobody could make sense of.", no_args_is_help=True)
    parked.command("list")(listed)
    parked.command("replay")(replay)
    parked.command("drop")(drop)
    app.add_typer(parked, name="parked")


def listed(
    topic: _Topic = "",
    limit: Annotated[int, typer.Option(help="At most so many, the newest.")] = 50,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Messages that came to nothing, with the reason.

    [dim]nabe parked list --topic v1.1/Datastreams[/dim]
    """
    with opened(workspace) as nabe:
        found = list(_all(nabe, topic))[-limit:]
    rows = [
        {
            "number": item.number,
            "at": f"{dt.datetime.fromtimestamp(item.message.at / 1e6, dt.UTC):%Y-%m-%dT%H:%M:%SZ}",
            "actor": item.message.actor.id,
            "topic": item.message.topic,
            "why": item.reason,
            "payload": item.message.payload.decode("utf-8", "replace")[: None if as_json else 60],
        }
        for item in found
    ]
    show(rows, ("number", "at", "actor", "topic", "why", "payload"), as_json=as_json)


def replay(
    numbers: _Numbers = None,
    topic: _Topic = "",
    every: _All = False,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Try again, as the accounts that sent them: after the declaration, the stream or the right that was missing is there.

    What is stored now is no longer parked. [dim]nabe parked replay --all --topic v1.1/[/dim]
    """
    with opened(workspace) as nabe:
        takers = Channels(channels(nabe))
        stored: list[int] = []
        left: list[dict[str, object]] = []
        for item in _chosen(nabe, numbers, topic, every):
            message = replace(item.message, key=f"{item.message.key}:again")
            error = outcomes(takers.taking(message.topic), [message])[0]
            if error is None:
                stored.append(item.number)
            else:
                left.append({"number": item.number, "why": error.detail})
                if not as_json:
                    line(f"[yellow]{item.number}[/yellow] ", plain(error.detail))
        nabe.parking.drop(stored)
    done(f"{len(stored)} stored, {len(left)} left parked", {"stored": stored, "left": left}, as_json)
    if left:
        raise typer.Exit(2)


def drop(
    numbers: _Numbers = None,
    topic: _Topic = "",
    every: _All = False,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Forget messages for good.

    [dim]nabe parked drop 17 18[/dim]
    """
    with opened(workspace) as nabe:
        count = nabe.parking.drop([item.number for item in _chosen(nabe, numbers, topic, every)])
    done(f"{count} dropped", {"dropped": count}, as_json)


def _all(nabe: Nabe, topic: str) -> Iterator[Parked]:
    after = 0
    while page := nabe.parking.parked(after=after, limit=_PAGE, topic=topic):
        yield from page
        after = page[-1].number


def _chosen(nabe: Nabe, numbers: list[int] | None, topic: str, every: bool) -> list[Parked]:
    if not numbers and not every and not topic:
        raise Invalid("Which messages?", hint="Name numbers, or --topic, or --all.", field="numbers")
    return [item for item in _all(nabe, topic) if not numbers or item.number in numbers]
