"""Throw-away PostgreSQL and MariaDB servers as real processes of this machine, which can be stopped, hung and revived.

    with postgres() as server:
        server.run("create table kita (id int primary key)")
        server.pause()  # a hanging silo

Only installed programs are used; `available_postgres()` and `available_mariadb()` say whether there are any.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from nabe.testing.machine import (
    CannotStart,
    descendants,
    find,
    free_port,
    has_account,
    is_free,
    must_be_reachable,
    program,
)

__all__ = [
    "CannotStart",
    "MariaDbServer",
    "PostgresServer",
    "Server",
    "available_mariadb",
    "available_postgres",
    "mariadb",
    "postgres",
]

#: Waits until the process that started the server is gone (the pipe closes), then ends the server and tidies up.
_WATCH = 'cat >/dev/null; kill -CONT "$1"; kill -INT "$1"; sleep 2; kill -KILL "$1"; [ -z "$2" ] || rm -rf "$2"'


class Server:
    """A database server of its own: `url` (postgresql://user:password@127.0.0.1:port/database), `dsn` (key=value).

    `data`: its folder (default: a temporary one); `keep`: leave the data there when it is closed, to be started again
    with the same user, password and, if free, port. Raises `CannotStart`.
    """

    scheme: ClassVar[str]
    account: ClassVar[str]  # the machine's user that runs it when we are root, which such servers refuse
    database_key: ClassVar[str]
    postgis = False

    def __init__(self, data: Path | None = None, *, keep: bool = False, port: int = 0) -> None:
        self.keep = keep and data is not None
        self.folder = Path(data).resolve() if data else Path(tempfile.mkdtemp(prefix="nabe-"))
        self.user, self.database, self.password = "nabe", "nabe", secrets.token_urlsafe(12)
        self.port = port
        self._owner = self.account if os.geteuid() == 0 and has_account(self.account) else None
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: subprocess.Popen[bytes] | None = None
        self._paused: list[int] = []
        atexit.register(self.close)
        try:
            self._prepare()
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.user}:{self.password}@127.0.0.1:{self.port}/{self.database}"

    @property
    def dsn(self) -> str:
        return (
            f"host=127.0.0.1 port={self.port} user={self.user} password={self.password}"
            f" {self.database_key}={self.database}"
        )

    @property
    def running(self) -> bool:
        """Is its process there (perhaps hung)?"""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and wait until it answers; nothing if it runs."""
        if self.running:
            return
        for _ in range(5):  # another process may take the free port between our look and the server's
            self.port = self.port if is_free(self.port) else free_port()
            self._spawn()
            if self._came_up():
                self._remember()
                return
            time.sleep(0.5)
        raise CannotStart(f"{self.scheme} server does not start: {self._log_tail()}")

    def stop(self) -> None:
        """Stop it, cutting its connections; `start()` brings it back on the same port."""
        self.resume()
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(self._stop_signal)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None
        if self._watch is not None:
            self._watch.kill()
            self._watch.wait()
            assert self._watch.stdin is not None
            self._watch.stdin.close()
            self._watch = None

    def pause(self) -> None:
        """Freeze all its processes: connections stay open and nothing answers."""
        assert self._process is not None, "a stopped server cannot be paused"
        self._signal(self._process.pid, signal.SIGSTOP)  # first the parent, so that no child is born meanwhile
        children = descendants(self._process.pid)
        for pid in children:
            self._signal(pid, signal.SIGSTOP)
        self._paused = [*children, self._process.pid]

    def resume(self) -> None:
        """Undo `pause`."""
        for pid in self._paused:
            self._signal(pid, signal.SIGCONT)
        self._paused = []

    def close(self) -> None:
        """Stop it for good and remove its folder unless it is to be kept. Safe to call twice."""
        self.stop()
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)
        atexit.unregister(self.close)

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """Run statements as the server's owner, committed; the rows of the last one."""
        with contextlib.closing(self.connect()) as connection, contextlib.closing(connection.cursor()) as cursor:
            cursor.execute(sql)
            while cursor.nextset():
                pass
            return list(cursor.fetchall()) if cursor.description else []

    def connect(self) -> Any:
        """A connection of the database's own driver (autocommit)."""
        raise NotImplementedError

    # What a kind of server says about itself
    _stop_signal: ClassVar[signal.Signals]

    def _create(self) -> None:
        raise NotImplementedError

    def _command(self) -> Sequence[str]:
        raise NotImplementedError

    def _ready(self) -> None:
        """After the first answer: create what must be there."""

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _prepare(self) -> None:
        memory = self.folder / "server.json"
        if memory.exists():
            kept = json.loads(memory.read_text())
            self.password, self.port = kept["password"], self.port or kept["port"]
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._data.exists():  # an earlier start was cut off before the server had answered once
            shutil.rmtree(self._data)
        self._data.mkdir(mode=0o700)
        if self._owner:
            for path in (self.folder, self._data):
                shutil.chown(path, self._owner, self._owner)
            must_be_reachable(self.folder, self._owner)
        self._create()

    def _remember(self) -> None:
        self._ready()
        if self.keep:
            memory = self.folder / "server.json"
            with open(os.open(memory, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump({"password": self.password, "port": self.port}, file)

    def _secret_file(self, name: str, text: str) -> Path:
        path = self.folder / name
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        if self._owner:
            shutil.chown(path, self._owner, self._owner)
        return path

    def _popen(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        who: dict[str, Any] = {"user": self._owner, "group": self._owner, "extra_groups": []} if self._owner else {}
        with open(self.folder / "server.log", "ab") as log:
            return subprocess.Popen(  # noqa: S603  # programs found in fixed places
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                # Temporary files, too: the machine's own folder for them may not be open to the server's account.
                env={**os.environ, "LC_ALL": "C", "HOME": str(self.folder), "TMPDIR": str(self.folder)},
                start_new_session=True,  # Ctrl-C at the terminal is for us, not for the server
                **who,
            )

    def _once(self, command: Sequence[str]) -> None:
        if self._popen(command).wait(60) != 0:
            raise CannotStart(f"{command[0]} failed: {self._log_tail()}")

    def _spawn(self) -> None:
        process = self._process = self._popen(self._command())
        remove = "" if self.keep else str(self.folder)
        self._watch = subprocess.Popen(  # noqa: S603
            ["/bin/sh", "-c", _WATCH, "nabe-watch", str(process.pid), remove],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _came_up(self) -> bool:
        end = time.monotonic() + 30
        while self.running and time.monotonic() < end:
            try:
                self.connect().close()
                return True
            except Exception:  # the driver's error says only that it is not there yet
                time.sleep(0.05)
        self.stop()
        return False

    def _log_tail(self) -> str:
        try:
            text = (self.folder / "server.log").read_text("utf-8", "replace")
        except OSError:
            return "it left no log"
        return " | ".join(text.strip().splitlines()[-5:])

    def _signal(self, pid: int, what: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, what)


class PostgresServer(Server):
    """PostgreSQL, with PostGIS created in its database when it is installed (`postgis`)."""

    scheme = "postgresql"
    account = "postgres"
    database_key = "dbname"
    _stop_signal = signal.SIGINT  # "fast": cuts connections, keeps data

    def _create(self) -> None:
        secret = self._secret_file("password", self.password)
        options = ["--auth=scram-sha-256", f"--username={self.user}", f"--pwfile={secret}", "--encoding=UTF8"]
        self._once([program("initdb"), "-D", str(self._data), *options, "--locale=C", "--no-sync"])
        secret.unlink()

    def _command(self) -> Sequence[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.folder,
            "shared_buffers": "64MB",
            "max_connections": 60,
            "fsync": "on" if self.keep else "off",
            "synchronous_commit": "off",
            "full_page_writes": "on" if self.keep else "off",
            "max_parallel_workers_per_gather": 0,
        }
        return [
            program("postgres"),
            "-D",
            str(self._data),
            *(f"--{name}={value}" for name, value in settings.items()),
        ]

    def _came_up(self) -> bool:
        database, self.database = self.database, "postgres"  # ours is made after the first answer
        try:
            return super()._came_up()
        finally:
            self.database = database

    def _ready(self) -> None:
        database, self.database = self.database, "postgres"
        if not self.run(f"select 1 from pg_database where datname = '{database}'"):  # noqa: S608  # our own name
            self.run(f"create database {database}")
        self.database = database
        if self.run("select 1 from pg_available_extensions where name = 'postgis'"):
            self.run("create extension if not exists postgis")
            self.postgis = True

    def connect(self) -> Any:
        import psycopg

        return psycopg.connect(self.dsn, connect_timeout=5, autocommit=True)


class MariaDbServer(Server):
    """MariaDB, or MySQL where only that is installed."""

    scheme = "mariadb"
    account = "mysql"
    database_key = "database"
    _stop_signal = signal.SIGTERM

    def _create(self) -> None:
        data = f"--datadir={self._data}"
        installer = find("mariadb-install-db") or find("mysql_install_db")
        if installer:
            self._once([installer, "--no-defaults", data, "--auth-root-authentication-method=normal", "--skip-test-db"])
        else:
            self._once([program("mysqld"), "--no-defaults", data, "--initialize-insecure"])
        statements = (
            f"CREATE DATABASE {self.database} CHARACTER SET utf8mb4",
            f"CREATE USER '{self.user}'@'127.0.0.1' IDENTIFIED BY '{self.password}'",
            f"GRANT ALL ON *.* TO '{self.user}'@'127.0.0.1' WITH GRANT OPTION",
            f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{self.password}'",
        )
        self._secret_file("init.sql", ";\n".join(statements) + ";\n")

    def _command(self) -> Sequence[str]:
        settings = {
            "datadir": self._data,
            "bind-address": "127.0.0.1",
            "port": self.port,
            "socket": self.folder / "s.sock",
            "pid-file": self.folder / "server.pid",
            "skip-name-resolve": "1",
            "innodb-buffer-pool-size": "64M",
            "innodb-flush-log-at-trx-commit": "1" if self.keep else "0",
            "skip-log-bin": "1",
        }
        first = self.folder / "init.sql"
        server = find("mariadbd") or program("mysqld")
        start = [f"--init-file={first}"] if first.exists() else []
        return [server, "--no-defaults", *start, *(f"--{name}={value}" for name, value in settings.items())]

    def _ready(self) -> None:
        (self.folder / "init.sql").unlink(missing_ok=True)

    def connect(self) -> Any:
        import pymysql
        from pymysql.constants import CLIENT

        return pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user=self.user,
            password=self.password,
            database=self.database,
            connect_timeout=5,
            read_timeout=20,
            autocommit=True,
            charset="utf8mb4",
            client_flag=CLIENT.MULTI_STATEMENTS,
        )


@contextlib.contextmanager
def postgres(**options: Any) -> Iterator[PostgresServer]:
    """A PostgreSQL server for the length of a `with` block; options as of `Server`."""
    yield from _for_a_while(lambda: PostgresServer(**options))


def persistent_postgres(folder: Path) -> contextlib.AbstractContextManager[PostgresServer]:
    """A PostgreSQL server for the length of a `with` block whose data stay in `folder` for the next start."""
    return postgres(data=folder, keep=True)


@contextlib.contextmanager
def mariadb(**options: Any) -> Iterator[MariaDbServer]:
    """A MariaDB server for the length of a `with` block; options as of `Server`."""
    yield from _for_a_while(lambda: MariaDbServer(**options))


def available_postgres() -> bool:
    """Are PostgreSQL's server programs installed here?"""
    return bool(find("initdb") and find("postgres"))


def available_mariadb() -> bool:
    """Are MariaDB's or MySQL's server programs installed here?"""
    return bool(find("mariadbd") or find("mysqld"))


def _for_a_while(make: Callable[[], Any]) -> Iterator[Any]:
    server = make()
    try:
        yield server
    finally:
        server.close()
