"""A gate with real clients on one side, and on the other a channel that keeps what it is given in a file of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import sqlite3
import threading
import time

import paho.mqtt.client as paho
import pytest

from nabe.app import devices, open_workspace
from nabe.config import Settings
from nabe.errors import Denied, Invalid, SourceUnavailable, Unknown
from nabe.model.party import Actor, Role
from nabe.mqtt import Channel

SETTINGS = Settings(mqtt_port=0, jobs=0)
PASSWORD = "richtig-lang-genug"


class Book:
    """Keeps each message once, by its key, and tells subscribers of `echo/...` about it."""

    def __init__(self, path):
        self.path = path
        self.away = False
        self.watchers = []
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("CREATE TABLE IF NOT EXISTS book (key TEXT PRIMARY KEY, actor TEXT, topic TEXT, payload TEXT)")

    def take(self, messages):
        if self.away:
            raise SourceUnavailable("book", "it is away.")
        found = []
        with self._lock:
            self._db.execute("BEGIN")
            for item in messages:
                if item.payload.startswith(b"{bad"):
                    found.append(Invalid("That is no JSON.", field="payload"))
                elif item.payload.startswith(b"boom"):
                    self._db.execute("COMMIT")
                    raise RuntimeError("secret words")
                elif item.actor.id == "fremd":
                    found.append(Denied("fremd may not write."))
                else:
                    row = (item.key, item.actor.id, item.topic, item.payload.decode())
                    self._db.execute("INSERT OR IGNORE INTO book VALUES (?, ?, ?, ?)", row)
                    found.append(None)
            self._db.execute("COMMIT")
        for item, error in zip(messages, found, strict=True):
            if error is None:
                for actor, name, deliver in list(self.watchers):
                    if name == item.topic.replace("v1.1/", "echo/") and (name != "echo/closed" or actor == "erika"):
                        deliver(name, item.payload)
        return found

    def watch(self, actor, use_case, name, deliver):
        if name == "echo/closed" and actor.id != "erika":
            raise Unknown("There is nothing.")
        entry = (actor.id, name, deliver)
        self.watchers.append(entry)
        return lambda: self.watchers.remove(entry)

    def payloads(self):
        with self._lock:
            return [row[0] for row in self._db.execute("SELECT payload FROM book ORDER BY rowid")]

    def actors(self):
        with self._lock:
            return {row[0] for row in self._db.execute("SELECT DISTINCT actor FROM book")}

    def channel(self):
        return Channel(("v1.1/#",), self.take, self.watch, ("echo/#",))


class House:
    """An opened workspace whose gate listens on a free port."""

    def __init__(self, root, settings=SETTINGS):
        self.root, self.settings = root, settings
        self.stack = contextlib.ExitStack()
        self.nabe = self.stack.enter_context(open_workspace(root, settings))
        self.book = Book(root / "book.sqlite")

    def start(self):
        self.stack.enter_context(pytest.MonkeyPatch.context()).setattr(
            "nabe.app.channels", lambda nabe: [self.book.channel()]
        )
        self.mqtt = self.stack.enter_context(devices(self.nabe))
        self.port = self.mqtt.ports["mqtt"]
        return self

    def account(self, name="erika", **more):
        self.nabe.identity.put_account(Actor(name, name, "", frozenset({Role.CITIZEN})), PASSWORD)
        now = dt.datetime.now(dt.UTC)
        return self.nabe.identity.create_token(name, "test", at=now, expires=None, **more)

    def client(self, client_id="", user=None, password=None, clean=True, **more):
        return Client(self.port, client_id, user, password, clean, **more)


class Client:
    """paho, made easy to ask: `code` of CONNACK, `got` messages, `subscribe` with its SUBACK code."""

    def __init__(
        self, port, client_id="", user=None, password=None, clean=True, transport="tcp", path="/mqtt", tls=None
    ):
        self.got, self.code, self.subacks, self.gone = [], None, {}, threading.Event()
        self.up = threading.Event()
        self.paho = paho.Client(
            paho.CallbackAPIVersion.VERSION2,
            client_id,
            clean_session=clean,
            transport=transport,
            reconnect_on_failure=False,
        )
        if transport == "websockets":
            self.paho.ws_set_options(path)
        if user is not None:
            self.paho.username_pw_set(user, password)
        if tls:
            self.paho.tls_set(tls)
        self.paho.on_connect = self._connected
        self.paho.on_message = lambda _c, _u, item: self.got.append(item)
        self.paho.on_subscribe = lambda _c, _u, mid, codes, _p: self.subacks.update({mid: [c.value for c in codes]})
        self.paho.on_disconnect = lambda *_: self.gone.set()
        self.paho.connect("127.0.0.1", port, keepalive=30)
        self.paho.loop_start()
        assert self.up.wait(15)

    def _connected(self, _client, _data, flags, code, _properties):
        self.code, self.present = code, flags.session_present
        self.up.set()

    def publish(self, topic, payload, qos=1, retain=False):
        self.paho.publish(topic, payload, qos, retain).wait_for_publish(20)

    def subscribe(self, topic, qos=0):
        _, mid = self.paho.subscribe(topic, qos)
        until(lambda: mid in self.subacks)
        return self.subacks[mid][0]

    def texts(self):
        return [(item.topic, item.payload.decode(), item.qos) for item in self.got]

    def close(self):
        self.paho.disconnect()
        self.paho.loop_stop()

    def break_off(self):
        """Without DISCONNECT."""
        self.paho._sock_close()
        self.paho.loop_stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def until(true, seconds=15):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.01)


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / "nabe.yaml").write_text("kind: city\nid: testdorf\ntitle: Testdorf\nags: '99000001'\nland: NW\n")
    return tmp_path


@pytest.fixture
def house(workspace):
    found = House(workspace)
    with found.stack:
        yield found.start()


@pytest.fixture
def direct(workspace):
    """Without NATS."""
    found = House(workspace, dataclasses.replace(SETTINGS, nats="off"))
    with found.stack:
        yield found.start()
