"""SensorThings under load: Nabe against FROST-Server over PostgreSQL on the same machine, in one run.

    python benchmarks/sensorthings.py --frost                          FROST alone (its baseline)
    python benchmarks/sensorthings.py --frost --nabe
    python benchmarks/sensorthings.py --frost --at nabe=http://127.0.0.1:8080/sta/v1.1,127.0.0.1:1883
    python benchmarks/sensorthings.py --at a=http://…/v1.1 --at b=http://…/v1.1

Targets (Nabe/FROST): batch >= 10, single POSTs >= 3, every read >= 3. Servers are measured one after the other, each from
empty: 1,000 Datastreams of 100 Things, `--history` Observations at one-minute steps, reads, then writes. FROST's PostgreSQL
waits for the disk (`fsync`, `synchronous_commit`); its archives: docs/conformance.md. `--tuned` gives FROST the index on
stream and time that its makers advise. Deletes nothing: a named server should be empty.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.conformance.sensorthings.artefacts import NotToBeHad
from tests.conformance.sensorthings.clients import Answer, Http, Mqtt, Rate, load, rate
from tests.conformance.sensorthings.frost import Frost
from tests.conformance.sensorthings.targets import address, nabe

THINGS, STREAMS_EACH = 100, 10
STREAMS = THINGS * STREAMS_EACH
START = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 6, 1, tzinfo=UTC)
BATCH = 10_000
#: What each figure is: its unit, and whether more is better.
FIGURES = {
    "last 100 of a stream, p50": ("ms", False),
    "last 100 of a stream, p95": ("ms", False),
    "one day of a stream (1,440), p50": ("ms", False),
    "one day of a stream (1,440), p95": ("ms", False),
    "count of all": ("ms", False),
    "latest of 1,000 streams in one $expand": ("ms", False),
    "Things(id)": ("req/s", True),
    "100 streams with Thing and latest": ("req/s", True),
    "batch of 10,000": ("rows/s", True),
    "single POSTs": ("req/s", True),
    "single POSTs, p50": ("ms", False),
    "single POSTs, p99": ("ms", False),
    "MQTT QoS 1, acknowledged": ("msg/s", True),
    "MQTT QoS 1, stored": ("msg/s", True),
    "MQTT QoS 1, lost": ("%", False),
}


class Subject:
    """A server under test: what is created in it, and every measurement as a method that returns figures."""

    def __init__(self, root: str, mqtt: tuple[str, int] | None, frost: Frost | None, seconds: float) -> None:
        self.root, self.mqtt, self.frost, self.seconds = root.rstrip("/"), mqtt, frost, seconds
        self.things: list[str] = []
        self.streams: list[str] = []
        self.each = 0  # Observations of a stream
        self._random = random.Random(7)

    def connect(self) -> Http:
        return Http(self.root)

    async def ask(self, path: str, status: int = 200) -> Answer:
        http = self.connect()
        answer = await http.get(encoded(path))
        http.close()
        if answer.status != status:
            raise RuntimeError(f"{self.root}/{path}: {answer.status} {answer.body[:300]!r}")
        return answer

    async def create(self) -> None:
        """Things with Location and Datastreams."""
        http = self.connect()
        sensor = await self._post(http, "Sensors", SENSOR)
        observed = await self._post(http, "ObservedProperties", OBSERVED)
        for number in range(THINGS):
            self.things.append(await self._post(http, "Things", thing(number, sensor, observed)))
        http.close()
        rows = json.loads((await self.ask(f"Datastreams?$select=id&$orderby=id&$top={STREAMS}")).body)["value"]
        self.streams = [literal(row["@iot.id"]) for row in rows]
        assert len(self.streams) == STREAMS, len(self.streams)

    async def _post(self, http: Http, path: str, body: dict[str, Any]) -> str:
        answer = await http.post(path, json.dumps(body).encode())
        if answer.status != 201:
            raise RuntimeError(f"POST {path}: {answer.status} {answer.body[:300]!r}")
        return answer.location[answer.location.rindex("(") + 1 : -1]

    async def fill(self, history: int, tuned: bool) -> None:
        """So many Observations: FROST's by SQL, which its interface would take an hour for; others' by the interface."""
        first = await self.batches(number=1, since=START - timedelta(days=30))  # makes the FeaturesOfInterest
        assert first.wrong == 0, first
        self.each = history // STREAMS
        if self.frost is not None:
            assert self.frost.database is not None
            for statement in sql_history(self.each, tuned):
                self.frost.database.run(statement)
            return
        done = await self.batches(number=-(-history // BATCH), since=START)
        if done.wrong:
            raise RuntimeError(f"{done.wrong} batches were refused")

    async def batches(self, number: int, since: datetime, seconds: float = 3600) -> Rate:
        """CreateObservations of all streams in turn, ten rows each; latencies are of requests."""
        bodies = batch_bodies(self.streams, since)
        http, latencies, wrong = self.connect(), [], 0
        start = time.perf_counter()
        for _ in range(number):
            answer = await http.post("CreateObservations", next(bodies))
            latencies.append(answer.seconds)
            wrong += answer.status != 201 or b'"error' in answer.body.lower()
            if time.perf_counter() - start > seconds:
                break
        http.close()
        return rate(latencies, sum(latencies), wrong)

    async def reads(self) -> dict[str, float]:
        figures: dict[str, float] = {}
        day = f"phenomenonTime ge {stamp(START)} and phenomenonTime lt {stamp(START + timedelta(days=1))}"
        last = "Datastreams({})/Observations?$top=100&$orderby=phenomenonTime desc"
        whole = f"Datastreams({{}})/Observations?$top=2000&$filter={day}&$orderby=phenomenonTime"
        for name, template, rows in (
            ("last 100 of a stream", last, 100),
            ("one day of a stream (1,440)", whole, min(1440, self.each)),
        ):
            got = json.loads((await self.ask(template.format(self.streams[3]))).body)["value"]
            assert len(got) == rows, (name, len(got))
            found = await self._each(template, connections=1)
            figures[f"{name}, p50"], figures[f"{name}, p95"] = found.p50, found.p95
        figures["count of all"] = await self._best("Observations?$count=true&$top=0")
        figures["latest of 1,000 streams in one $expand"] = await self._best(
            "Datastreams?$select=id&$top=1000&$expand=Observations($top=1;$orderby=phenomenonTime desc;$select=result)"
        )
        figures["Things(id)"] = (await self._each("Things({})", connections=8, ids=self.things)).per_second
        figures["100 streams with Thing and latest"] = (
            await self._each(
                "Datastreams?$expand=Thing,Observations($top=1;$orderby=phenomenonTime desc)&$top=100", connections=8
            )
        ).per_second
        return figures

    async def _each(self, template: str, connections: int, ids: list[str] | None = None) -> Rate:
        paths = [encoded(template.format(self._random.choice(ids or self.streams))) for _ in range(500)]
        found = await load(
            self.connect, lambda http, n: http.get(paths[n % 500]), connections=connections, seconds=self.seconds / 2
        )
        if found.wrong:
            raise RuntimeError(f"{template}: {found.wrong} of {found.number} were refused")
        return found

    async def _best(self, path: str) -> float:
        """Milliseconds, the median of up to five."""
        taken: list[float] = []
        end = time.perf_counter() + self.seconds * 2
        while len(taken) < 5 and (not taken or time.perf_counter() < end):
            taken.append((await self.ask(path)).seconds * 1000)
        return sorted(taken)[len(taken) // 2]

    async def writes(self, rows: int) -> dict[str, float]:
        batch = await self.batches(number=-(-rows // BATCH), since=LATER, seconds=self.seconds * 2)
        bodies = [single(stream, LATER + timedelta(days=60, minutes=n)) for n, stream in enumerate(self.streams)]
        post = await load(
            self.connect,
            lambda http, n: http.post("Observations", bodies[n % STREAMS]),
            connections=32,
            seconds=self.seconds,
            status=201,
        )
        if batch.wrong or post.wrong:
            raise RuntimeError(f"refused: {batch.wrong} of {batch.number} batches, {post.wrong} of {post.number} POSTs")
        return {
            "batch of 10,000": batch.per_second * BATCH,
            "single POSTs": post.per_second,
            "single POSTs, p50": post.p50,
            "single POSTs, p99": post.p99,
            **(await self.messages() if self.mqtt else {}),
        }

    async def messages(self) -> dict[str, float]:
        """Four publishers at QoS 1; then until no more arrive in the store."""
        assert self.mqtt is not None
        before, acknowledged = await self.count(), 0
        start = time.perf_counter()

        async def publish(number: int) -> None:
            nonlocal acknowledged
            assert self.mqtt is not None
            async with Mqtt(self.mqtt, f"bench-{number}") as client:
                turn = 0
                while time.perf_counter() - start < self.seconds:
                    stream = self.streams[(turn * 4 + number) % STREAMS]
                    moment = stamp(LATER + timedelta(days=120, seconds=turn))
                    topic = f"v1.1/Datastreams({stream})/Observations".encode()
                    await client.publish(topic, f'{{"phenomenonTime":"{moment}","result":{turn / 4}}}'.encode())
                    turn += 1
            acknowledged += len(client.latencies)

        await asyncio.gather(*(publish(number) for number in range(4)))
        sent = time.perf_counter() - start
        stored, seen, last = 0, time.perf_counter(), start
        while time.perf_counter() - seen < 5 and stored < acknowledged:
            now = await self.count() - before
            if now > stored:
                stored, seen = now, time.perf_counter()
                last = seen
            await asyncio.sleep(0.2)
        return {
            "MQTT QoS 1, acknowledged": acknowledged / sent,
            "MQTT QoS 1, stored": stored / max(last - start, sent),
            "MQTT QoS 1, lost": 100 * max(0, acknowledged - stored) / max(1, acknowledged),
        }

    async def count(self) -> int:
        return int(json.loads((await self.ask("Observations?$count=true&$top=0")).body)["@iot.count"])


SENSOR = {"name": "s", "description": "s", "encodingType": "text/plain", "metadata": "s"}
OBSERVED = {"name": "t", "definition": "http://example.org/t", "description": "t"}


def encoded(path: str) -> str:
    return quote(path, safe="/?&=$(),;:'")


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def literal(identifier: object) -> str:
    return f"'{identifier}'" if isinstance(identifier, str) else str(identifier)


def as_json(identifier: str) -> object:
    return identifier.strip("'") if identifier.startswith("'") else int(identifier)


def thing(number: int, sensor: str, observed: str) -> dict[str, Any]:
    stream = {
        "name": "stream",
        "description": "stream",
        "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
        "unitOfMeasurement": {"name": "Celsius", "symbol": "°C", "definition": "ucum:Cel"},
        "Sensor": {"@iot.id": as_json(sensor)},
        "ObservedProperty": {"@iot.id": as_json(observed)},
    }
    place = {
        "name": f"place {number}",
        "description": "place",
        "encodingType": "application/geo+json",
        "location": {"type": "Point", "coordinates": [9.9 + number / 1000, 51.5]},
    }
    return {
        "name": f"thing {number}",
        "description": "thing",
        "properties": {"number": number},
        "Locations": [place],
        "Datastreams": [stream] * STREAMS_EACH,
    }


def single(stream: str, moment: datetime) -> bytes:
    body = {"phenomenonTime": stamp(moment), "result": 21.5, "Datastream": {"@iot.id": as_json(stream)}}
    return json.dumps(body).encode()


def batch_bodies(streams: list[str], since: datetime) -> Iterator[bytes]:
    """Requests of 10,000 rows: every stream in turn with ten minutes of it."""
    each = BATCH // len(streams)
    turn = 0
    while True:
        times = [stamp(since + timedelta(minutes=turn * each + step)) for step in range(each)]
        yield json.dumps(
            [
                {
                    "Datastream": {"@iot.id": as_json(stream)},
                    "components": ["phenomenonTime", "result"],
                    "dataArray@iot.count": each,
                    "dataArray": [[moment, number % 40 + step / 8] for step, moment in enumerate(times)],
                }
                for number, stream in enumerate(streams)
            ]
        ).encode()
        turn += 1


def sql_history(each: int, tuned: bool) -> Iterator[str]:
    """`each` Observations of every stream in FROST's tables, as its interface would have left them."""
    yield f"""
        set session_replication_role = replica;
        insert into "OBSERVATIONS" ("PHENOMENON_TIME_START", "PHENOMENON_TIME_END", "RESULT_TYPE", "RESULT_NUMBER",
            "RESULT_STRING", "DATASTREAM_ID", "FEATURE_ID")
        select at, at, 0, d."ID" % 40 + n % 8, (d."ID" % 40 + n % 8)::text, d."ID", d."LAST_FOI_ID"
        from generate_series(0, {each - 1}) n, "DATASTREAMS" d,
            lateral (select timestamptz '{START.isoformat()}' + n * interval '1 minute' as at) moment;
        update "DATASTREAMS" set "PHENOMENON_TIME_END" = greatest("PHENOMENON_TIME_END",
            timestamptz '{START.isoformat()}' + {each - 1} * interval '1 minute');
        set session_replication_role = origin"""
    if tuned:
        yield 'create index on "OBSERVATIONS" ("DATASTREAM_ID", "PHENOMENON_TIME_START" desc, "ID")'
    yield "vacuum analyze"


async def measure(subject: Subject, history: int, rows: int, tuned: bool) -> dict[str, float]:
    start = time.perf_counter()
    await subject.create()
    await subject.fill(history, tuned)
    print(f"  {await subject.count():,} observations after {time.perf_counter() - start:.0f} s", flush=True)
    return {**await subject.reads(), **await subject.writes(rows)}


def table(found: dict[str, dict[str, float]]) -> str:
    names = list(found)
    lines = ["| | " + " | ".join(names) + (" | ratio |" if len(names) > 1 else " |"), "|---" * (len(names) + 1) + "|"]
    if len(names) > 1:
        lines[1] += "---|"
    for figure, (unit, _) in FIGURES.items():
        cells = [f"{found[name][figure]:,.1f}" if figure in found[name] else "" for name in names]
        line = f"| {figure}, {unit} | " + " | ".join(cells) + " |"
        lines.append(line + (f" {ratio(found, figure)} |" if len(names) > 1 else ""))
    return "\n".join(lines)


def ratio(found: dict[str, dict[str, float]], figure: str) -> str:
    """How many times better the last server is than the first."""
    first, last = (found[name].get(figure) for name in (next(iter(found)), next(reversed(found))))
    if not first or not last or figure.endswith("lost"):
        return ""
    return f"{last / first if FIGURES[figure][1] else first / last:.1f}"


def servers(chosen: argparse.Namespace) -> Iterator[tuple[str, AbstractContextManager[Subject]]]:
    """FROST, Nabe, then those named; each is started when its turn comes."""

    @contextmanager
    def frost() -> Iterator[Subject]:
        settings = {"mqtt.CreateMessageQueueSize": "10000", "mqtt.QoS": "1"}
        with Frost(durable=True, heap="2g", settings=settings) as started:
            yield Subject(started.root, started.mqtt, started, chosen.seconds)

    @contextmanager
    def ours() -> Iterator[Subject]:
        with nabe() as target:
            yield Subject(target.root, target.mqtt, None, chosen.seconds)

    if chosen.frost:
        yield "FROST" + (" tuned" if chosen.tuned else ""), frost()
    if chosen.nabe:
        yield "Nabe", ours()
    for text in chosen.at:
        name, _, where = text.partition("=")
        root, _, mqtt = where.partition(",")
        yield name, nullcontext(Subject(root, address(mqtt), None, chosen.seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frost", action="store_true")
    parser.add_argument("--nabe", action="store_true")
    parser.add_argument("--at", action="append", default=[], help="name=root[,mqtt host:port]")
    parser.add_argument("--history", type=int, default=2_880_000)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of batches, unless time is over before")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--tuned", action="store_true")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    if not (chosen.frost or chosen.nabe or chosen.at):
        print("name servers: --frost, --nabe, --at name=root,mqtt (see --help)")
        return
    try:
        for name, server in servers(chosen):
            with server as subject:
                print(name, flush=True)
                found[name] = asyncio.run(measure(subject, chosen.history, chosen.rows, chosen.tuned))
    except NotToBeHad as reason:
        print(f"cannot be had here: {reason}")
    if found:
        print(table(found))
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1), "utf-8")


if __name__ == "__main__":
    main()
