"""A server is asked no more often than it likes, and again when it failed for a moment. Time is a number here."""

from __future__ import annotations

import datetime as dt
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from nabe.errors import SourceUnavailable
from nabe.outbound import Client, Manners, retry_after


class Time:
    def __init__(self) -> None:
        self.now, self.slept = 0.0, []

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds


class Scripted(Client):
    """A client whose server answers as scripted: a status, (status, Retry-After), or an error."""

    def __init__(self, *script: Any) -> None:
        super().__init__("silo", most_bytes=1, timeout_s=20.0)
        self.script = list(script)

    def ask(self, url: str, **_: Any) -> Any:
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        status, wait = step if isinstance(step, tuple) else (step, "")

        class Given:
            headers = httpx.Headers({"retry-after": wait} if wait else {})

            def close(self) -> None: ...

        given = Given()
        given.status = status  # type: ignore[attr-defined]
        return given


def manners(time: Time, *script: Any, **more: Any) -> Manners:
    return Manners(Scripted(*script), clock=lambda: time.now, sleep=time.sleep, chance=lambda: 1.0, **more)


DOWN = SourceUnavailable("silo", "down.")


def test_what_fails_for_a_moment_is_asked_again_after_longer_and_longer_pauses():
    time = Time()
    assert manners(time, 503, DOWN, 502, 200, retries=3).get("http://x").status == 200
    assert time.slept == [0.25, 0.5, 1.0]


def test_the_last_failure_is_told():
    assert manners(Time(), 503, 503, 500, retries=2).get("http://x").status == 500
    with pytest.raises(SourceUnavailable):
        manners(Time(), DOWN, DOWN, retries=1).get("http://x")


@pytest.mark.parametrize("status", [200, 304, 400, 401, 403, 404, 501])
def test_other_answers_are_final(status):
    time = Time()
    assert manners(time, status).get("http://x").status == status
    assert time.slept == []


def test_the_server_says_how_long_to_wait():
    time = Time()
    assert manners(time, (429, "7"), 200).get("http://x").status == 200
    assert time.slept == [7.0]


def test_a_wait_beyond_the_time_out_is_told_and_not_begun():
    time = Time()
    asked = manners(time, (503, "60"), 200)
    with pytest.raises(SourceUnavailable, match="left alone for 60 seconds"):
        asked.get("http://x")
    assert time.slept == []
    time.now = 61.0
    assert asked.get("http://x").status == 200


def test_no_server_can_silence_itself_for_years():
    time = Time()
    asked = manners(time, (503, "999999999999"), 200, retries=0)
    assert asked.get("http://x").status == 503
    time.now = 3601.0
    assert asked.get("http://x").status == 200


def test_no_more_requests_per_second_than_declared():
    time = Time()
    asked = manners(time, 200, 200, 200, per_second=2)
    for _ in range(3):
        asked.get("http://x")
    assert time.slept == [0.5, 0.5]


@pytest.mark.parametrize(("text", "seconds"), [("5", 5.0), ("", None), ("bald", None), ("-1", None), ("٣", None)])
def test_retry_after_in_seconds(text, seconds):
    assert retry_after(text) == seconds


def test_retry_after_as_a_date():
    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=100)
    assert 95 < (retry_after(format_datetime(later, usegmt=True)) or 0) <= 100
    assert retry_after("Tue, 24 Nov 2020 08:00:00 GMT") == 0.0
