"""The parts of a batch in turn, each like any other request of the same asker; those of a group all or none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from nabe.apis.sensorthings import batch, problems
from nabe.apis.sensorthings.batch import Asked, Part, Reply
from nabe.apis.sensorthings.render import encode
from nabe.errors import NabeError
from nabe.model.entities import EntityRow


class Answering(Protocol):
    """Who answers the requests (`service.Service`)."""

    def answer(self, asked: Asked) -> Reply:
        """Whatever is asked."""

    def refusal(self, error: NabeError) -> Reply:
        """The answer that an error is."""

    def as_it_is(self, path: str) -> EntityRow:
        """The entity at an address, with all its properties."""

    def undo(self, made: str) -> None:
        """Take back an entity that was made (`Things(5)`)."""

    def put_back(self, row: EntityRow) -> None:
        """Set an entity's properties as they were."""


class Batch:
    """Does the parts in order; those of a group all or none."""

    def __init__(self, service: Answering, parts: list[Part]) -> None:
        self._service = service
        self._parts = parts
        self._replies: dict[int, Reply] = {}
        self._made: dict[str, str] = {}
        self._failed: set[str] = set()

    def run(self) -> list[Reply]:
        """All answers, in the order of the parts."""
        groups: dict[int, list[int]] = {}
        for place, part in enumerate(self._parts):
            if part.group is not None:
                groups.setdefault(part.group, []).append(place)
        for place, part in enumerate(self._parts):
            if place in self._replies:
                continue
            if part.group is None:
                self._replies[place] = self._do(part)
            else:
                self._together(groups[part.group])
        return [self._replies[place] for place in range(len(self._parts))]

    def _do(self, part: Part) -> Reply:
        if not self._failed.isdisjoint(part.after):
            reply = _unmet("What this request depends on has failed.")
        else:
            part = batch.referred(part, self._made)
            reply = self._asked(part)
        if reply.status >= 400:
            self._failed.add(part.id)
        elif part.id and "Location" in reply.headers:
            self._made[part.id] = reply.headers["Location"].rpartition("/")[2]
        return reply

    def _asked(self, part: Part) -> Reply:
        try:
            path, query = batch.target(part.url, batch.ROOT, batch.VERSION)
        except NabeError as error:
            return self._service.refusal(error)
        reply = self._service.answer(Asked(part.method, path, query, part.headers, _in_batch(part, path)))
        if reply.status == 404:
            # What is not there is said in the standard's few words.
            said = msgspec.json.decode(reply.body)["message"]
            words = said if said == problems.NO_ID else problems.NOT_FOUND
            return Reply(404, {}, encode({"code": 404, "type": "error", "message": words}))
        return reply

    def _together(self, places: list[int]) -> None:
        """All parts of a group; if one fails, what the others did is taken back. What is deleted is deleted last."""
        undo: list[Callable[[], None]] = []
        places = sorted(places, key=lambda place: self._parts[place].method == "DELETE")
        for place in places:
            part = self._parts[place]
            before = self._before(batch.referred(part, self._made))
            reply = self._do(part)
            self._replies[place] = reply
            if reply.status >= 400:
                for step in reversed(undo):
                    step()
                for other in places:
                    if other != place:
                        self._replies[other] = _unmet("Another request of its group has failed.")
                        self._failed.add(self._parts[other].id)
                        self._made.pop(self._parts[other].id, None)
                return
            if "Location" in reply.headers:
                made = reply.headers["Location"].rpartition("/")[2]
                undo.append(lambda made=made: self._service.undo(made))  # type: ignore[misc]
            elif before is not None:
                undo.append(lambda before=before: self._service.put_back(before))  # type: ignore[misc]

    def _before(self, part: Part) -> EntityRow | None:
        if part.method not in ("PATCH", "PUT"):
            return None
        try:
            return self._service.as_it_is(batch.target(part.url, batch.ROOT, batch.VERSION)[0])
        except NabeError:
            return None


def _in_batch(part: Part, path: str) -> Any:
    # A batch in a batch is refused by its body: nothing but the outermost comes as bytes.
    return [] if path.strip("/") == "$batch" else part.body


def _unmet(why: str) -> Reply:
    return Reply(424, {"Content-Type": problems.JSON}, encode({"code": 424, "type": "error", "message": why}))
