"""Codecs run where they can hurt nobody: what they may use is bounded, and neighbours notice nothing."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nabe.errors import LimitExceeded, TimedOut
from nabe.sandbox import Bounds, Codec, Failure, Outcome, Sandbox

GOOD = Codec(
    "function decodeUplink(input) { return {data: {t: (input.bytes[0] << 8 | input.bytes[1]) / 10, port: input.fPort}}; }"
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(workers=2)
    yield made
    made.close()


def body(text: str) -> Codec:
    return Codec(f"function decodeUplink(input) {{ {text} }}")


def test_three_generations_of_codecs_are_called(sandbox: Sandbox) -> None:
    v3 = Codec(
        "function decodeUplink(i) { return {data: {at: i.recvTime.getTime(), n: i.bytes.length}, warnings: ['w']}; }"
    )
    assert sandbox.decode(v3, b"\x01\x02", 1, at_ms=7) == Outcome(data={"at": 7, "n": 2}, warnings=("w",))
    v2 = Codec("function Decoder(b, port) { return {b: b[0], port: port}; }")
    chirpstack = Codec("function Decode(port, b, vars) { return {b: b[0], port}; }")
    assert sandbox.decode(v2, b"\x05", 9).data == {"b": 5, "port": 9}
    assert sandbox.decode(chirpstack, b"\x05", 9).data == {"b": 5, "port": 9}


def test_downlinks_are_encoded(sandbox: Sandbox) -> None:
    v3 = Codec("'use strict'; function encodeDownlink(i) { return {bytes: [i.data.level, 255], fPort: 3}; }")
    assert sandbox.encode(v3, {"level": 7}) == Outcome(bytes=b"\x07\xff", port=3)
    assert sandbox.encode(Codec("function Encoder(o, port) { return [port, -1]; }"), {}, 4) == Outcome(
        bytes=b"\x04\xff"
    )
    assert sandbox.encode(Codec("function encodeDownlink(i) { return {bytes: [999]}; }"), {}).failure is Failure.OUTPUT
    assert sandbox.encode(GOOD, {}).failure is Failure.MISSING


def test_a_codec_that_says_errors_has_failed(sandbox: Sandbox) -> None:
    outcome = sandbox.decode(body("return {errors: ['unknown FPort']};"), b"", 42)
    assert (outcome.failure, outcome.words) == (Failure.THROWN, "unknown FPort")


HOSTILE = {
    "endless loop": ("while (true) {}", {Failure.TIME}),
    "loop that catches": ("while (true) { try { while (true) {} } catch (e) {} }", {Failure.TIME}),
    "memory bomb": ("var a = []; while (true) a.push(new Array(100000).fill(1));", {Failure.MEMORY}),
    "string bomb": ("return {data: {x: 'x'.repeat(1 << 29)}};", {Failure.MEMORY}),
    "buffer bomb": ("return {data: {x: new ArrayBuffer(1 << 30).byteLength}};", {Failure.MEMORY}),
    "regex bomb": ("return {data: {x: /(a+)+$/.test('a'.repeat(40) + 'b')}};", {Failure.TIME}),
    "deep recursion": ("(function f() { f(); })();", {Failure.STACK}),
    "native search that never asks": (
        "return {data: {x: 'a'.repeat(1 << 22).indexOf('a'.repeat(1 << 21) + 'b')}};",
        {Failure.CRASHED, Failure.TIME},
    ),
    "huge output": ("return {data: {x: 'x'.repeat(1000000)}};", {Failure.OUTPUT}),
    "deep output": ("var a = []; for (var i = 0; i < 900; i++) a = [a]; return {data: {a: a}};", {Failure.OUTPUT}),
    "deeper output": ("var a = []; for (var i = 0; i < 20000; i++) a = [a]; return {data: {a: a}};", {Failure.STACK}),
    "circular output": ("var a = {}; a.a = a; return {data: a};", {Failure.THROWN}),
    "big integer": ("return {data: {x: 1n}};", {Failure.THROWN}),
    "no object": ("return 'x';", {Failure.OUTPUT}),
    "a list": ("return {data: [1]};", {Failure.OUTPUT}),
    "thrown object that never tells": ("throw {toString() { while (true) {} }};", {Failure.TIME}),
    "toJSON that never ends": ("return {data: {toJSON() { while (true) {} }}};", {Failure.TIME}),
    "errors that never end": (
        "Object.defineProperty(InternalError.prototype, 'toString', {value() { while (true) {} }});"
        "Object.defineProperty(Error.prototype, 'name', {get() { while (true) {} }}); while (true) {}",
        {Failure.CRASHED, Failure.TIME},
    ),
    "require": ("return {data: {x: require('fs')}};", {Failure.THROWN}),
    "network": ("return {data: {x: fetch('http://127.0.0.1')}};", {Failure.THROWN}),
    "process": ("return {data: {x: process.env}};", {Failure.THROWN}),
    "files": ("return {data: {x: std.loadFile('/etc/passwd')}};", {Failure.THROWN}),
    "waiting": ("Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0, 5000);", {Failure.THROWN}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_codec_fails_alone(sandbox: Sandbox, name: str) -> None:
    text, expected = HOSTILE[name]
    began = time.monotonic()
    outcomes = sandbox.decode_all([(GOOD, b"\x00\xd2", 2, 0), (body(text), b"", 1, 0), (GOOD, b"\x00\xd3", 2, 0)])
    assert (outcomes[0].data, outcomes[2].data) == ({"t": 21.0, "port": 2}, {"t": 21.1, "port": 2})
    assert outcomes[1].failure in expected, outcomes[1]
    assert len(outcomes[1].words) <= 300
    assert time.monotonic() - began < 10


def test_a_codec_that_is_no_javascript_says_so(sandbox: Sandbox) -> None:
    outcome = sandbox.decode(Codec("function decodeUplink( {"), b"", 1)
    assert outcome.failure is Failure.SYNTAX and "SyntaxError" in outcome.words
    assert sandbox.decode(Codec("var x = 1 // nothing else"), b"", 1).failure is Failure.MISSING
    with pytest.raises(LimitExceeded):
        Codec("x" * 600_000)


def test_no_message_sees_anything_of_the_one_before(sandbox: Sandbox) -> None:
    leaky = body("var had = typeof kept + typeof this.kept; kept = 1; return {data: {had}};")
    assert [sandbox.decode(leaky, b"", 1).data for _ in range(3)] == [{"had": "undefinedundefined"}] * 3
    counting = Codec("var n = 0; function decodeUplink() { n++; return {data: {n}}; }")
    assert [sandbox.decode(counting, b"", 1).data for _ in range(3)] == [{"n": 1}] * 3


def test_a_codec_that_bends_the_language_bends_only_its_own(sandbox: Sandbox) -> None:
    bent = body(
        'JSON.stringify = () => \'{"found":{"data":{"forged":1}}}\'; JSON.parse = 1; Array.prototype.push = 1;'
        "Object.prototype.failure = 'x'; Reflect.ownKeys = () => []; return {data: {ok: 1}};"
    )
    for _ in range(3):
        assert sandbox.decode(bent, b"", 1).data == {"ok": 1}
        assert sandbox.decode(GOOD, b"\x00\xd2", 2).data == {"t": 21.0, "port": 2}


def test_what_is_no_number_is_missing(sandbox: Sandbox) -> None:
    outcome = sandbox.decode(
        body("return {data: {a: NaN, b: Infinity, c: undefined, d: () => 1, e: 'é\\u2028'}};"), b"", 1
    )
    assert outcome.data == {"a": None, "b": None, "e": "é\u2028"}


def test_a_codec_that_keeps_hitting_limits_is_left_alone() -> None:
    sandbox = Sandbox(workers=1, bounds=Bounds(seconds=0.03))
    try:
        loop = body("while (true) {}")
        found = [sandbox.decode(loop, b"", 1).failure for _ in range(5)]
        assert found == [Failure.TIME] * 3 + [Failure.BANNED] * 2
        assert sandbox.decode(GOOD, b"\x00\xd2", 2).data == {"t": 21.0, "port": 2}
    finally:
        sandbox.close()


def workers() -> list[Path]:
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return [Path(f"/proc/{pid}") for pid in children if b"worker.py" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_a_worker_that_is_killed_is_replaced(sandbox: Sandbox) -> None:
    sandbox.decode(GOOD, b"\x00\xd2", 2)
    assert workers()
    for process in workers():
        os.kill(int(process.name), 9)
    time.sleep(0.1)
    assert [sandbox.decode(GOOD, b"\x00\xd2", 2).data for _ in range(4)] == [{"t": 21.0, "port": 2}] * 4


def test_neighbours_go_on_while_a_codec_loops(sandbox: Sandbox) -> None:
    """While one worker is held by endless loops, the other answers."""
    loops = [body(f"var n = {n}; while (true) {{}}") for n in range(6)]
    thread = threading.Thread(target=lambda: [sandbox.decode(loop, b"", 1) for loop in loops])
    thread.start()
    answered = 0
    while thread.is_alive():
        assert sandbox.decode(GOOD, b"\x00\xd2", 2).failure is None
        answered += 1
    thread.join()
    assert answered > 50


def test_workers_hold_neither_environment_nor_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NABE_CANARY", "secret")
    before = {process.name for process in workers()}
    sandbox = Sandbox(workers=1)
    try:
        sandbox.decode(GOOD, b"\x00\x00", 1)
        mine = [process for process in workers() if process.name not in before]
        assert len(mine) == 1
        assert b"NABE_CANARY" not in (mine[0] / "environ").read_bytes()
        assert len(list((mine[0] / "fd").iterdir())) == 3
    finally:
        sandbox.close()
    with pytest.raises(TimedOut):
        sandbox.decode(GOOD, b"", 1)


def test_two_thousand_decodes_a_second(sandbox: Sandbox) -> None:
    """The target for warm codecs; the best of three, for the machine is shared."""
    best = 0.0
    for _ in range(3):
        began = time.perf_counter()
        sandbox.decode_all([(GOOD, b"\x00\xd2", 2, 0)] * 2000)
        best = max(best, 2000 / (time.perf_counter() - began))
    assert best > 2000, best
