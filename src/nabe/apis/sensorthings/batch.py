"""$batch (OGC 18-088, 11): several requests in one, as OData's JSON or as multipart/mixed; both -> `Part`s and back.

What the requests mean is not decided here: each goes the way of any other request of the same asker.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from nabe.apis.sensorthings import times
from nabe.apis.sensorthings.bodies import decode
from nabe.errors import Invalid

VERSION = "v1.1"
ROOT = f"/sta/{VERSION}"
#: Requests in one batch.
MOST = 1_000
_METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE"})
_BOUNDARY = re.compile(r"""boundary=(?:"([^"]{1,70})"|([^\s;,"]{1,70}))""", re.IGNORECASE)
_REFERENCE = re.compile(r"\$([\w.\-]{1,200})")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: `path` below the service's root (decoded), `query` as it stands in the address, headers in lower case.

    `body`: bytes, or what was JSON already.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = b""


@dataclass(frozen=True, slots=True)
class Part:
    """One request. `url` as given; `group`: those with the same number are done together or not at all; `id` names it.

    `body`: bytes, or what was JSON already.
    """

    method: str
    url: str
    id: str = ""
    group: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = b""
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """Its answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def parts(content_type: str, body: bytes) -> list[Part]:
    """The requests of a batch, in order."""
    kind = content_type.split(";")[0].strip().lower()
    if kind == "multipart/mixed":
        found = _multipart(content_type, body)
    elif kind == "application/json":
        found = _json(body)
    else:
        hint = "multipart/mixed with a boundary, or application/json."
        raise Invalid(f"A batch is not {kind[:60]!r}.", hint=hint, field="Content-Type")
    if len(found) > MOST:
        raise Invalid(f"A batch holds at most {MOST} requests.", field="body")
    return found


# JSON (OData JSON Format 4.01, 19)


class _Request(msgspec.Struct):
    id: str
    method: str
    url: str
    atomicityGroup: str | None = None
    dependsOn: list[str] = []
    headers: dict[str, str] = {}
    body: Any = msgspec.UNSET


def _json(body: bytes) -> list[Part]:
    data = decode(body)
    try:
        asked = msgspec.convert(data, type=dict[str, list[_Request]])["requests"]
    except (msgspec.ValidationError, KeyError) as error:
        hint = '{"requests": [{"id": "1", "method": "get", "url": "Things"}]}'
        raise Invalid(f"The body is no batch: {error}.", hint=hint, field="body") from None
    names = [item.id for item in asked]
    if len(set(names)) < len(names):
        raise Invalid("Two requests of the batch have the same id.", field="id")
    groups: dict[str, int] = {}
    found = []
    for item in asked:
        group = None if item.atomicityGroup is None else groups.setdefault(item.atomicityGroup, len(groups))
        headers = {name.lower(): text for name, text in item.headers.items()}
        sent = b"" if item.body is msgspec.UNSET else item.body
        # A group is done where it starts, so what it depends on must come before; that it is known is all to check.
        unknown = [name for name in item.dependsOn if name not in names and name not in groups]
        if unknown:
            raise Invalid(f"Request {item.id!r} depends on {unknown[0]!r}, which is not there.", field="dependsOn")
        needs = tuple(name for name in item.dependsOn if name in names)
        found.append(Part(_method(item.method), item.url, item.id, group, headers, sent, needs))
    return found


def json_replies(asked: Sequence[Part], replies: Sequence[Reply]) -> bytes:
    """The answer to a batch in JSON."""
    made = []
    for part, reply in zip(asked, replies, strict=True):
        one: dict[str, Any] = {"id": part.id, "status": reply.status}
        if "Location" in reply.headers:
            one["location"] = reply.headers["Location"]
        if reply.body:
            kind = reply.headers.get("Content-Type", "application/json")
            one["body"] = msgspec.Raw(reply.body) if "json" in kind else reply.body.decode("utf-8", "replace")
        made.append(one)
    return msgspec.json.encode({"responses": made})


# multipart (OData 4.0 Part 1, 11.7)


def _multipart(content_type: str, body: bytes) -> list[Part]:
    found: list[Part] = []
    for number, (headers, content) in enumerate(_pieces(content_type, body)):
        inner = headers.get("content-type", "")
        if inner.lower().startswith("multipart/mixed"):
            for named, request in _pieces(inner, content):
                found.append(_request(named, request, number))
        else:
            found.append(_request(headers, content, None))
        if len(found) > MOST:
            break
    return found


def _pieces(content_type: str, body: bytes) -> list[tuple[dict[str, str], bytes]]:
    """The parts between boundaries: headers, and what follows the empty line."""
    match = _BOUNDARY.search(content_type)
    if match is None:
        raise Invalid("multipart/mixed needs a boundary.", field="Content-Type")
    mark = re.escape(b"--" + (match[1] or match[2]).encode("utf-8"))
    sections = re.split(rb"(?:\A|\r?\n)" + mark + rb"(--)?[ \t]*(?=\r?\n|\Z)", body)
    if len(sections) < 3:
        raise Invalid("The boundary of the batch is not in its body.", field="body")
    found = []
    for end, section in zip(sections[1::2], sections[2::2], strict=True):
        if end is not None:
            break
        found.append(_headed(_BREAK.sub(b"", section, count=1)))
    return found


_BREAK = re.compile(rb"\A\r?\n")
_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")


def _headed(section: bytes) -> tuple[dict[str, str], bytes]:
    """Headers (names in lower case), and what follows the first empty line."""
    if first := _BREAK.match(section):
        return {}, section[first.end() :]
    head, *content = _EMPTY_LINE.split(section, maxsplit=1)
    headers: dict[str, str] = {}
    for line in head.decode("utf-8", "replace").splitlines():
        name, mark, value = line.partition(":")
        if mark:
            headers[name.strip().lower()] = value.strip()
    return headers, content[0] if content else b""


def _request(named: Mapping[str, str], content: bytes, group: int | None) -> Part:
    content = content.lstrip(b"\r\n")
    first, _, rest = content.partition(b"\n")
    words = first.decode("utf-8", "replace").strip().split(" ")
    if len(words) < 2:
        raise Invalid("A part of the batch is no HTTP request.", hint="GET Things(1) HTTP/1.1", field="body")
    # An address may hold blanks where a careless client did not encode them.
    url = " ".join(words[1:-1] if words[-1].upper().startswith("HTTP/") else words[1:])
    headers, body = _headed(rest)
    return Part(_method(words[0]), url, named.get("content-id", ""), group, headers, body.strip(b"\r\n"))


def _method(text: str) -> str:
    method = text.upper()
    if method not in _METHODS:
        raise Invalid(
            f"A batch does not do {text[:20]!r}.", hint=f"It does {', '.join(sorted(_METHODS))}.", field="method"
        )
    return method


def multipart_replies(
    asked: Sequence[Part], replies: Sequence[Reply], boundary: str, inner: Callable[[int], str]
) -> bytes:
    """The answer to a multipart batch. `inner`: the boundary of each group, 40 characters."""
    out: list[str] = []
    open_group: int | None = None
    for part, reply in zip(asked, replies, strict=True):
        if open_group is not None and part.group != open_group:
            out.append(f"--{inner(open_group)}--\n")
            open_group = None
        if part.group is not None and open_group is None:
            out.append(f"--{boundary}\nContent-Type: multipart/mixed; boundary={inner(part.group)}\n\n")
            open_group = part.group
        out.append(f"--{boundary if part.group is None else inner(part.group)}\n")
        out.append("Content-Type: application/http\n")
        if part.id:
            out.append(f"Content-ID: {part.id}\n")
        out.append(f"\nhttp/1.1 {reply.status} no text\n")
        if "Location" in reply.headers:
            out.append(f"Location: {reply.headers['Location']}\n")
        elif reply.body and reply.status < 400:
            out.append(f"Content-Type: {reply.headers.get('Content-Type', 'application/json')}\n")
        out.append(f"\n{reply.body.decode('utf-8', 'replace')}\n")
    if open_group is not None:
        out.append(f"--{inner(open_group)}--\n")
    return ("".join(out) + f"--{boundary}--").encode()


# Addresses and references


def target(url: str, root: str, version: str) -> tuple[str, str]:
    """Path below the service's root (decoded), and query of an address in a batch.

    `root`: path of the service (`/sta/v1.1`); an address may also begin at its last part (`/v1.1/Things`), be absolute, or
    be relative to the root.
    """
    if len(url) > 100_000:
        raise Invalid("An address in the batch is too long.", field="url")
    try:
        split = urlsplit(url)
    except ValueError:
        raise Invalid(f"{times.short(url)} is no address.", field="url") from None
    path = split.path
    for start in (f"{root}/", f"/{version}/"):
        if path.startswith(start):
            path = path[len(start) :]
            break
    else:
        if path.startswith("/") or split.netloc:
            raise Invalid(f"{times.short(url)} is not of this service.", hint=f"{root}/Things", field="url")
    query = url.partition("?")[2].partition("#")[0]
    return unquote(path), query


def referred(part: Part, made: Mapping[str, str]) -> Part:
    """With references to entities that earlier parts made put in: `$1/Datastreams`, `{"@iot.id": "$1"}`.

    `made`: path of the entity (`Things(5)`) by the id of the part.
    """
    url, body = part.url, part.body
    found = _REFERENCE.match(url.lstrip("/"))
    if found and found[1] in made:
        url = made[found[1]] + url.lstrip("/")[found.end() :]
    if made and isinstance(body, bytes) and b'"$' in body:
        body = decode(body)
    if made and not isinstance(body, bytes):
        body = _put_in(body, made, 0)
    return Part(part.method, url, part.id, part.group, part.headers, body, part.after)


def _put_in(data: Any, made: Mapping[str, str], depth: int) -> Any:
    if depth > 40:
        return data
    if isinstance(data, dict):
        return {
            name: _id(item, made) if name in ("@iot.id", "@odata.id") else _put_in(item, made, depth + 1)
            for name, item in data.items()
        }
    if isinstance(data, list):
        return [_put_in(item, made, depth + 1) for item in data]
    return data


def _id(item: Any, made: Mapping[str, str]) -> Any:
    """`"$1"` -> the id of what that part made."""
    if isinstance(item, str) and item.startswith("$") and item[1:] in made:
        return int(made[item[1:]].rpartition("(")[2].rstrip(")"))
    return item
