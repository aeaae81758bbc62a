"""What all services share: a question, an answer with ETag, data from files, and the mood that a silo is in."""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

#: How a silo can be ill, by the word in its file `mood`; empty or no file: it is well.
MOODS = ("gone", "slow", "drip", "error", "login", "garbage", "changed")
#: A slow silo answers after so many seconds: longer than anybody waits. One that drips gives a byte in each.
SLOW_S, DRIP_S = 120.0, 1.0
_LOGIN = b"""<!doctype html><html lang="de"><head><title>Anmeldung</title></head><body><h1>Anmeldung</h1>
<form method="post"><label>Benutzer <input name="user"></label><label>Kennwort <input name="password" type="password"></label>
<button>Anmelden</button></form></body></html>"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question. `base`: the service's own address, as the client wrote it."""

    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    base: str

    def link(self, **changed: str | int | None) -> str:
        """The address of this question with other parameters; None takes one away."""
        params: dict[str, str | int | None] = {**self.params, **changed}
        text = urlencode({name: value for name, value in params.items() if value is not None})
        return f"{self.base}{self.path}" + (f"?{text}" if text else "")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer."""

    body: bytes
    status: int = 200
    media: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


class Wrong(Exception):
    """A question that cannot be answered; the service says so in the words of its standard."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers or {}


class Data:
    """The files of a silo, read again when they have changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: dict[str, tuple[int, Any]] = {}

    def json(self, name: str) -> Any:
        """A JSON file."""
        path = self.folder / name
        written = path.stat().st_mtime_ns
        if name not in self._kept or self._kept[name][0] != written:
            self._kept[name] = written, json.loads(path.read_bytes())
        return self._kept[name][1]


@dataclass(frozen=True, slots=True)
class Service:
    """One kind of silo. `changed`: what stands in place of what when somebody has altered its interface."""

    answer: Callable[[Asked], Reply]
    changed: tuple[tuple[bytes, bytes], ...]


def as_json(value: Any, media: str = "application/json", **headers: str) -> Reply:
    """An answer in JSON."""
    sent = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), media=media, headers=sent)


def whole(params: Mapping[str, str], name: str, default: int, least: int = 0, most: int = 2**31) -> int:
    """A parameter that is a whole number, cut to `most`. Raises `Wrong`."""
    text = params.get(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) < least:
        raise Wrong(400, f"{name} must be a whole number from {least} on.")
    return min(int(text), most)


def mood_of(folder: Path) -> str:
    """The mood that stands in a silo's folder; a word that is none counts as well."""
    try:
        word = (folder / "mood").read_text("utf-8").strip().lower()
    except (OSError, ValueError):
        return ""
    return word if word in MOODS else ""


class Handler(BaseHTTPRequestHandler):
    """Answers for a service, in its mood."""

    service: Service
    folder: Path
    ended: threading.Event

    def do_GET(self) -> None:
        """Answer."""
        mood = mood_of(self.folder)
        if mood == "slow":
            self._wait()
        if mood == "login":
            self._send(Reply(_LOGIN, media="text/html; charset=utf-8"))
        elif mood == "error":
            self._send(Reply(b"Internal Server Error", 500, "text/plain"))
        else:
            self._send(self._ill(self._answer(), mood), drip=mood == "drip")

    do_HEAD = do_GET

    def _answer(self) -> Reply:
        parts = urlsplit(self.path)
        host = self.headers.get("Host") or "127.0.0.1"
        params = dict(parse_qsl(parts.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            return self.service.answer(Asked(unquote(parts.path), params, headers, f"http://{host}"))
        except Wrong as wrong:
            body = {"code": str(wrong.status), "type": "error", "message": wrong.message, "description": wrong.message}
            return Reply(json.dumps(body).encode(), wrong.status, headers=wrong.headers)
        except (OSError, ValueError, KeyError):  # somebody has altered its files
            return Reply(b"Internal Server Error", 500, "text/plain")

    def _ill(self, reply: Reply, mood: str) -> Reply:
        body = reply.body
        if mood == "garbage":
            body = body[: len(body) // 2] + b"\x00\xff<<<"
        elif mood == "changed":
            for old, new in self.service.changed:
                body = body.replace(old, new)
        return Reply(body, reply.status, reply.media, reply.headers)

    def _send(self, reply: Reply, *, drip: bool = False) -> None:
        tag = f'"{len(reply.body):x}-{zlib.crc32(reply.body):08x}-{zlib.adler32(reply.body):08x}"'
        asked = {item.strip().removeprefix("W/") for item in self.headers.get("If-None-Match", "").split(",")}
        known = reply.status == 200 and not drip and (tag in asked or "*" in asked)
        self.send_response(304 if known else reply.status)
        self.send_header("X-Synthetic", "true")
        if reply.status == 200:
            self.send_header("ETag", tag)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if not known:
            self.send_header("Content-Type", reply.media)
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if known or self.command == "HEAD":
            return
        try:
            if drip:
                self._drip(reply.body)
            else:
                self.wfile.write(reply.body)
        except OSError:  # the client has seen enough
            self.close_connection = True

    def _drip(self, body: bytes) -> None:
        for index in range(len(body)):
            self.wfile.write(body[index : index + 1])
            self.wfile.flush()
            if self.ended.wait(DRIP_S):
                return

    def _wait(self) -> None:
        """Until it is well again, or for as long as nobody waits."""
        end = time.monotonic() + SLOW_S
        while time.monotonic() < end and mood_of(self.folder) == "slow" and not self.ended.wait(0.2):
            pass

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""
