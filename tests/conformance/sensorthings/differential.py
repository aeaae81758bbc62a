"""Two SensorThings servers are given the same world and asked the same things; where their answers differ is told.

    report = compare(oracle_root, root)

Ids and links are replaced by the entities' keys (content.py), times by their instants; the rest must be equal.
"""

from __future__ import annotations

import itertools
import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from .content import KINDS, SETS, World

CATALOGUE = Path(__file__).parent / "catalogue.toml"
#: same; order: the same rows in another order; body; status; oracle: the first server answers 5xx, so nothing can be said;
#: fault: the second one answers 5xx or not at all; accepted: they differ, and the catalogue says why that is right.
OUTCOMES = ("same", "order", "body", "status", "oracle", "fault", "accepted")

_PLACE = re.compile(r"\{(\w+:\d+)\}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)")
_LINK = re.compile(r"(\w+)\(('[^']*'|[^()']+)\)")


@dataclass(frozen=True)
class Query:
    """One question: its group, the address below the root with {Thing:3} for ids, whether the order of rows matters."""

    group: str
    text: str
    ordered: bool = True


@dataclass(frozen=True)
class Difference:
    """How the answers to a query compare; `where` and the two values at the first place at which they part."""

    query: Query
    outcome: str
    where: str = ""
    first: str = ""
    second: str = ""


def queries(path: Path = CATALOGUE, groups: Sequence[str] = ()) -> Iterator[Query]:
    """The catalogue, templates filled."""
    for group in tomllib.loads(path.read_text("utf-8"))["group"]:
        if groups and group["name"] not in groups:
            continue
        fill: dict[str, list[str]] = group.get("fill", {})
        texts = list(group.get("queries", []))
        if template := group.get("template"):
            for values in itertools.product(*fill.values()):
                filled = dict(zip(fill, values, strict=True))
                texts.append(re.sub(r"\{([^{}:]+)\}", lambda found, f=filled: f[found[1]], template))
        for text in texts:
            yield Query(group["name"], text, not group.get("unordered", False))


def accepted(path: Path = CATALOGUE) -> dict[str, str]:
    """Queries that may be answered otherwise than by the oracle, and why."""
    return {entry["query"]: entry["why"] for entry in tomllib.loads(path.read_text("utf-8")).get("accepted", [])}


def compare(
    oracle: str,
    root: str,
    *,
    groups: Sequence[str] = (),
    multi: bool = True,
    headers: dict[str, str] | None = None,
) -> list[Difference]:
    """Load the world into both (deleting what is there) and ask; `headers` go to the second server only."""
    with httpx.Client(timeout=60) as first, httpx.Client(timeout=60, headers=headers) as second:
        worlds = World(oracle, first, multi=multi), World(root, second, multi=multi)
        for world in worlds:
            world.clear()
            world.load()
        asked = [query for query in queries(groups=groups) if multi or "MultiDatastream" not in query.text]
        reasons = accepted()
        found = [_judge(query, worlds, (first, second)) for query in asked]
    return [
        replace(one, outcome="accepted", where=reasons[one.query.text])
        if one.query.text in reasons and one.outcome in ("order", "body", "status")
        else one
        for one in found
    ]


def counts(found: Sequence[Difference]) -> dict[str, int]:
    """How many queries had which outcome."""
    counted = Counter(difference.outcome for difference in found)
    return {outcome: counted[outcome] for outcome in OUTCOMES}


def table(found: Sequence[Difference]) -> str:
    """Markdown: outcomes by group, then every difference."""
    lines = ["| queries | " + " | ".join(OUTCOMES) + " |", "|---" * (len(OUTCOMES) + 1) + "|"]
    for group in dict.fromkeys(difference.query.group for difference in found):
        counted = counts([difference for difference in found if difference.query.group == group])
        lines.append(f"| {group} | " + " | ".join(str(counted[outcome] or "") for outcome in OUTCOMES) + " |")
    total = counts(found)
    lines.append("| **all** | " + " | ".join(f"**{total[outcome]}**" for outcome in OUTCOMES) + " |")
    lines.append("")
    for difference in found:
        if difference.outcome != "same":
            lines.append(
                f"- {difference.outcome}: `{difference.query.text}` {difference.where}: "
                f"{difference.first[:200]} | {difference.second[:200]}"
            )
    return "\n".join(lines).strip()


def _judge(query: Query, worlds: tuple[World, World], clients: tuple[httpx.Client, httpx.Client]) -> Difference:
    answers = [_ask(query, world, client) for world, client in zip(worlds, clients, strict=True)]
    (status, one), (other_status, other) = answers
    told = (f"{status} {_text(one)}", f"{other_status} {_text(other)}")
    if status >= 500:
        return Difference(query, "oracle", "status", *told)
    if other_status >= 500:
        return Difference(query, "fault", "status", *told)
    if status != other_status:
        return Difference(query, "status", "status", *told)
    if status >= 400:
        return Difference(query, "same")
    if (parts := _part(one, other)) is None:
        return Difference(query, "same")
    if _part(_sorted(one), _sorted(other)) is None:
        return Difference(query, "order" if query.ordered else "same", *parts)
    return Difference(query, "body", *parts)


def _ask(query: Query, world: World, client: httpx.Client) -> tuple[int, Any]:
    missing = [key for key in _PLACE.findall(query.text) if key not in world.ids]
    if missing:
        raise RuntimeError(f"{query.text}: the world has no {missing[0]}")
    text = _PLACE.sub(lambda found: world.ids[found[1]], query.text)
    try:
        answer = client.get(f"{world.root}/{quote(text, safe=_SAFE)}")
    except httpx.HTTPError as error:
        return 599, str(error)
    if answer.status_code >= 300 or not answer.content:
        return answer.status_code, answer.text[:300]
    try:
        body = json.loads(answer.text)
    except ValueError:
        body = answer.text
    return answer.status_code, _normal(body, _kind(query.text), world)


_SAFE = "/?&=$(),;:'%+@*!~-._"


def _kind(text: str) -> str:
    """The kind of entity that a path leads to; empty if to a property."""
    path = text.partition("?")[0].rstrip("/").removesuffix("/$ref").removesuffix("/$value")
    last = re.sub(r"\(.*\)$", "", path.split("/")[-1])
    return KINDS.get(last, last if last in SETS else "")


def _normal(value: Any, kind: str, world: World) -> Any:
    """The same for both servers: keys for ids, links below the root with keys, instants in UTC."""
    if isinstance(value, list):
        return [_normal(part, kind, world) for part in value]
    if isinstance(value, str):
        return _normal_text(value, world)
    if not isinstance(value, dict):
        return value
    normal = {}
    for name, part in value.items():
        if name == "TaskingCapabilities@iot.navigationLink":
            continue  # the oracle runs without Tasking
        if name == "@iot.id":
            normal[name] = world.key(kind, part)
        elif name.endswith("@iot.nextLink"):
            normal[name] = "more"  # servers may page as they like; that there is more must be the same
        elif name == "dataArray":
            normal[name] = [_normal_row(row, value.get("components", []), world) for row in part]
        else:
            inner = KINDS.get(name, name if name in SETS else kind if name == "value" else "")
            normal[name] = _normal(part, inner, world)
    return normal


def _normal_row(row: list[Any], components: list[str], world: World) -> list[Any]:
    return [
        world.key("Observation", cell) if component in ("id", "@iot.id") else _normal(cell, "", world)
        for component, cell in itertools.zip_longest(components, row)
    ]


def _normal_text(text: str, world: World) -> str:
    if text.startswith(("http://127.0.0.1", "http://localhost", world.root)):
        below = re.sub(r"^.*?/v1\.\d/?", "", text)
        return _LINK.sub(lambda found: f"{found[1]}({world.key(KINDS.get(found[1], ''), found[2])})", below)
    if _TIME.search(text):
        return "/".join(_instant(part) for part in text.split("/"))
    return text


def _instant(text: str) -> str:
    """In UTC; what the server set itself a moment ago is `now`."""
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return text
    return "now" if abs(datetime.now(UTC) - moment) < timedelta(hours=1) else moment.isoformat()


def _sorted(value: Any) -> Any:
    """Lists of objects in an order of their own."""
    if isinstance(value, dict):
        return {name: _sorted(part) for name, part in value.items()}
    if isinstance(value, list):
        parts = [_sorted(part) for part in value]
        return sorted(parts, key=_text) if parts and isinstance(parts[0], dict) else parts
    return value


def _part(one: Any, other: Any, where: str = "") -> tuple[str, str, str] | None:
    """The first place at which two answers part."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted({*one, *other}):
            if name not in one or name not in other:
                missing = "absent"
                return (
                    f"{where}.{name}",
                    _text(one[name]) if name in one else missing,
                    _text(other[name]) if name in other else missing,
                )
            if (found := _part(one[name], other[name], f"{where}.{name}")) is not None:
                return found
        return None
    if isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            return f"{where}[{len(one)} | {len(other)}]", _text(one), _text(other)
        for place, (left, right) in enumerate(zip(one, other, strict=True)):
            if (found := _part(left, right, f"{where}[{place}]")) is not None:
                return found
        return None
    same = one == other and isinstance(one, bool) == isinstance(other, bool)
    return None if same else (where or "body", _text(one), _text(other))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
