"""A council information system of a test, and systems and datasets that read it."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nabe.adapters.oparl import OparlAdapter
from nabe.model.dataset import Access, Dataset, Field, Limits, System
from nabe.model.text import Text
from nabe.ports.source import Probe, Source
from nabe.testing.silo import Reply, Request, Server, context, no_secrets, rows, serving, table

__all__ = [
    "DATA", "Council", "Reply", "Request", "Server", "context", "dataset", "no_secrets", "opened", "probe", "rows",
    "serving", "system", "table", "thing",
]  # fmt: skip

DATA = Path(os.environ.get("NABE_TEST_DATA") or Path(__file__).parents[4] / "shared" / "data")
SCHEMA = "https://schema.oparl.org/1.1/"


def thing(kind: str, id: str, **members: Any) -> dict[str, Any]:
    return {"id": id, "type": SCHEMA + kind, **members}


class Council:
    """Answers as a system with these lists per body: `{"1": {"paper": [...]}}`; narrowed by time as the standard says."""

    def __init__(self, server: Server, bodies: Mapping[str, Mapping[str, Sequence[Any]]], page: int = 5) -> None:
        self.server, self.bodies, self.page = server, bodies, page
        server.answer = self

    @property
    def url(self) -> str:
        return f"{self.server.url}/system"

    def __call__(self, request: Request) -> Any:
        base = self.server.url
        match request.path.removeprefix("/api/").split("/"):
            case ["system"]:
                return thing("System", self.url, oparlVersion=SCHEMA, body=f"{base}/bodies")
            case ["bodies"]:
                return self.paged([self.body(id) for id in self.bodies], request)
            case ["body", id]:
                return self.body(id)
            case ["body", id, name]:
                return self.paged(self.bodies[id][name], request)
        return Reply({}, 404)

    def body(self, id: str) -> dict[str, Any]:
        base = f"{self.server.url}/body/{id}"
        return thing("Body", base, name=f"Stadt {id}", **{name: f"{base}/{name}" for name in self.bodies[id]})

    def paged(self, items: Sequence[Any], request: Request) -> dict[str, Any]:
        for name, value in request.query:
            field, _, end = name.partition("_")
            if end in ("since", "until"):  # exclusive, as some systems have it
                bound = dt.datetime.fromisoformat(value)
                there = [item for item in items if item[field]]
                items = [item for item in there if _after(item[field], bound) == (end == "since")]
        number = int(request.params.get("page", 0))
        part = items[number * self.page : (number + 1) * self.page]
        more = (number + 1) * self.page < len(items)
        kept = "".join(f"{name}={value}&" for name, value in request.query if name != "page")
        links = {}
        if more:
            links = {"next": f"{self.server.url.removesuffix('/api')}{request.path}?{kept}page={number + 1}"}
        return {"data": part, "pagination": {"elementsPerPage": self.page}, "links": links}


def _after(text: str, bound: dt.datetime) -> bool | None:
    moment = dt.datetime.fromisoformat(text)
    return None if moment == bound else moment > bound


def system(url: str, timeout_s: float = 10.0, **connection: Any) -> System:
    limits = Limits(timeout_s=timeout_s)
    return System("rat", Text("Rat"), "oparl", "amt", {"url": url, **connection}, limits=limits)


def dataset(source: dict[str, Any], fields: tuple[Field, ...], id: str = "inhalt") -> Dataset:
    return Dataset(id, Text("Inhalt"), "amt", Access.OPEN, fields, system="rat", source=source)


def opened(
    root: Path, url: str, *, secrets: Callable[[str], str] = no_secrets, timeout_s: float = 10.0, **connection: Any
) -> Source:
    return OparlAdapter().open(system(url, timeout_s, **connection), secrets, context(root))


def probe(root: Path, url: str) -> Probe:
    adapter = OparlAdapter()
    found = adapter.sniff(url, context(root))
    assert found is not None, url
    return adapter.probe(found, no_secrets, context(root))
