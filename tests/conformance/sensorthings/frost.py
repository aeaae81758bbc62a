"""FROST-Server as a real process on loopback, over a throw-away PostgreSQL: oracle of the differential tests and baseline.

with Frost() as frost:
    print(frost.root)  # http://127.0.0.1:…/FROST-Server/v1.1
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from types import TracebackType

from nabe.testing.machine import free_port
from nabe.testing.servers import PostgresServer

from . import artefacts

CONTEXT = "/FROST-Server"


class Frost:
    """`root` (with version), `base` (without), `mqtt` (host, port). `durable`: PostgreSQL waits for the disk.

    `multi`, `tasking`: with MultiDatastreams, with Tasking. `settings`: further ones of FROST, by its own names.
    """

    def __init__(
        self,
        *,
        durable: bool = False,
        multi: bool = True,
        tasking: bool = False,
        heap: str = "1g",
        settings: dict[str, str] | None = None,
    ) -> None:
        self.heap = heap
        self._stack = contextlib.ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._durable = durable
        self._given = {
            "plugins.multiDatastream.enable": str(multi).lower(),
            "plugins.actuation.enable": str(tasking).lower(),
            **(settings or {}),
        }
        self.port, self.mqtt_port, self._ws_port = free_port(), free_port(), free_port()
        self.base = f"http://127.0.0.1:{self.port}{CONTEXT}"
        self.root = f"{self.base}/v1.1"
        self.mqtt = ("127.0.0.1", self.mqtt_port)
        self.database: PostgresServer | None = None

    @property
    def pid(self) -> int:
        """Of the Java process."""
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> Frost:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _start(self) -> None:
        war = artefacts.frost_war()
        libraries = artefacts.with_dependencies(artefacts.SERVER)
        jars = sorted(libraries.glob("*.jar"))
        classes = artefacts.compiled(["WarServer.java"], jars)
        work = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="nabe-frost-")))
        self.database = database = self._database()
        # PostgreSQL's driver and FROST's logging must be seen from FROST's own class loader: Tomcat's is above it.
        class_path = artefacts.joined([classes, *jars])
        log = self._stack.enter_context((work / "log").open("wb"))
        self._process = subprocess.Popen(
            [
                artefacts.tool("java"),
                f"-Xmx{self.heap}",
                f"-Djava.io.tmpdir={work}",
                *("-cp", class_path, "WarServer", str(self.port), CONTEXT, str(war)),
            ],
            cwd=work,
            env={**os.environ, **self._environment(database, work)},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        self._stack.callback(self._stop)
        self._wait(work / "log")

    def _database(self) -> PostgresServer:
        if self._durable:
            folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="nabe-frost-db-"))) / "data"
            folder.parent.chmod(0o755)
            server = PostgresServer(folder, keep=True)
        else:
            server = PostgresServer()
        self._stack.callback(server.close)
        if not server.postgis:
            raise artefacts.NotToBeHad("PostGIS is not installed (Debian: apt install postgresql-15-postgis-3).")
        if self._durable:
            server.run(f"alter role {server.user} set synchronous_commit = on")
        return server

    def _environment(self, database: PostgresServer, work: Path) -> dict[str, str]:
        settings = {
            "serviceRootUrl": self.base,
            "tempPath": str(work),
            "mqtt.mqttServerImplementationClass": "de.fraunhofer.iosb.ilt.frostserver.mqtt.moquette.MoquetteMqttServer",
            "mqtt.Enabled": "true",
            "mqtt.Host": "127.0.0.1",
            "mqtt.internalHost": "127.0.0.1",
            "mqtt.Port": str(self.mqtt_port),
            "mqtt.WebsocketPort": str(self._ws_port),
            "mqtt.QoS": "2",
            "mqtt.allowFilter": "true",
            "bus.busImplementationClass": "de.fraunhofer.iosb.ilt.frostserver.messagebus.InternalMessageBus",
            "persistence.persistenceManagerImplementationClass": (
                "de.fraunhofer.iosb.ilt.frostserver.persistence.pgjooq.PostgresPersistenceManager"
            ),
            "persistence.autoUpdateDatabase": "true",
            "persistence.db.driver": "org.postgresql.Driver",
            "persistence.db.url": f"jdbc:postgresql://127.0.0.1:{database.port}/{database.database}",
            "persistence.db.username": database.user,
            "persistence.db.password": database.password,
            "persistence.db.conn.max": "30",
            "extension.filterDelete.enable": "true",
            "plugins.coreModel.idType": "LONG",
            **self._given,
        }
        return {name.replace(".", "_"): value for name, value in settings.items()}

    def _wait(self, log: Path) -> None:
        """Until the root answers; FROST makes its tables at the first request."""
        assert self._process is not None
        for _ in range(240):
            if self._process.poll() is not None:
                break
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.root}/Things", timeout=60):
                return
            time.sleep(0.5)
        lines = log.read_text("utf-8", "replace").splitlines()
        told = [line for line in lines if "ERROR" in line or "Exception" in line] or lines
        raise artefacts.NotToBeHad("FROST does not start: " + " | ".join(told[-5:])[:1500])

    def _stop(self) -> None:
        if self._process is None:
            return
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
