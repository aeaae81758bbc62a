"""paho's MQTT 3.1.1 conformance tests against Nabe's gate: `python scripts/mqtt_conformance.py FOLDER [TEST ...]`.

FOLDER is `interoperability` of a checkout of eclipse/paho.mqtt.testing. The suite sends messages from client to client, which
Nabe never does; so a channel of this script relays them (and remembers what is to be retained), and everything else is
Nabe's: packets, sessions, QoS, the inbox in NATS. Figures: docs/mqtt.md.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path

from nabe import app
from nabe.config import Settings
from nabe.errors import Unknown
from nabe.model.party import Actor
from nabe.mqtt import Channel
from nabe.mqtt.guests import Guest, Guests
from nabe.mqtt.packets import matches

#: The suite's own way of reading a port from the command line does not get along with today's unittest.
_START = """
import unittest, client_test as suite
suite.host, suite.port = "127.0.0.1", {port}
suite.topics = ("TopicA", "TopicA/B", "Topic/C", "TopicA/C", "/TopicA")
suite.wildtopics = ("TopicA/+", "+/C", "#", "/#", "/+", "+/+", "TopicA/#")
suite.nosubscribe_topics = ("test/nosubscribe",)
unittest.main(suite)
"""


class Relay:
    """What comes on a topic goes to all who want it."""

    def __init__(self) -> None:
        self.watching: list = []

    def take(self, messages):
        for message in messages:
            for name, deliver in list(self.watching):
                if matches(name, message.topic):
                    deliver(message.topic, message.payload)
        return [None] * len(messages)

    def watch(self, actor, use_case, name, deliver):
        if name.startswith("test/nosubscribe"):
            raise Unknown("Not for you.")
        entry = (name, deliver)
        self.watching.append(entry)
        return lambda: self.watching.remove(entry)


def main() -> None:
    """Serve a workspace of its own and let the suite loose on it."""
    relay = Relay()
    app.channels = lambda nabe: [Channel(("#", "$SYS/#"), relay.take, relay.watch)]
    # Nobody in particular leaves no session behind; the suite logs in as nobody and wants sessions.
    Guests.admit = lambda self, asked, client: Guest(Actor("suite"), "open-data", "secret")
    Guests.welcome = lambda self, guest: True
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        (Path(folder) / "nabe.yaml").write_text("kind: city\nid: suite\ntitle: Suite\nags: '99000001'\nland: NW\n")
        nabe = stack.enter_context(app.open_workspace(Path(folder), Settings(mqtt_port=0, jobs=0)))
        mqtt = stack.enter_context(app.devices(nabe))
        start = _START.format(port=mqtt.ports["mqtt"])
        command = [sys.executable, "-c", start, "-v", *sys.argv[2:]]
        sys.exit(subprocess.run(command, cwd=sys.argv[1]).returncode)  # noqa: S603  the suite


if __name__ == "__main__":
    main()
