"""The only wiring: an opened workspace, and the web application over it."""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib
import logging
import pkgutil
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from nabe import config
from nabe.devices.service import DeviceService
from nabe.errors import Invalid, SourceRefused, Unknown
from nabe.hub import Hub, SensorStores
from nabe.model.catalogue import Snapshot
from nabe.model.dataset import Access, Mode
from nabe.ports.catalogue import Catalogue
from nabe.ports.engine import Budget
from nabe.ports.identity import Identity
from nabe.ports.ledger import Ledger
from nabe.ports.source import Adapter, AdapterContext, Claim, Source
from nabe.query.describe import describe
from nabe.query.reach import Reach
from nabe.query.sensing import StreamTables
from nabe.query.text import parse_filter
from nabe.stores.duckdb import DuckDbEngine
from nabe.stores.lake import ParquetLake
from nabe.stores.nats import Address, Link, NatsBus, NatsInbox, NatsServer
from nabe.stores.nats import find as nats_executable
from nabe.stores.observations import ObservationStore
from nabe.stores.observations.postgres import PostgresObservations
from nabe.stores.parking import SqliteParking
from nabe.stores.relational import RelationalStore

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from nabe.manifest import Loaded
    from nabe.mqtt.channels import Channel
    from nabe.mqtt.service import Backbone, MqttService
    from nabe.web.interface import Interface
    from nabe.web.services import Services


@dataclass(slots=True)
class Nabe:
    """An opened workspace; a context manager that closes what it holds."""

    root: Path
    settings: config.Settings
    hub: Hub
    identity: Identity
    catalogue: Catalogue
    ledger: Ledger
    adapters: Mapping[str, Adapter]
    sources: Sources
    reach: Reach
    engine: DuckDbEngine
    store: RelationalStore
    lake: ParquetLake
    bus: NatsBus
    parking: SqliteParking
    observations: ObservationStore | PostgresObservations
    devices: DeviceService
    mqtt: MqttService | None = None

    def close(self) -> None:
        """Free silos, engine and store."""
        self.devices.close()
        self.hub.close()
        self.parking.close()
        self.observations.close()
        self.sources.close()
        self.engine.close()
        self.store.close()

    def __enter__(self) -> Nabe:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_workspace(root: Path, settings: config.Settings | None = None) -> Nabe:
    """Open the workspace in `root` (a folder with `nabe.yaml`), creating its state on first use.

    Raises `Invalid` if the folder is none or a setting does not fit.
    """
    root = root.resolve()
    if settings is None:
        settings = config.load(_server_block(root))
    state = config.state_folder(root)
    state.mkdir(mode=0o700, exist_ok=True)
    (state / "cache").mkdir(exist_ok=True)
    storage = secret_resolver(root)(settings.storage)
    store = RelationalStore(storage or f"sqlite:///{state / 'nabe.sqlite'}")
    bus, observations = NatsBus(), _observations(storage, state)
    tables = StreamTables(store.entities, observations, lambda: shared_streams(store.catalogue.snapshot()))
    sources = Sources(store.catalogue, adapters(), root, tables)
    reach = Reach(sources.open)
    lake = ParquetLake(state / "lake")
    engine = DuckDbEngine(str(state / "cache"))
    budget = Budget(settings.query_seconds, settings.query_rows, settings.query_memory)
    hub = Hub(
        catalogue=store.catalogue,
        ledger=store.ledger,
        reach=reach,
        engine=engine,
        clock=lambda: dt.datetime.now(dt.UTC),
        budget=budget,
        lake=lake,
        runs=store.runs,
        validate=_validate,
        quality=store.quality,
        sensors=SensorStores(store.entities, observations, bus),
    )
    parking = SqliteParking(state / "parked.sqlite")
    return Nabe(
        root,
        settings,
        hub,
        store.identity,
        store.catalogue,
        store.ledger,
        sources.adapters,
        sources,
        reach,
        engine,
        store,
        lake,
        bus,
        parking,
        observations,
        DeviceService(store.devices, store.catalogue.snapshot, hub.sensing, parking, sources.own),
    )


def _observations(storage: str, state: Path) -> ObservationStore | PostgresObservations:
    """Where catalogue and ledger are in PostgreSQL, observations are, too."""
    if storage.startswith("postgres"):
        return PostgresObservations(storage)
    return ObservationStore(state / "observations")


def shared_streams(snapshot: Snapshot) -> frozenset[str]:
    """Stream datasets of which anybody may see everything."""
    return frozenset(
        dataset.id
        for dataset in snapshot.datasets.values()
        if dataset.mode is Mode.STREAM
        and dataset.access is Access.OPEN
        and not any(field.personal for field in dataset.fields)
    )


def asgi(nabe: Nabe) -> Starlette:
    """The web application: every registered interface over the hub."""
    from nabe.mqtt import websocket
    from nabe.web.application import build

    application = build(_services(nabe), interfaces())
    application.router.routes.insert(0, websocket.route(lambda: nabe.mqtt))
    return application


def _services(nabe: Nabe) -> Services:
    from nabe.web.services import Services

    parts: dict[str, Callable[[], Mapping[str, Any]]] = {
        "mqtt": lambda: nabe.mqtt.state() if nabe.mqtt is not None else {"state": "off"},
        "devices": nabe.devices.state,
    }
    return Services(nabe.hub, nabe.identity, nabe.settings, parts, nabe.devices)


def channels(nabe: Nabe) -> list[Channel]:
    """Who takes what comes over MQTT, and what may be subscribed to there."""
    from nabe.apis.sensorthings.messages import TOPICS, Messages
    from nabe.mqtt.channels import Channel

    sensorthings = Messages(nabe.hub)
    # What devices of declared systems send; its topics are those of the declarations in force.
    return [Channel(TOPICS, sensorthings.take, sensorthings.watch), cast("Channel", nabe.devices)]


def nats_server() -> str:
    """The executable that runs as inbox and bus; `Invalid` if there is none."""
    return nats_executable()


@contextlib.contextmanager
def devices(nabe: Nabe, settings: config.Settings | None = None) -> Iterator[MqttService | None]:
    """MQTT at work during the `with` block, with the inbox and the events' way to other processes; None if it is off.

    `settings`: others than those of the workspace.

    `Invalid` if its port cannot be used, or TLS is not set up right.
    """
    settings = settings or nabe.settings
    nabe.devices.start()
    if not settings.mqtt:
        try:
            yield None
        finally:
            nabe.devices.stop()
        return
    from nabe.mqtt.service import MqttService

    behind = None if settings.nats == "off" else lambda: _backbone(nabe)
    state = config.state_folder(nabe.root)
    service = MqttService(replace(_services(nabe), settings=settings), channels(nabe), nabe.parking, state, behind)
    service.start()
    nabe.mqtt = service
    try:
        yield service
    finally:
        nabe.mqtt = None
        nabe.devices.stop()
        service.stop()


@contextlib.asynccontextmanager
async def _backbone(nabe: Nabe) -> AsyncIterator[Backbone]:
    """NATS beside us or elsewhere: the inbox, and the bus to other processes."""
    import asyncio

    from nabe.mqtt.service import Backbone

    settings, state = nabe.settings, config.state_folder(nabe.root)
    async with contextlib.AsyncExitStack() as stack:
        url = secret_resolver(nabe.root)(settings.nats)
        if url:
            link = Link(lambda: Address(url))
        else:
            most = 2 * settings.mqtt_inbox_mb * 1_000_000
            server = NatsServer(state / "nats", sync_always=settings.mqtt_durability == "power", most_bytes=most)
            stack.callback(server.stop)
            await asyncio.to_thread(server.start)
            link = Link(lambda: server.address)
        name = f"nabe-{re.sub(r'[^A-Za-z0-9]+', '-', nabe.hub.city().id)}"
        inbox = NatsInbox(link, name, most_bytes=settings.mqtt_inbox_mb * 1_000_000)
        nabe.bus.link(link, name)
        stack.callback(nabe.bus.unlink)
        stack.push_async_callback(link.close)
        await link.open()
        yield Backbone(inbox, lambda: "ok" if link.up else "no connection to NATS")


def interfaces() -> list[Interface]:
    """Every northbound interface: each package of `nabe.apis`, and the portal; found by being there."""
    import nabe.apis

    names = [f"nabe.apis.{item.name}" for item in pkgutil.iter_modules(nabe.apis.__path__) if item.ispkg]
    return [importlib.import_module(name).INTERFACE for name in [*names, "nabe.portal"]]


@cache
def adapters() -> Mapping[str, Adapter]:
    """Kinds of silos, built in or installed (entry point group `nabe.adapters`), by id; the pickiest `claim` first.

    One that cannot be loaded is left out with a word in the log; the others work. An id belongs to whom it belonged
    first: what is built in is not replaced by what is installed.
    """
    found: dict[str, Adapter] = {}
    for entry in adapter_entries():
        try:
            found.setdefault(entry.name, entry.load()())
        except Exception as error:  # an adapter from elsewhere may fail in any way; the city's other silos must not
            words = error if isinstance(error, ImportError) else type(error).__name__
            logging.getLogger("nabe").warning("adapter %s cannot be loaded: %s", entry.name, words)
    return dict(sorted(found.items(), key=lambda item: (_claim(item[1]), _built_in(item[1]), item[0])))


def _claim(adapter: Adapter) -> Claim:
    return Claim(getattr(adapter, "claim", Claim.STANDARD))


def _built_in(adapter: Adapter) -> bool:
    return type(adapter).__module__.startswith("nabe.adapters.")


def adapter_entries() -> list[EntryPoint]:
    """Where adapters are, loadable or not: built-in ones first, then installed ones by package."""

    def place(entry: EntryPoint) -> tuple[bool, str, str]:
        package = entry.dist.name if entry.dist is not None else ""
        return not entry.value.startswith("nabe.adapters."), package, entry.name

    return sorted(entry_points(group="nabe.adapters"), key=place)


class Sources:
    """Open silos, one per declared system; reopened when its declaration changes."""

    def __init__(
        self, catalogue: Catalogue, adapters: Mapping[str, Adapter], root: Path, streams: Source | None = None
    ) -> None:
        self.adapters = adapters
        self._streams = streams
        self._catalogue = catalogue
        self._root = root
        self._open: dict[str, tuple[object, Source]] = {}
        self._lock = Lock()

    def open(self, id: str) -> Source:
        """The silo with this id, to be read: of those whose devices send by themselves, what lies in our own stores."""
        system = self._catalogue.snapshot().systems.get(id)
        adapter = self.adapters.get(system.adapter) if system is not None else None
        if self._streams is not None and getattr(adapter, "streams", False):
            return self._streams
        return self.own(id)

    def own(self, id: str) -> Source:
        """The silo itself."""
        snapshot = self._catalogue.snapshot()
        system = snapshot.systems.get(id)
        if system is None:
            raise Unknown(f"There is no system {id!r}.", system=id)
        allow = snapshot.city.allow_hosts if snapshot.city else ()
        with self._lock:
            declared, source = self._open.get(id, (None, None))
            if source is not None and declared == (system, allow):
                return source
            adapter = self.adapters.get(system.adapter)
            if adapter is None:
                hint = f"Installed adapters: {', '.join(sorted(self.adapters))}."
                raise SourceRefused(id, f"no adapter {system.adapter!r} is installed.", hint=hint)
            opened = adapter.open(system, secret_resolver(self._root), adapter_context(self._root, id, snapshot))
            self._open[id] = ((system, allow), opened)
        if source is not None:
            source.close()
        return opened

    def close(self) -> None:
        """Close all."""
        with self._lock:
            for _, source in self._open.values():
                source.close()
            self._open.clear()


def adapter_context(root: Path, name: str, snapshot: Snapshot) -> AdapterContext:
    """Where an adapter lives that serves the silo `name`; its cache folder is made."""
    config.state_folder(root).mkdir(mode=0o700, exist_ok=True)
    folder = config.state_folder(root) / "cache" / name
    folder.mkdir(parents=True, exist_ok=True)
    allow = snapshot.city.allow_hosts if snapshot.city else ()
    kept = config.state_folder(root).resolve() / "deliveries" / name
    return AdapterContext(str(root.resolve()), str(folder), allow, str(kept))


def secret_resolver(root: Path):  # type: ignore[no-untyped-def]  # returns Callable[[str], str]
    """Resolve `${ENV}` references and `file:` references (relative to the workspace) inside a setting."""
    import os

    def resolve(text: str) -> str:
        if text.startswith("file:"):
            path = (root / text.removeprefix("file:")).resolve()
            try:
                return path.read_text("utf-8").strip()
            except OSError:
                name = text.removeprefix("file:")
                raise Invalid(
                    f"The secret file {name!r} cannot be read.", hint="Create it, readable by Nabe only."
                ) from None

        def variable(match: re.Match[str]) -> str:
            value = os.environ.get(match[1])
            if value is None:
                raise Invalid(
                    f"The environment variable {match[1]} is not set.", hint="It holds a secret of the workspace."
                )
            return value

        return re.sub(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", variable, text)

    return resolve


def _server_block(root: Path) -> Mapping[str, object]:
    from nabe.manifest import server_block

    return server_block(root)


def _validate(snapshot: Snapshot) -> list[str]:
    from nabe.manifest import check_snapshot

    return [str(problem) for problem in check_snapshot(snapshot, adapters(), parse_filter, describe)]


def load(root: Path) -> Loaded:
    """The declarations in a workspace's files, checked with everything that is installed."""
    from nabe import manifest

    return manifest.load(root, adapters(), parse_filter=parse_filter, describe=describe)
