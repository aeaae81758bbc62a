"""serve, demo, doctor, ledger: running the hub."""

from __future__ import annotations

import dataclasses
import datetime as dt
import importlib.util
import logging
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any, TextIO

import structlog
import typer
import uvicorn

from nabe import jobs, manifest
from nabe.app import Nabe, asgi, devices, load, nats_server, open_workspace
from nabe.cli.common import AsJson, Workspace, actor_named, line, opened, plain, say, show
from nabe.cli.data import states
from nabe.cli.observing import observed
from nabe.cli.workspace import apply_files
from nabe.config import state_folder
from nabe.errors import Invalid, NabeError
from nabe.model.catalogue import Snapshot
from nabe.model.ledger import ChainCheck
from nabe.mqtt.service import MqttService, tls_context
from nabe.web.protocol import JoinedHttp

#: Grants that end within so many days are told of.
_SOON_DAYS = 30
_LEAST_DISK = 1_000_000_000


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(serve)
    app.command()(demo)
    app.command()(doctor)
    ledger = typer.Typer(help="The ledger of uses.", no_args_is_help=True)
    ledger.command("list")(ledger_list)
    ledger.command("verify")(ledger_verify)
    ledger.command("head")(ledger_head)
    app.add_typer(ledger, name="ledger")


def serve(
    port: Annotated[int | None, typer.Option(help="Port; default: 8080 or the setting.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: 127.0.0.1 or the setting.")] = None,
    workspace: Workspace = None,
) -> None:
    """Serve portal and interfaces, and MQTT for devices (port 1883; `mqtt: off` in nabe.yaml switches it off).

    [dim]nabe serve --port 8080[/dim]
    """
    with opened(workspace) as nabe:
        settings = nabe.settings
        address, number = host or settings.host, port or settings.port
        log_to_stderr(settings.log_level)
        _must_be_free(address, number)
        with scheduled(nabe), devices(nabe) as mqtt:
            line(f"Nabe: http://{address}:{number}{_ports_of(mqtt)}  (Ctrl-C stops)")
            uvicorn.run(
                asgi(nabe),
                host=address,
                port=number,
                http=JoinedHttp,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=bool(settings.trusted_proxies),
                forwarded_allow_ips=settings.trusted_proxies or None,
            )


def _ports_of(mqtt: MqttService | None) -> str:
    return "".join(f"  {name} port {port}" for name, port in mqtt.ports.items()) if mqtt is not None else ""


def scheduled(nabe: Nabe) -> AbstractContextManager[object]:
    """What happens by itself, as long as the server runs."""
    return jobs.running(nabe.hub, nabe.hub.now, nabe.settings.jobs)


def _must_be_free(host: str, port: int) -> None:
    """Before the house is opened: a busy port is the commonest mistake and deserves a plain word."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            hint = "Is Nabe running already? --port names another."
            raise Invalid(f"Port {port} of {host} cannot be used: {error.strerror}.", hint=hint, field="port") from None


class _ToStderr(logging.StreamHandler[TextIO]):
    """Writes to what standard error is now, not to what it was when logging was set up (and may be closed by now)."""

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, _: TextIO) -> None:
        pass


def log_to_stderr(level: str) -> None:
    """One line a message; what is logged holds no data values and no secrets."""
    logging.basicConfig(handlers=[_ToStderr()], level=level.upper(), force=True)
    processors: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.dev.ConsoleRenderer(),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(foreign_pre_chain=processors[:3], processor=processors[3])
    for handler in logging.getLogger().handlers:
        handler.setFormatter(formatter)
    for noisy in ("httpx", "httpcore", "alembic", "pyogrio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def demo(
    folder: Annotated[Path, typer.Argument(help="Folder of the model city's workspace.")] = Path("musterstadt"),
    port: Annotated[int, typer.Option(help="Port; the next free one if it is busy.")] = 8080,
    browser: Annotated[bool, typer.Option("--browser", help="Open the portal in a browser.")] = False,
    lang: Annotated[str, typer.Option(help="de or en.")] = "de",
) -> None:
    """Build and serve Musterstadt, a synthetic city with its silos.

    [dim]nabe demo --port 8090 --lang en[/dim]
    """
    from nabe.demo.running import House, run
    from nabe.demo.sensing.equipping import Parts

    log_to_stderr("warning")
    house = House(
        write=manifest.write,
        open=open_workspace,
        apply=apply_files,
        asgi=asgi,
        scheduled=scheduled,
        devices=lambda nabe, port: devices(nabe, dataclasses.replace(nabe.settings, mqtt_port=port)),
        sensors=lambda nabe: Parts(
            nabe.hub.sensing, nabe.devices.fleet, nabe.store.entities.feature_of, nabe.observations.load
        ),
        postgres=_postgres(),
    )
    run(folder, port, house, open_browser=browser, lang=lang)


def _postgres() -> Any:
    """How to start PostgreSQL in a folder, if it is installed here."""
    from nabe.testing import servers

    if not servers.available_postgres():
        return None
    return lambda data: servers.postgres(data=data, keep=True)


def doctor(workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Check everything that can go wrong: declarations, grants, ledger, silos, storage, disk, extensions.

    [dim]nabe doctor --json[/dim]
    """
    with opened(workspace) as nabe:
        rows = [
            *_declared(nabe),
            *_consented(nabe),
            *_kept(nabe),
            *observed(nabe),
            *_reached(nabe),
            *_devices(nabe),
            *_installed(),
        ]
    shown = rows if as_json else [row | {"ok": "✓" if row["ok"] else "✗"} for row in rows]
    show(shown, ("ok", "check", "detail"), as_json=as_json)
    if not all(row["ok"] for row in rows):
        raise typer.Exit(2)


def _row(check: str, ok: bool, detail: str) -> dict[str, Any]:
    return {"check": check, "ok": ok, "detail": detail}


def _declared(nabe: Nabe) -> Iterator[dict[str, Any]]:
    loaded = load(nabe.root)
    changes = manifest.difference(nabe.catalogue.snapshot(), Snapshot.of(loaded.nouns))
    first = f": {loaded.errors[0]}" if loaded.errors else ""
    yield _row("declarations", not loaded.errors, f"{len(loaded.nouns)} documents, {len(loaded.errors)} errors{first}")
    yield _row("in force", not changes, f"version {nabe.hub.version()}, {len(changes)} changes not applied")


def _consented(nabe: Nabe) -> Iterator[dict[str, Any]]:
    """Grants that have ended or end soon; whoever works with them should not learn it from an error."""
    today = dt.datetime.now(dt.UTC).date()
    cases = nabe.catalogue.snapshot().usecases.values()
    ends = [(min(filter(None, (grant.expires, case.expires))), case.id, grant.dataset)
            for case in cases for grant in case.grants if grant.expires or case.expires]  # fmt: skip
    soon = sorted(end for end in ends if today <= end[0] <= today + dt.timedelta(days=_SOON_DAYS))
    ended = sorted(end for end in ends if end[0] < today)
    for found, ok, word in ((ended, False, "ended"), (soon, True, "ends")):
        for day, case, dataset in found:
            yield _row(f"grant {case} / {dataset}", ok, f"{word} {day}")
    if not ended and not soon:
        yield _row("grants", True, f"none ends within {_SOON_DAYS} days")


def _kept(nabe: Nabe) -> Iterator[dict[str, Any]]:
    chain = nabe.ledger.verify()
    where = f"broken at entry {chain.broken_at}: {chain.why}" if chain.broken_at is not None else "chain is whole"
    yield _row("ledger", chain.broken_at is None, f"{chain.entries} entries, {where}")
    yield _row("storage", True, "PostgreSQL" if nabe.settings.storage.startswith("postgres") else "SQLite")
    free = shutil.disk_usage(state_folder(nabe.root)).free
    yield _row("disk", free > _LEAST_DISK, f"{free / 1e9:.1f} GB free")
    lost = [name for name in nabe.lake.datasets() if not _keeps(nabe, name)]
    said = (
        f"not declared any more: {', '.join(lost)}; nabe snapshot forget removes them" if lost else "all are declared"
    )
    yield _row("copies", not lost, said)
    modes = state_folder(nabe.root).stat().st_mode
    detail = "only you may look inside" if not modes & 0o077 else "others may look inside: chmod 700 .nabe"
    yield _row("state folder", not modes & 0o077, detail)


def _keeps(nabe: Nabe, dataset: str) -> bool:
    declared = nabe.catalogue.snapshot().datasets.get(dataset)
    return declared is not None and declared.snapshots is not None


def _reached(nabe: Nabe) -> Iterator[dict[str, Any]]:
    for system, state in states(nabe).items():
        yield _row(f"system {system}", state == "ok", "reachable" if state == "ok" else state)


def _devices(nabe: Nabe) -> Iterator[dict[str, Any]]:
    """The way in for devices: what would keep `nabe serve` from taking their messages, and what came to nothing."""
    settings = nabe.settings
    if not settings.mqtt:
        yield _row("mqtt", True, "off")
        return
    try:
        if settings.mqtt_cert:
            tls_context(settings)
        where = settings.nats and "a cluster" if settings.nats != "off" else "none"
        if not settings.nats:
            where = nats_server()
        yield _row("mqtt", True, f"port {settings.mqtt_port}, inbox: {where}, survives: {settings.mqtt_durability}")
    except NabeError as error:
        yield _row("mqtt", False, str(error))
    parked = nabe.parking.count()
    yield _row("parked messages", True, f"{parked}: nabe parked list" if parked else "none")


def _installed() -> Iterator[dict[str, Any]]:
    for name in ("spatial", "postgres_scanner", "sqlite_scanner", "mysql_scanner"):
        there = importlib.util.find_spec(f"duckdb_extension_{name}") is not None
        missing = f"missing: pip install duckdb-extension-{name.replace('_', '-')}"
        yield _row(f"engine extension {name}", there, "installed" if there else missing)


def ledger_list(
    dataset: Annotated[str, typer.Option(help="Only uses of this dataset.")] = "",
    after: Annotated[int, typer.Option(help="Entries with a higher number.")] = 0,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 100,
    actor: Annotated[str, typer.Option("--as", help="Account that may audit.")] = "operator",
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Entries of the ledger, for accounts that may read it (data protection, ethics, data owners).

    [dim]nabe ledger list --as datenschutz --dataset sozialhilfe_haushalte[/dim]
    """
    with opened(workspace) as nabe:
        found = nabe.hub.audit(actor_named(nabe, actor), dataset=dataset, after=after, limit=limit)
    names = ("at", "actor", "use_case", "action", "dataset", "rows", "interface", "detail")
    rows = [{"number": item.number} | {name: getattr(item.entry, name) for name in names} for item in found]
    show(rows, ("number", *names), as_json=as_json)


def ledger_verify(
    noted: Annotated[str, typer.Option(help="NUMBER:HASH as `nabe ledger head` said earlier.")] = "",
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Walk the whole chain and point at the first entry that does not fit.

    With --noted even a chain that was computed anew is found, by somebody who may write to the whole database.

    [dim]nabe ledger verify --noted 812:9f2c...[/dim]
    """
    with opened(workspace) as nabe:
        chain = nabe.ledger.verify()
        if noted and chain.broken_at is None:
            chain = _compare(nabe, chain, noted)
    if as_json:
        say(dataclasses.asdict(chain))
    elif chain.broken_at is None:
        line(f"[green]✓[/green] {chain.entries} entries, the chain is whole")
    else:
        line(f"[red]✗[/red] broken at entry {chain.broken_at}: ", plain(chain.why))
    if chain.broken_at is not None:
        raise typer.Exit(2)


def _compare(nabe: Nabe, chain: ChainCheck, noted: str) -> ChainCheck:
    number, _, digest = noted.partition(":")
    if not number.isdigit() or not digest:
        raise Invalid(f"{noted!r} is no number and hash.", hint="NUMBER:HASH from `nabe ledger head`.", field="--noted")
    if _hash_of(nabe, int(number)) == digest:
        return chain
    return ChainCheck(chain.entries, int(number), "its hash is not the one that was noted")


def _hash_of(nabe: Nabe, number: int) -> str:
    found = nabe.ledger.entries(after=number - 1, limit=1) if number else []
    return found[0].hash if found and found[0].number == number else ""


def ledger_head(workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Number and hash of the last entry: keep it elsewhere, so that even a chain computed anew is noticed.

    [dim]nabe ledger head >> /elsewhere/heads.txt[/dim]
    """
    with opened(workspace) as nabe:
        last = nabe.ledger.verify().entries
        digest = _hash_of(nabe, last)
    if as_json:
        say({"number": last, "hash": digest})
    else:
        line(plain(f"{last}:{digest}"))
