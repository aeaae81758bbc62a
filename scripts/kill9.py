"""Kill Nabe and nats-server again and again while devices write over HTTP and MQTT, then compare acknowledged with stored.

    python scripts/kill9.py [--kills 20] [--durability power|process|direct] [--keep FOLDER]

Every value is written once by its device; what was not acknowledged when the connection broke is sent again, as MQTT (DUP)
and HTTP (Idempotency-Key) provide for. In the end every acknowledged value must be stored exactly once, and no value twice.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from pathlib import Path

import httpx

from nabe.mqtt import packets
from nabe.mqtt.packets import Publish

SERVER = Path(__file__).parent.parent / "benchmarks" / "mqtt.py"
STREAMS = 6


class Server:
    """Nabe as a process of its own, started anew whenever it was killed."""

    def __init__(self, folder: str, durability: str) -> None:
        self._command = [sys.executable, str(SERVER), "--serve", folder, "--streams", str(STREAMS)]
        self._command += ["--durability", durability]
        self.at: dict[str, int] = {}
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Until it says its ports."""
        self.process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("Nabe does not start any more")
        self.at = json.loads(line)

    def kill(self) -> None:
        """Without a word; nats-server goes with it."""
        assert self.process is not None
        self.at = {}
        self.process.kill()
        self.process.wait()

    def kill_nats(self) -> bool:
        """Only the server behind it."""
        assert self.process is not None
        found = subprocess.run(["pgrep", "-P", str(self.process.pid), "nats-server"], capture_output=True, text=True)  # noqa: S603, S607
        for pid in found.stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        return bool(found.stdout.split())

    def stop(self) -> None:
        """In peace."""
        assert self.process is not None and self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60)


class Devices:
    """Writers of both kinds; `acknowledged` holds every value that Nabe took."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.acknowledged: list[int] = []
        self.ending = threading.Event()
        self._next = 0

    def value(self) -> int:
        """One that nobody else writes."""
        self._next += 1
        return self._next

    async def run(self) -> None:
        """All of them, until `ending`; then until each of their values is acknowledged."""
        await asyncio.gather(
            *(self._mqtt(number, qos) for number, qos in enumerate((1, 1, 2))), *(self._http(n) for n in range(3))
        )

    async def _mqtt(self, number: int, qos: int) -> None:
        flying: OrderedDict[int, tuple[int, Publish, bool]] = OrderedDict()
        packet = 0
        while not self.ending.is_set() or flying:
            try:
                at = dict(self.server.at)
                reader, writer = await asyncio.open_connection("127.0.0.1", at["mqtt"])
            except (OSError, KeyError):
                await asyncio.sleep(0.05)
                continue
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                writer.write(packets.connect(f"device-{number}"))
                await reader.readexactly(4)
                topic = f"v1.1/Datastreams({at['first'] + number})/Observations"
                for key, (_, item, released) in flying.items():
                    again = Publish(item.topic, item.payload, qos, False, True, key)
                    writer.write(
                        packets.acknowledgement(packets.Kind.PUBREL, key) if released else packets.publish(again)
                    )
                while not self.ending.is_set() or flying:
                    while len(flying) < 20 and not self.ending.is_set():
                        packet = packet % 65_535 + 1
                        value = self.value()
                        item = Publish(topic, json.dumps({"result": value}).encode(), qos, packet=packet)
                        flying[packet] = (value, item, False)
                        writer.write(packets.publish(item))
                    answer = await asyncio.wait_for(reader.readexactly(4), 30)
                    kind, key = answer[0] >> 4, int.from_bytes(answer[2:4], "big")
                    if key not in flying:
                        continue
                    value, item, _ = flying[key]
                    if kind == packets.Kind.PUBREC:
                        flying[key] = (value, item, True)
                        writer.write(packets.acknowledgement(packets.Kind.PUBREL, key))
                        self.acknowledged.append(value)
                    else:
                        del flying[key]
                        if qos == 1:
                            self.acknowledged.append(value)
                    await asyncio.sleep(0.0005)
            writer.close()

    async def _http(self, number: int) -> None:
        async with httpx.AsyncClient(timeout=20) as client:
            while not self.ending.is_set():
                value, done = self.value(), False
                while not done:
                    try:
                        at = dict(self.server.at)
                        path = f"/sta/v1.1/Datastreams({at['first'] + 3 + number})/Observations"
                        answer = await client.post(
                            f"http://127.0.0.1:{at['http']}{path}",
                            json={"result": value},
                            headers={"Idempotency-Key": f"value-{value}"},
                        )
                        done = answer.status_code == 201
                        if not done and answer.status_code < 500:
                            raise SystemExit(f"HTTP {answer.status_code}: {answer.text[:300]}")
                    except (httpx.TransportError, KeyError):
                        await asyncio.sleep(0.05)
                self.acknowledged.append(value)


def stored(server: Server) -> Counter[int]:
    """Every value in the store, and how often."""
    found: Counter[int] = Counter()
    url = f"http://127.0.0.1:{server.at['http']}/sta/v1.1/Observations?$select=result&$top=10000&$orderby=id"
    while url:
        page = httpx.get(url, timeout=60).json()
        found.update(int(item["result"]) for item in page["value"])
        url = page.get("@iot.nextLink", "")
    return found


def run(folder: str, kills: int, durability: str, seed: int = 1, say: Callable[[str], None] = print) -> list[str]:
    """What is wrong in the end; empty: nothing."""
    dice, server = random.Random(seed), Server(folder, durability)  # noqa: S311
    server.start()
    devices = Devices(server)
    thread = threading.Thread(target=lambda: asyncio.run(devices.run()), daemon=True)
    thread.start()
    for number in range(kills):
        time.sleep(dice.uniform(0.3, 1.5))
        before = len(devices.acknowledged)
        if number % 3 == 1 and server.kill_nats():
            what = "nats-server"
        else:
            what = "Nabe"
            server.kill()
            server.start()
        say(f"kill {number + 1}: {what}; {before} acknowledged so far")
    time.sleep(1.0)
    devices.ending.set()
    thread.join(120)
    if thread.is_alive():
        return ["devices were not acknowledged any more"]
    wanted = set(devices.acknowledged)
    for _ in range(300):
        found = stored(server)
        if wanted <= found.keys():
            break
        time.sleep(0.2)
    server.stop()
    say(f"{len(wanted)} acknowledged, {sum(found.values())} stored")
    lost, twice = sorted(wanted - found.keys()), sorted(value for value, count in found.items() if count > 1)
    problems = [f"{len(lost)} lost: {lost[:10]}"] if lost else []
    return problems + ([f"{len(twice)} stored more than once: {twice[:10]}"] if twice else [])


def main() -> None:
    """Run, report, exit with 1 if something was lost or doubled."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--durability", default="power", choices=("power", "process", "direct"))
    parser.add_argument("--keep", default="")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.keep:
            Path(given.keep).mkdir(parents=True, exist_ok=True)
        problems = run(given.keep or folder, given.kills, given.durability, given.seed)
    print("\n".join(problems) or "nothing lost, nothing doubled")  # noqa: T201
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
