"""A council information system that speaks OParl 1.1: system, body, lists with pages and times."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

from nabe.demo.services.answering import Asked, Data, Reply, Service, Wrong, as_json, whole

_LISTS = ("organization", "person", "meeting", "paper")
_PAGE = 25
#: In the files, in place of the service's own address.
HERE = "@@"


def service(folder: Path) -> Service:
    """The objects of `rat.json`."""
    data = Data(folder)

    def answer(asked: Asked) -> Reply:
        everything = data.json("rat.json")
        parts = [part for part in asked.path.split("/") if part]
        match parts:
            case ["oparl", "system"]:
                return _sent(everything["system"], asked)
            case ["oparl", "bodies"]:
                return _page([everything["body"]], asked)
            case ["oparl", "body", "1"]:
                return _sent(everything["body"], asked)
            case ["oparl", "body", "1", name] if name in _LISTS:
                return _page([item for item in everything[name] if _within(item, asked)], asked)
            case ["oparl", name, _] if name in _LISTS:
                for item in everything[name]:
                    if item["id"] == HERE + asked.path:
                        return _sent(item, asked)
        raise Wrong(404, "There is nothing at this address.")

    return Service(
        answer, ((b'"reference"', b'"drucksache"'), (b'"shortName"', b'"kuerzel"'), (b'"start"', b'"anfang"'))
    )


def _sent(item: Any, asked: Asked) -> Reply:
    return Reply(json.dumps(item, ensure_ascii=False).replace(HERE, asked.base).encode())


def _page(items: list[Any], asked: Asked) -> Reply:
    page, pages = whole(asked.params, "page", 1, 1), max(1, -(-len(items) // _PAGE))
    links = {"self": asked.link(), "first": asked.link(page=1), "last": asked.link(page=pages)}
    if page < pages:
        links["next"] = asked.link(page=page + 1)
    body = {
        "data": items[(page - 1) * _PAGE : page * _PAGE],
        "pagination": {
            "totalElements": len(items), "elementsPerPage": _PAGE, "currentPage": page, "totalPages": pages,
        },
    }  # fmt: skip
    return as_json({**json.loads(json.dumps(body).replace(HERE, asked.base)), "links": links})


def _within(item: dict[str, Any], asked: Asked) -> bool:
    """2.5.4: `created_since`, `created_until`, `modified_since`, `modified_until`."""
    for member in ("created", "modified"):
        for end in ("since", "until"):
            text = asked.params.get(f"{member}_{end}")
            if text is None:
                continue
            try:
                wanted, there = (dt.datetime.fromisoformat(value) for value in (text, item[member]))
                fits = there >= wanted if end == "since" else there <= wanted
            except (ValueError, TypeError):
                raise Wrong(400, f"{member}_{end} must be a time with its zone.") from None
            if not fits:
                return False
    return True
