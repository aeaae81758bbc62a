"""serve, demo, doctor, ledger: running the hub."""

from __future__ import annotations

import dataclasses
import importlib
import logging
import shutil
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer
import uvicorn

from nabe import manifest
from nabe.app import asgi, load, open_workspace
from nabe.cli.common import AsJson, Workspace, opened, out, say, show
from nabe.cli.data import check_system
from nabe.cli.workspace import apply_files
from nabe.config import state_folder


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
    """Serve portal and interfaces.

    [dim]nabe serve --port 8080[/dim]
    """
    with opened(workspace) as nabe:
        settings = nabe.settings
        address, number = host or settings.host, port or settings.port
        log_to_stderr(settings.log_level)
        out.print(f"Nabe: http://{address}:{number}  (Ctrl-C stops)", highlight=False)
        uvicorn.run(
            asgi(nabe),
            host=address,
            port=number,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=settings.trusted_proxies or None,
        )


def log_to_stderr(level: str) -> None:
    """One line a message; what is logged holds no data values and no secrets."""
    logging.basicConfig(format="%(message)s", level=level.upper(), force=True)
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
    """Build and serve Musterstadt, a synthetic city with its silos."""
    from nabe.demo.running import House, run

    log_to_stderr("warning")
    house = House(write=manifest.write, open=open_workspace, apply=apply_files, asgi=asgi, postgres=_postgres())
    run(folder, port, house, open_browser=browser, lang=lang)


def _postgres() -> Any:
    """How to start PostgreSQL in a folder, if it is installed here."""
    from nabe.testing import servers

    if not servers.available_postgres():
        return None
    return lambda data: servers.postgres(data=data, keep=True)


def doctor(workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Check everything that can go wrong: declarations, ledger, silos, storage, disk, extensions."""
    rows: list[dict[str, Any]] = []

    def note(what: str, ok: bool, detail: str) -> None:
        rows.append({"check": what, "ok": ok, "detail": detail})

    with opened(workspace) as nabe:
        loaded = load(nabe.root)
        changes = manifest.difference(nabe.catalogue.snapshot(), _snapshot(loaded))
        first = f": {loaded.errors[0]}" if loaded.errors else ""
        note("declarations", not loaded.errors, f"{len(loaded.nouns)} documents, {len(loaded.errors)} errors{first}")
        note("in force", not changes, f"version {nabe.hub.version()}, {len(changes)} changes not applied")
        chain = nabe.ledger.verify()
        where = f"broken at entry {chain.broken_at}: {chain.why}" if chain.broken_at is not None else "chain is whole"
        note("ledger", chain.broken_at is None, f"{chain.entries} entries, {where}")
        for system in nabe.catalogue.snapshot().systems.values():
            try:
                nabe.reach.call(system.id, system.limits.timeout_s, partial(check_system, nabe, system.id))
                note(f"system {system.id}", True, "reachable")
            except Exception as error:
                note(f"system {system.id}", False, getattr(error, "detail", type(error).__name__))
        free = shutil.disk_usage(state_folder(nabe.root)).free
        note("disk", free > 1_000_000_000, f"{free / 1e9:.1f} GB free")
        settings = dataclasses.asdict(nabe.settings)
        note("storage", True, "PostgreSQL" if settings["storage"] else "SQLite in .nabe/")
    for name in ("spatial", "postgres_scanner", "sqlite_scanner", "mysql_scanner"):
        try:
            importlib.import_module(f"duckdb_extension_{name}")
            note(f"engine extension {name}", True, "installed")
        except ImportError:
            note(f"engine extension {name}", False, f"missing: pip install duckdb-extension-{name.replace('_', '-')}")
    shown = rows if as_json else [row | {"ok": "✓" if row["ok"] else "✗"} for row in rows]
    show(shown, ("ok", "check", "detail"), as_json=as_json)
    if not all(row["ok"] for row in rows):
        raise typer.Exit(2)


def _snapshot(loaded: manifest.Loaded) -> Any:
    from nabe.model.catalogue import Snapshot

    return Snapshot.of(loaded.nouns)


def ledger_list(
    dataset: Annotated[str, typer.Option(help="Only uses of this dataset.")] = "",
    after: Annotated[int, typer.Option(help="Entries with a higher number.")] = 0,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 100,
    actor: Annotated[str, typer.Option("--as", help="Account that may audit.")] = "operator",
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Entries of the ledger, for accounts that may read it (data protection, ethics, data owners)."""
    from nabe.cli.common import actor_named

    with opened(workspace) as nabe:
        found = nabe.hub.audit(actor_named(nabe, actor), dataset=dataset, after=after, limit=limit)
    names = ("at", "actor", "use_case", "action", "dataset", "rows", "interface", "detail")
    rows = [{"number": item.number} | {name: getattr(item.entry, name) for name in names} for item in found]
    show(rows, ("number", *names), as_json=as_json)


def ledger_verify(workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Walk the whole chain and point at the first entry that does not fit."""
    with opened(workspace) as nabe:
        chain = nabe.ledger.verify()
    if as_json:
        say(dataclasses.asdict(chain))
    elif chain.broken_at is None:
        out.print(f"[green]✓[/green] {chain.entries} entries, the chain is whole", highlight=False)
    else:
        out.print(f"[red]✗[/red] broken at entry {chain.broken_at}: {chain.why}", highlight=False)
    if chain.broken_at is not None:
        raise typer.Exit(2)


def ledger_head(workspace: Workspace = None) -> None:
    """Number and hash of the last entry: keep a copy elsewhere, so that even a rewritten chain is noticed."""
    with opened(workspace) as nabe:
        last = nabe.ledger.verify().entries
        found = nabe.ledger.entries(after=max(last - 1, 0), limit=1)
    say({"number": last, "hash": found[0].hash if found else ""})
