"""MQTT: messages a second into the store, and how long from a device to a subscriber.

    python benchmarks/mqtt.py [--messages 100000] [--streams 100] [--durability power|process|direct]

Targets (issue 4): QoS 1 at least 5,000 a second into the store; from publication to subscriber p99 at most 100 ms while
1,000 a second come. Clients, Nabe and nats-server share the machine. "acknowledged" counts until the last PUBACK, "stored"
until the store holds all.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from nabe.app import asgi, devices, open_workspace
from nabe.config import Settings
from nabe.model.catalogue import Change, City
from nabe.model.dataset import Access, Dataset, Mode, System
from nabe.model.entities import EntityQuery, EntityType, NewEntity
from nabe.model.flat import STREAM_FIELDS
from nabe.model.party import ANONYMOUS, Actor, Organisation, OrganisationKind, Role
from nabe.model.stream import Stream
from nabe.model.text import Text
from nabe.mqtt import packets
from nabe.mqtt.packets import Publish
from nabe.testing.serving import on_a_port

MEASUREMENT = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement"
IT = Actor("it", "IT", "stadt", frozenset({Role.IT}))


def serve(folder: Path, streams: int, durability: str) -> None:
    """A city with streams that anybody may write; says its ports and first stream, and serves until its input ends."""
    (folder / "nabe.yaml").write_text("kind: city\nid: stadt\ntitle: Stadt\nags: '99000001'\nland: NW\n")
    nats = "off" if durability == "direct" else ""
    kept = "power" if durability == "direct" else durability
    settings = Settings(mqtt_port=0, jobs=0, mqtt_durability=kept, nats=nats)
    with contextlib.ExitStack() as stack:
        nabe = stack.enter_context(open_workspace(folder, settings))
        if not nabe.hub.organisations():
            declare(nabe, streams)
        mqtt = stack.enter_context(devices(nabe))
        http = stack.enter_context(on_a_port(asgi(nabe)))
        query = EntityQuery(EntityType.DATASTREAM, top=1)
        first = nabe.hub.sensing.read(ANONYMOUS, "open-data", query).rows[0].id
        print(json.dumps({"mqtt": mqtt.ports["mqtt"], "http": http, "first": first}), flush=True)
        sys.stdin.read()


def declare(nabe, streams: int) -> None:
    """The dataset and its streams."""
    dataset = Dataset(
        "wetter",
        Text("Wetter"),
        "stadt",
        Access.OPEN,
        STREAM_FIELDS,
        system="netz",
        mode=Mode.STREAM,
        stream=Stream(("anonymous",)),
    )
    nabe.hub.declare(
        Actor("operator", "", "", frozenset({Role.IT})),
        [
            Change("city", "stadt", City("stadt", Text("Stadt"))),
            Change("organisation", "stadt", Organisation("stadt", Text("Stadt"), OrganisationKind.MUNICIPALITY)),
            Change("system", "netz", System("netz", Text("Netz"), "sensing", "stadt")),
            Change("dataset", "wetter", dataset),
        ],
        expect=nabe.hub.version(),
        approvals_from_files=True,
    )
    T = EntityType
    named = {"name": "x", "description": "y"}
    sensor = NewEntity(T.SENSOR, {**named, "encodingType": "text/html", "metadata": "m"})
    observed = NewEntity(T.OBSERVED_PROPERTY, {**named, "definition": "d"})
    unit = {"name": "", "symbol": "", "definition": ""}
    made = tuple(
        NewEntity(
            T.DATASTREAM,
            {**named, "observationType": MEASUREMENT, "unitOfMeasurement": unit},
            {"Sensor": (sensor,), "ObservedProperty": (observed,)},
        )
        for _ in range(streams)
    )
    place = {"type": "Point", "coordinates": [9.9, 51.5]}
    there = NewEntity(T.LOCATION, {**named, "encodingType": "application/geo+json", "location": place})
    nabe.hub.sensing.create(IT, "open-data", NewEntity(T.THING, named, {"Datastreams": made, "Locations": (there,)}))


async def device(port: int, topics: list[str], messages: int, window: int) -> None:
    """Publish with QoS 1, at most `window` on their way."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(packets.connect(""))
    await reader.readexactly(4)
    sent = acknowledged = 0
    rest = b""
    while acknowledged < messages:
        out = []
        while sent < messages and sent - acknowledged < window:
            payload = b'{"phenomenonTime":"2026-11-24T%02d:%02d:%02d.%03dZ","result":%d.5}' % (
                sent // 3_600_000 % 24, sent // 60_000 % 60, sent // 1000 % 60, sent % 1000, sent % 40,
            )  # fmt: skip
            out.append(packets.publish(Publish(topics[sent % len(topics)], payload, 1, packet=sent % 65_535 + 1)))
            sent += 1
        if out:
            writer.write(b"".join(out))
        data = await reader.read(65_536)
        if not data:
            raise SystemExit("a device was cut off")
        rest += data
        acknowledged += len(rest) // 4
        rest = rest[len(rest) // 4 * 4 :]
    writer.write(b"\xe0\x00")
    await writer.drain()
    writer.close()


def count(http: int) -> int:
    """Observations in the store."""
    return int(httpx.get(f"http://127.0.0.1:{http}/sta/v1.1/Observations/$count", timeout=60).text)


async def flood(at: dict[str, int], streams: int, messages: int, connections: int, window: int) -> str:
    """All connections as fast as they can."""
    before, start = count(at["http"]), time.perf_counter()
    topics = [f"v1.1/Datastreams({at['first'] + number})/Observations" for number in range(streams)]
    each = messages // connections
    await asyncio.gather(
        *(device(at["mqtt"], topics[number::connections] or topics, each, window) for number in range(connections))
    )
    acknowledged = time.perf_counter() - start
    while count(at["http"]) < before + each * connections:
        await asyncio.sleep(0.05)
    stored = time.perf_counter() - start
    total = each * connections
    return f"{connections:4} connections, {window:4} on their way: {total / acknowledged:8,.0f}/s acknowledged, {total / stored:8,.0f}/s stored"


async def latency(at: dict[str, int], rate: int, seconds: float) -> str:
    """From publication to a subscriber, while `rate` come each second on ten streams."""
    reader, writer = await asyncio.open_connection("127.0.0.1", at["mqtt"])
    topics = [f"v1.1/Datastreams({at['first'] + number})/Observations" for number in range(10)]
    writer.write(packets.connect("") + packets.subscribe(1, [(topic, 0) for topic in topics]))
    await reader.readexactly(4 + 4 + len(topics))
    total, took = int(rate * seconds), []

    async def listen() -> None:
        data = b""
        while len(took) < total:
            data += await reader.read(1_000_000)
            at = 0
            while (span := packets.frame(data, at, 10_000_000)) is not None and span[1] <= len(data):
                item = packets.read_publish(data[at], data[span[0] : span[1]])
                took.append(time.time() - json.loads(item.payload)["result"])
                at = span[1]
            data = data[at:]

    listening = asyncio.create_task(listen())
    _, publisher = sender = await asyncio.open_connection("127.0.0.1", at["mqtt"])
    publisher.write(packets.connect(""))
    start = time.perf_counter()
    for number in range(total):
        payload = b'{"result":%.6f}' % time.time()
        publisher.write(packets.publish(Publish(topics[number % 10], payload, 1, packet=number % 65_535 + 1)))
        if (wait := start + number / rate - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
    drain = asyncio.create_task(sender[0].read())
    await asyncio.wait_for(listening, 30)
    drain.cancel()
    took.sort()
    p50, p95, p99 = (took[int(len(took) * share)] * 1000 for share in (0.5, 0.95, 0.99))
    return f"publication to subscriber at {rate}/s: p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms, most {took[-1] * 1000:.0f} ms"


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--durability", default="power", choices=("power", "process", "direct"))
    parser.add_argument("--serve", type=Path)
    given = parser.parse_args()
    if given.serve:
        return serve(given.serve, given.streams, given.durability)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--serve", folder, "--streams", str(given.streams)]
        command += ["--durability", given.durability]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            at = json.loads(process.stdout.readline())
            print(f"durability {given.durability}, {given.messages:,} messages over {given.streams} streams")
            for connections, window in ((1, 100), (8, 200), (50, 20), (100, 1)) if given.messages else ():
                messages = given.messages if window > 1 else given.messages // 10
                print(asyncio.run(flood(at, given.streams, messages, connections, window)), flush=True)
            print(asyncio.run(latency(at, 1_000, 10.0)), flush=True)
            process.stdin.close()
    return None


if __name__ == "__main__":
    main()
