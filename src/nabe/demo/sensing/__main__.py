"""The devices of the model city at work: one process that sends for all of them, through Nabe's broker and its webhook.

    python -m nabe.demo.sensing FOLDER < orders

`orders` is one line of JSON (`Orders`). It ends when standard input closes, and then says what it sent, as JSON.
"""

from __future__ import annotations

import heapq
import json
import os
import random
import select
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nabe.demo.sensing.client import Hook, Publisher, Refused
from nabe.demo.sensing.faults import CLOCKS, STUCK_AT, Fate, fate, spoilt
from nabe.demo.sensing.messages import Message, message, values
from nabe.demo.sensing.orders import Orders
from nabe.demo.sensing.signals import KINDS

#: Seconds between two looks at whether a car came or went, and the longest rest between two tries to connect.
_LOOK_S, _LONGEST_REST_S = 20.0, 30.0


@dataclass(slots=True)
class Told:
    """What was sent, by what became of it on the way."""

    sent: int = 0
    lost: int = 0
    twice: int = 0
    spoilt: int = 0
    unlisted: int = 0
    refused: int = 0
    by_kind: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Device:
    id: str
    kind: str
    name: str
    seed: int
    fault: str
    counter: int = 0
    state: Any = None
    said: float = 0.0


class Sending:
    """All devices; `step` does what is due."""

    def __init__(self, folder: Path, orders: Orders, begin: float) -> None:
        self._orders, self._begin = orders, begin
        self._rng = random.Random(orders.seed)  # noqa: S311  dice, no secret
        self._session = f"{int(begin) & 0xFFFFFF:06x}"  # all joined anew when the gateway started
        host = "127.0.0.1"
        self.mqtt = (
            Publisher(host, orders.mqtt, "musterstadt-gateway", orders.user, orders.token) if orders.mqtt else None
        )
        self.hook = Hook(host, orders.http, orders.token) if orders.http else None
        self.told = Told()
        self._due: list[tuple[float, int, _Device]] = []
        for number, item in enumerate(json.loads((folder / "geraete.json").read_text("utf-8"))["geraete"]):
            if item["fault"] != "dead" and (not orders.only or item["kind"] in orders.only):
                device = _Device(item["id"], item["kind"], item["name"], item["seed"], item["fault"])
                heapq.heappush(self._due, (begin + self._rng.random() * self._every(device), number, device))

    def step(self, now: float) -> float:
        """Send what is due; the seconds until there is something again."""
        while self._due and self._due[0][0] <= now:
            due, number, device = heapq.heappop(self._due)
            rest = self._every(device) * (0.97 + 0.06 * self._rng.random())
            heapq.heappush(self._due, (max(due + rest, now - rest), number, device))
            self._tell(device, now)
        return max(0.0, self._due[0][0] - now) if self._due else 60.0

    def _every(self, device: _Device) -> float:
        kind = KINDS[device.kind]
        return (_LOOK_S if device.kind == "bay" else kind.every) / self._orders.speed

    def _tell(self, device: _Device, now: float) -> None:
        kind = KINDS[device.kind]
        measured = values(kind, device.seed, STUCK_AT if device.fault == "stuck" else now)
        if device.kind == "bay":
            life = now - device.said >= kind.every / self._orders.speed
            if measured["occupied"] == device.state and not life:
                return
            if not life:
                del measured["temperature"]
            device.state, device.said = measured["occupied"], now
        device.counter += 1
        what = fate(self._rng)
        if what is Fate.LOST:
            self.told.lost += 1
            return
        clock = CLOCKS[kind.way](now) if device.fault == "clock" else now
        for made in message(
            device.kind, device.id, device.name, measured, now, counter=device.counter, clock=clock,
            streams=self._orders.streams.get(device.id, {}), session=self._session,
        ):  # fmt: skip
            self._send(device, made, what)

    def _send(self, device: _Device, made: Message, what: Fate) -> None:
        body = spoilt(made.body, self._rng) if what is Fate.SPOILT else made.body
        if made.hook:
            if self.hook is None:
                return
            times = 2 if what is Fate.TWICE else 1
            for _ in range(times):
                self.told.refused += self.hook.post(made.hook, body) >= 400
        elif self.mqtt is None:
            return
        elif what is Fate.TWICE and KINDS[device.kind].way == "sensing":  # a client that missed its acknowledgement
            self.mqtt.publish(made.topic, body, twice=True)
        else:  # a network server that sends again
            for _ in range(2 if what is Fate.TWICE else 1):
                self.mqtt.publish(made.topic, body)
        told = self.told
        told.sent += 1
        told.twice += what is Fate.TWICE
        told.spoilt += what is Fate.SPOILT
        told.unlisted += device.fault == "unlisted" and what is not Fate.SPOILT
        told.by_kind[device.kind] = told.by_kind.get(device.kind, 0) + 1


def run(folder: Path, orders: Orders, ended: Callable[[float], bool]) -> Told:
    """Send until `ended` (which waits so many seconds at most) says so. A broker that is away is tried again."""
    sending = Sending(folder, orders, time.time())
    rest = 0.5
    while True:
        try:
            wait = min(sending.step(time.time()), 1.0)
            if sending.mqtt is not None:
                sending.mqtt.pump()
            rest = 0.5
        except Refused:
            return sending.told
        except OSError:
            wait = rest = min(rest * 2, _LONGEST_REST_S)
        if ended(wait):
            break
    if sending.mqtt is not None:
        try:
            sending.mqtt.drain(2.0)
        except OSError:
            pass
        sending.mqtt.close()
    return sending.told


def _abandoned(wait_s: float) -> bool:
    """Has standard input been closed?"""
    return bool(select.select([sys.stdin], [], [], wait_s)[0]) and not os.read(sys.stdin.fileno(), 1)


if __name__ == "__main__":
    given = Orders.read(sys.stdin.buffer.readline())
    found = run(Path(sys.argv[1]), given, _abandoned)
    sys.stdout.write(json.dumps({name: getattr(found, name) for name in Told.__slots__}) + "\n")
