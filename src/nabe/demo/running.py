"""`nabe demo`: build, start the silos, apply the declarations, create accounts, serve, say where."""

from __future__ import annotations

import contextlib
import ctypes
import datetime as dt
import gc
import os
import re
import socket
import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import uvicorn
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from nabe import quality
from nabe.config import Settings
from nabe.demo.accounts import ACCOUNTS, GATEWAY, PASSWORD, SHOWN
from nabe.demo.building import Demo, Postgres, Write, build
from nabe.demo.processes import sending, silos
from nabe.demo.sensing.equipping import Known, Parts, equip
from nabe.demo.sensing.orders import Orders
from nabe.errors import Invalid, NabeError
from nabe.hub import Hub
from nabe.i18n import t
from nabe.model.party import QUALITY_JOB, Actor


class _Identity(Protocol):
    def accounts(self) -> list[Actor]: ...
    def put_account(self, actor: Actor, password: str | None) -> None: ...


class Opened(Protocol):
    """An opened workspace (`nabe.app.Nabe`), as far as the demo needs it."""

    settings: Settings

    @property
    def identity(self) -> Any:
        """Accounts (`nabe.ports.identity.Identity`)."""

    @property
    def hub(self) -> Hub:
        """The one door."""


@dataclass(frozen=True, slots=True)
class House:
    """What the demo needs of rooms above and beside it; `nabe.cli` hands it in.

    `write`: manifest.write; `open`: app.open_workspace; `apply`: the declarations in the folder through the hub, as the
    operator; `asgi`: app.asgi; `scheduled`: copies and checks by schedule as long as it is entered; `devices`: MQTT on a
    port, likewise; `sensors`: what the city's own devices need of it; `postgres`: how to start PostgreSQL in a folder, None where it is not installed.
    """

    write: Write
    open: Callable[[Path], AbstractContextManager[Any]]
    apply: Callable[[Any], object]
    asgi: Callable[[Any], Any]
    scheduled: Callable[[Any], AbstractContextManager[object]]
    devices: Callable[[Any, int], AbstractContextManager[Any]]
    sensors: Callable[[Any], Parts]
    postgres: Postgres | None = None


def run(
    root: Path, port: int, house: House, *, open_browser: bool = False, lang: str = "de", console: Console | None = None
) -> None:
    """Serve the model city on this machine until Ctrl-C. Another port is taken, and said, when this one is busy."""
    console = console or Console()
    free = free_port(port)
    if free != port:
        console.print(t("demo.port_busy", lang, port=port, other=free), style="yellow")
    demo = _build(root, house, lang, console)
    if demo.social == "sqlite":
        text = t("demo.sqlite_because", lang, why=demo.why_sqlite) if demo.why_sqlite else t("demo.sqlite", lang)
        console.print(text, style="yellow", highlight=False)
    with (
        contextlib.suppress(KeyboardInterrupt),
        silos(root, write=house.write, postgres=house.postgres) as running,
    ):
        if running.missing:
            console.print(t("demo.postgres_missing", lang, why=running.missing), style="yellow", highlight=False)
        say_port(root, free)
        with house.open(root) as nabe:
            house.apply(nabe)
            create_accounts(nabe.identity)
            check_once(nabe.hub)
            made = _equip(root, house.sensors(nabe), lang, console)
            _give_back()
            with contextlib.ExitStack() as stack:
                stack.enter_context(house.scheduled(nabe))
                mqtt = _mqtt(nabe, house, stack, lang, console)
                token = stack.enter_context(gateway(nabe.identity, nabe.hub.now()))
                streams = {id: item.streams for id, item in made.items()}
                orders = Orders(mqtt, free, GATEWAY.id, token, streams)

                def begin() -> None:
                    stack.enter_context(sending(root, orders))

                _serve(house.asgi(nabe), free, lang, console, open_browser, mqtt, begin)
    console.print(t("demo.stopped", lang))


def _mqtt(nabe: Any, house: House, stack: contextlib.ExitStack, lang: str, console: Console) -> int:
    """Start MQTT and say on which port it is; 0: it is off or cannot be started, which is said, and all else goes on."""
    wanted = nabe.settings.mqtt_port
    port = free_port(wanted) if wanted > 0 else wanted
    if port != wanted:
        console.print(t("demo.mqtt_busy", lang, port=wanted, other=port), style="yellow")
    try:
        service = stack.enter_context(house.devices(nabe, port))
    except (NabeError, OSError, RuntimeError) as error:
        why = error.detail if isinstance(error, NabeError) else str(error) or type(error).__name__
        console.print(t("demo.mqtt_missing", lang, why=why), style="yellow", highlight=False)
        return 0
    return int(service.ports.get("mqtt", 0)) if service is not None else 0


def _equip(root: Path, parts: Parts, lang: str, console: Console) -> dict[str, Known]:
    """Make the devices and their past, once."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, console=console, transient=True) as bar:
        step = t("demo.step", lang, step=t("demo.steps.devices", lang))
        task = bar.add_task(step, total=1.0, visible=False)

        def progress(share: float) -> None:
            bar.update(task, completed=share, visible=True)

        return equip(root, parts, time.time(), progress)


def _give_back() -> None:
    """Return what building took: the C library keeps it otherwise, for as long as the demo runs."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


@contextlib.contextmanager
def gateway(identity: Any, now: dt.datetime) -> Iterator[str]:
    """A token for the gateway that sends for all devices, as long as the block lasts; those of earlier runs end."""
    if GATEWAY not in identity.accounts():
        identity.put_account(GATEWAY, None)
    for old in identity.tokens(GATEWAY.id):
        identity.revoke(old.id)
    token, secret = identity.create_token(GATEWAY.id, "nabe demo", at=now, expires=None)
    try:
        yield secret
    finally:
        identity.revoke(token.id)


def _build(root: Path, house: House, lang: str, console: Console) -> Demo:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(t("demo.building", lang), total=1.0)

        def progress(step: str, share: float) -> None:
            if not share and not console.is_terminal:
                console.print(t("demo.building", lang))
            bar.update(task, completed=share, description=t("demo.step", lang, step=t(f"demo.steps.{step}", lang)))

        return build(root, progress, write=house.write, postgres=house.postgres)


def say_port(root: Path, port: int) -> None:
    """Let persistent URIs name the port that is served; everything else in nabe.yaml stays as it is."""
    path = root / "nabe.yaml"
    text = path.read_text("utf-8")
    said = re.sub(
        r'^base_uri: "?http://127\.0\.0\.1:\d+/?"?$', f'base_uri: "http://127.0.0.1:{port}"', text, flags=re.M
    )
    if said != text:
        path.write_text(said, "utf-8")


def create_accounts(identity: _Identity) -> None:
    """The sample accounts, as far as they are missing or changed; passwords of those that are there stay."""
    known = {actor.id: actor for actor in identity.accounts()}
    for account in ACCOUNTS:
        if account.actor.id not in known:
            identity.put_account(account.actor, PASSWORD)
        elif known[account.actor.id] != account.actor:
            identity.put_account(account.actor, None)


def check_once(hub: Hub) -> None:
    """Check the quality rules when that was never done, so that the pages have something to tell."""
    if not any(view.at for view in hub.quality(QUALITY_JOB, "", limit=1)):
        quality.run(hub, interface="demo")


def free_port(wanted: int, tries: int = 50) -> int:
    """The port, or the next free one above it."""
    for port in range(wanted, min(wanted + tries, 65_536)):
        with contextlib.closing(socket.socket()) as probe:
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise Invalid(
        f"No free port from {wanted} to {wanted + tries - 1}.", hint="Name one: nabe demo --port N.", field="port"
    )


class _Server(uvicorn.Server):
    """Tells when it listens."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


def _serve(
    app: Any, port: int, lang: str, console: Console, open_browser: bool, mqtt: int, begin: Callable[[], None]
) -> None:
    address = f"http://127.0.0.1:{port}/"

    def ready() -> None:
        welcome(console, address, lang)
        if mqtt:
            console.print(t("demo.mqtt", lang, address=f"mqtt://127.0.0.1:{mqtt}"), highlight=False)
        begin()
        if open_browser:
            webbrowser.open(address)

    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)
    _Server(config, ready).run()


def welcome(console: Console, address: str, lang: str) -> None:
    """The portal's address and the sample log-ins."""
    console.print()
    console.print(t("demo.ready", lang, address=address), style="bold green", highlight=False)
    table = Table(title=t("demo.logins", lang), title_justify="left", title_style="bold")
    for column in ("login", "password", "shows"):
        table.add_column(t(f"demo.column.{column}", lang), no_wrap=column != "shows")
    for account in ACCOUNTS[:SHOWN]:
        table.add_row(account.actor.id, PASSWORD, account.shows.in_(lang))
    console.print(table)
    console.print(t("demo.synthetic", lang))
    console.print(t("demo.stop_hint", lang))
