"""One council information system: from its own object to bodies, and from these to lists of objects, page by page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nabe.adapters.oparl.settings import PAGING, TableSettings
from nabe.adapters.oparl.translate import INSIDE, LISTS, inside, is_deleted, kind_of, tidied
from nabe.adapting.json_http.interface import Body, Interface, Page
from nabe.adapting.json_http.paging import Elsewhere, near, with_params
from nabe.adapting.json_http.paths import Row
from nabe.adapting.json_http.reading import PlainReader
from nabe.adapting.json_http.settings import Filter
from nabe.adapting.json_http.settings import TableSettings as HttpTable
from nabe.adapting.json_http.source import HttpJsonSource
from nabe.adapting.json_http.stream import Broken, Envelope, decode
from nabe.errors import SourceRefused
from nabe.model.dataset import Dataset, FieldType
from nabe.outbound import named, short

#: Bytes of a system's or body's own object.
_MOST_OBJECT = 8_000_000
_MOST_BODIES = 10_000
#: Times by which lists are narrowed (2.5.4), and how far the bound is moved so that an exclusive one harms nobody.
_TIMES = ("created", "modified")
_SECOND = dt.timedelta(seconds=1)


class Council(Interface):
    """The lists of one system. Its url is that of the system object, or of one body."""

    def check(self) -> None:
        """Does it answer as OParl?"""
        self.root()

    def root(self) -> Mapping[str, Any]:
        """The system's object, or the body's, at the url. `SourceRefused` if it is something else."""
        url = self.settings.url
        found = self._object(url)
        if kind_of(found) not in ("System", "Body"):
            raise SourceRefused(
                self.system,
                f"{named(url)} is no system or body of OParl.",
                hint="Give the address of its System object (its type ends with /System).",
                where=short(url),
            )
        return found

    def bodies(self, wanted: str = "") -> list[Mapping[str, Any]]:
        """The bodies of the system, or the one whose id ends so."""
        root = self.root()
        if kind_of(root) == "Body":
            found = [root]
        else:
            found = []
            for page in self._list(root, "body", []):
                found += [row.value for row in page.rows if kind_of(row.value) == "Body"]
                if len(found) > _MOST_BODIES:
                    raise SourceRefused(self.system, f"it has over {_MOST_BODIES} bodies.", hint="Give a body's url.")
        if not wanted:
            return found
        chosen = [item for item in found if str(item.get("id", "")).rstrip("/").endswith(wanted.rstrip("/"))]
        if len(chosen) != 1:
            known = ", ".join(str(item.get("id")) for item in found[:10])
            raise SourceRefused(
                self.system, f"{len(chosen)} bodies end with {wanted!r}.", hint=f"Bodies: {known}.", field="body"
            )
        return chosen

    def pages(self, settings: HttpTable, pushed: list[tuple[str, str]], size: int = 0) -> Iterator[Page]:
        """The pages of a list, of all bodies wanted one after the other."""
        assert isinstance(settings, TableSettings)
        bodies = self.bodies(settings.body)
        if settings.list == "body":
            for body in bodies:
                yield _made(_records([body], settings, ""))
            return
        for body in bodies:
            id = str(body.get("id", ""))
            member = LISTS[settings.list]
            if isinstance(body.get(member), str):
                for page in self._list(body, member, _widened(pushed)):
                    page.rows = _records((row.value for row in page.rows), settings, id)
                    yield page
            else:
                yield from self._embedded(body, settings, id)

    def _embedded(self, body: Mapping[str, Any], settings: TableSettings, id: str) -> Iterator[Page]:
        """Objects of which the body has no list: out of those in which they are embedded, each once."""
        kind = settings.list
        if isinstance(body.get(kind), list):
            yield _made(_records(inside(body, (kind,), "body"), settings, id))
            return
        ways = [way for way in INSIDE.get(kind, ()) if isinstance(body.get(LISTS[way[0]]), str)]
        if not ways:
            there = ", ".join(name for name, member in LISTS.items() if isinstance(body.get(member), str))
            raise SourceRefused(
                self.system, f"it has no list {kind!r}.", hint=f"It has: {there or 'none'}.", field="list"
            )
        seen: set[str] = set()
        for outer, members, back in ways:
            for page in self._list(body, LISTS[outer], []):
                held = (item for row in page.rows for item in inside(row.value, members, back))
                page.rows = _records(_once(held, seen), settings, id)
                yield page

    def _list(self, holder: Mapping[str, Any], member: str, params: list[tuple[str, str]]) -> Iterator[Page]:
        """The pages of a list at the address that an object names. It must be on the system's own host."""
        target = holder.get(member)
        try:
            url = near(self.settings.url, target) if isinstance(target, str) else ""
        except Elsewhere:
            url = ""
        if not url:
            raise SourceRefused(
                self.system,
                f"{member!r} of {kind_of(holder) or 'its object'} is no address on its own host.",
                hint="Ask its operator, or give the url of the body there.",
                field=member,
            )
        asked = HttpTable(rows="data[*]", page=PAGING)
        yield from self.pages_from(with_params(url, params) if params else url, asked)

    def _object(self, url: str) -> Mapping[str, Any]:
        body = self._ask(url)
        parts: list[bytes] = []
        try:
            for chunk in body.chunks():
                parts.append(chunk)
                if body.read > _MOST_OBJECT:
                    raise SourceRefused(
                        self.system, f"{named(url)} is too large for one object.", hint="Check the url."
                    )
        finally:
            body.close()
        try:
            found = decode(b"".join(parts))
        except Broken as error:
            raise SourceRefused(
                self.system, f"{named(url)}: {error}.", hint="Check the url.", where=short(url)
            ) from None
        return found if isinstance(found, dict) else {}


class OparlReader(PlainReader):
    """A list's objects, narrowed by the times that every list knows."""

    kind = TableSettings

    def __init__(self, system: str, dataset: Dataset) -> None:
        super().__init__(system, dataset)
        self.settings = self.settings.model_copy(update={"filters": _filters(dataset)})


class OparlSource(HttpJsonSource):
    """A council information system as a source. It promises nothing; lists are narrowed by time where that is asked."""


def _filters(dataset: Dataset) -> dict[str, Filter]:
    """The parameters of every list (2.5.4) for fields that hold an object's own times."""
    return {
        field.name: Filter(ge=f"{field.source_column}_since", le=f"{field.source_column}_until")
        for field in dataset.fields
        if field.source_column in _TIMES and field.type is FieldType.DATETIME
    }


def _widened(pushed: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Bounds moved by a second outwards: whether they belong to it is not said by every system alike."""
    found = []
    for name, text in pushed:
        moment = dt.datetime.fromisoformat(text)
        since = name.endswith("_since")
        try:
            moment = moment - _SECOND if since else moment + _SECOND
        except OverflowError:
            continue
        found.append((name, moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")))
    return found


def _made(rows: Iterator[Row]) -> Page:
    """Rows that are there already."""
    return Page(Body("", {}, iter(()), None), rows, Envelope(None, found=True))


def _records(objects: Iterable[Any], settings: TableSettings, body: str) -> Iterator[Row]:
    number = 0
    for record in objects:
        if settings.deleted == "leave_out" and is_deleted(record):
            continue
        yield Row(tidied(record, body), number)
        number += 1


def _once(objects: Iterable[dict[str, Any]], seen: set[str]) -> Iterator[dict[str, Any]]:
    for record in objects:
        if record["id"] not in seen:
            seen.add(record["id"])
            yield record
