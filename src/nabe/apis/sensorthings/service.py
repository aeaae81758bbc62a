"""What the service does with a request, however it came: alone over HTTP, or as a part of a batch."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from zlib import crc32

from nabe.apis.sensorthings import aggregates, arrays, batch, bodies, options, patching, problems, tabular
from nabe.apis.sensorthings.address import Address, address
from nabe.apis.sensorthings.batch import Asked, Reply
from nabe.apis.sensorthings.batching import Batch
from nabe.apis.sensorthings.problems import NotHere
from nabe.apis.sensorthings.render import SELF, Renderer, encode, inside, raw
from nabe.errors import Invalid, NabeError, Unknown
from nabe.hub import Hub
from nabe.model.entities import ENTITIES, STREAMS, EntityPage, EntityQuery, EntityRow, EntityType
from nabe.web.asker import Asker

ID = "sensorthings"
_JSON = {"Content-Type": problems.JSON}
_TEXT = {"Content-Type": "text/plain; charset=UTF-8"}
_HELD_BACK = "error: not kept as it is, by the rules of its dataset."
_PATCHES = "application/json-patch+json"
_GONE = Reply(200, {}, b"")
_DONE = Reply(204, {}, b"")


def json(data: Any, status: int = 200) -> Reply:
    """An answer in JSON."""
    return Reply(status, _JSON, encode(data))


class Service:
    """Answers the requests of one asker. `base`: the service's root as links name it; `dataset`: for new entities; `key`:
    names the delivery; `root`: the document at the root.
    """

    def __init__(
        self,
        hub: Hub,
        asker: Asker,
        base: str,
        dataset: str = "",
        key: str = "",
        root: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self._hub = hub
        self._sensing = hub.sensing
        self._asker = asker
        self._actor, self._use_case = asker.actor, asker.use_case
        self._render = Renderer(base)
        self._base = base
        self._dataset, self._root = dataset, root
        self._key = f"{asker.actor.id}:{key}" if key else ""

    def answer(self, asked: Asked) -> Reply:
        """Whatever is asked; what is wrong with it is an answer, too."""
        try:
            return self._answer(asked)
        except NabeError as error:
            return self.refusal(error)

    def refusal(self, error: NabeError) -> Reply:
        """The answer that an error is."""
        return Reply(error.status, _JSON | problems.headers(error), problems.body(error, self._asker.lang))

    def _answer(self, asked: Asked) -> Reply:
        path = asked.path.strip("/")
        match path:
            case "":
                _only(asked, "GET")
                return json(self._root)
            case "CreateObservations":
                _only(asked, "POST")
                return self._create_observations(asked)
            case "$batch":
                _only(asked, "POST")
                return self._batch(asked)
        at = address(path)
        does = {
            "GET": self._get,
            "POST": self._post,
            "PATCH": self._change,
            "PUT": self._change,
            "DELETE": self._delete,
        }.get(asked.method)
        if does is None or asked.method not in _allowed(at):
            raise NotHere(asked.method, _allowed(at))
        return does(at, asked)

    # reading

    def _read(self, query: EntityQuery) -> EntityPage:
        return self._sensing.read(self._actor, self._use_case, query, interface=ID)

    def _get(self, at: Address, asked: Asked) -> Reply:
        wanted = options.question(at, asked.query)
        if wanted.aggregation is not None:
            return self._aggregate(wanted, asked)
        if at.end == "$count":
            query = EntityQuery(at.type, at.hops, where=wanted.query.where, top=0, count=True, keys=True)
            return Reply(200, _TEXT, str(self._read(query).total or 0).encode())
        page = self._read(tabular.prepared(wanted))
        if at.many:
            return _tagged(self._page(page, wanted, asked.path), asked)
        row = page.rows[0] if page.rows else None
        if row is None:
            raise problems.no_such()
        if at.inside:
            return _tagged(_property(row, at), asked)
        if at.end == "$ref":
            return json({SELF: self._render.self_link(row.type, row.id)})
        return _tagged(json(self._render.entity(row, wanted.shown)), asked)

    def _page(self, page: EntityPage, wanted: options.Question, path: str) -> Reply:
        match wanted.format:
            case "dataArray":
                return json(tabular.data_arrays(page, wanted, path, self._render))
            case "CSV":
                headers = {"Content-Type": "text/csv; charset=UTF-8"}
                if page.more:
                    headers["Link"] = f'<{self._render.next_link(page, wanted, path)}>; rel="next"'
                return Reply(200, headers, tabular.table(page.rows, wanted.shown, page.type).encode())
            case "GeoJSON":
                body = encode(tabular.features(page, wanted, path, self._render))
                return Reply(200, {"Content-Type": "application/geo+json"}, body)
        return json(self._render.page(page, wanted, path))

    def _aggregate(self, wanted: options.Question, asked: Asked) -> Reply:
        assert wanted.aggregation is not None
        found = self._sensing.aggregate(
            self._actor, self._use_case, wanted.query, wanted.aggregation.bucket, interface=ID
        )
        if wanted.format == "CSV":
            return Reply(200, {"Content-Type": "text/csv; charset=UTF-8"}, aggregates.table(found, wanted))
        return json(aggregates.rows(found, wanted, asked.path, self._render))

    # making

    def _post(self, at: Address, asked: Asked) -> Reply:
        data = _data(asked)
        if at.end == "$ref":
            owner, relation = self._owner(at)
            target = bodies.reference(data, at.type)
            self._sensing.link(
                self._actor, at.hops[-1].type, owner, relation, target, use_case=self._use_case, interface=ID
            )
            return _DONE
        now = time.time_ns() // 1000
        row = arrays.plain(data, at.hops[-1].id if at.hops else None) if observing(at) else None
        if row is not None:
            incoming = arrays.table([row], now)
            if not incoming.errors:
                ids = self._sensing.observe(self._actor, incoming.table, key=self._key, interface=ID, placed=True)
                return self._created(at.type, int(ids[0]))
        entity = bodies.Reading(now).entity(data, at.type, at.hops)
        id = self._sensing.create(
            self._actor,
            self._use_case,
            entity,
            within=at.hops,
            dataset=asked.headers.get("nabe-dataset", self._dataset),
            key=self._key,
            interface=ID,
        )
        return self._created(at.type, id)

    def observed(self, id: int) -> Reply:
        """The answer to an Observation that is stored."""
        return self._created(EntityType.OBSERVATION, id)

    def _created(self, type: EntityType, id: int) -> Reply:
        if id < 0:
            return Reply(202, _JSON, encode({"code": 202, "type": "information", "message": _HELD_BACK}))
        return Reply(201, {"Location": self._render.self_link(type, id)}, b"")

    def _create_observations(self, asked: Asked) -> Reply:
        body = asked.body if isinstance(asked.body, bytes) else encode(asked.body)
        incoming = arrays.data_arrays(body, time.time_ns() // 1000)
        said = [_HELD_BACK] * incoming.total
        for place, why in incoming.errors.items():
            said[place] = why
        errors: dict[int, NabeError] = {}
        ids = self._sensing.observe(
            self._actor, incoming.table, key=self._key, interface=ID, errors=errors, placed=True
        )
        link = f"{self._base}/{ENTITIES[EntityType.OBSERVATION].plural}("
        for place, id in zip(incoming.places, ids.tolist(), strict=True):
            if id > 0:
                said[place] = f"{link}{id})"
        for row, error in errors.items():
            said[incoming.places[row]] = f"error: {error}"
        return json(said, 201)

    # changing

    def _change(self, at: Address, asked: Asked) -> Reply:
        data = _data(asked)
        if at.end == "$ref":
            owner, relation = self._owner(at)
            links = {relation: (bodies.reference(data, at.type),)}
            self._sensing.update(self._actor, at.hops[-1].type, owner, {}, links, use_case=self._use_case, interface=ID)
            return _DONE
        replace = asked.method == "PUT"
        if not replace and asked.headers.get("content-type", "").split(";")[0].strip().lower() == _PATCHES:
            row = self._one(at, keys=False)
            found, id = patching.patched(row, data), row.id
            if not found.values and not found.links:
                return _GONE
        else:
            found = bodies.replacement(data, at.type) if replace else bodies.changes(data, at.type)
            id = self._id(at)
        self._sensing.update(
            self._actor, at.type, id, found.values, found.links, replace=replace, use_case=self._use_case, interface=ID
        )
        return _GONE

    def _delete(self, at: Address, asked: Asked) -> Reply:
        given = options.options(asked.query)
        if at.end == "$ref":
            owner, relation = self._owner(at)
            target = at.id if at.id is not None else bodies.link_id(given.get("$id"), at.type, "$id")
            self._one(Address(at.type, at.hops, target))  # else there is no such link
            self._sensing.link(
                self._actor,
                at.hops[-1].type,
                owner,
                relation,
                target,
                remove=True,
                use_case=self._use_case,
                interface=ID,
            )
            return _DONE
        wanted = options.question(at, asked.query)
        if at.many and wanted.query.where is None:
            hint = "With $filter, those that it finds; `$filter=id ge 0` finds all."
            raise Invalid("A whole set is not deleted by a mere address.", hint=hint, field="$filter")
        query = EntityQuery(at.type, at.hops, at.id, where=wanted.query.where)
        if not self._sensing.delete(self._actor, query, use_case=self._use_case, interface=ID) and not at.many:
            raise problems.no_such()
        return _GONE

    def _id(self, at: Address) -> int:
        """The id of the one entity at an address; that the address leads there is looked at."""
        return at.id if at.id is not None and not at.hops else self._one(at).id

    def _one(self, at: Address, *, keys: bool = True) -> EntityRow:
        rows = self._read(EntityQuery(at.type, at.hops, at.id, keys=keys, top=None if at.id is not None else 1)).rows
        if not rows:
            raise problems.no_such()
        return rows[0]

    def _owner(self, at: Address) -> tuple[int, str]:
        """The entity before the last relation of an address, and that relation."""
        hop = at.hops[-1]
        before = Address(hop.type, at.hops[:-1], hop.id)
        return self._id(before), hop.relation

    # several at once

    def _batch(self, asked: Asked) -> Reply:
        if not isinstance(asked.body, bytes):
            raise Invalid("A batch holds no batch.", field="url")
        content_type = asked.headers.get("content-type", "")
        parts = batch.parts(content_type, asked.body)
        replies = Batch(self, parts).run()
        if content_type.strip().lower().startswith("multipart"):
            outer = f"batch_{secrets.token_hex(12)}"
            marks: dict[int, str] = {}
            body = batch.multipart_replies(
                parts, replies, outer, lambda group: marks.setdefault(group, f"changeset_{secrets.token_hex(15)}")
            )
            return Reply(200, {"Content-Type": f"multipart/mixed; boundary={outer}"}, body)
        return Reply(200, _JSON, batch.json_replies(parts, replies))

    def undo(self, made: str) -> None:
        """Take back an entity that was made (`Things(5)`)."""
        at = address(made)
        self._sensing.delete(self._actor, EntityQuery(at.type, id=at.id), use_case=self._use_case, interface=ID)

    def put_back(self, row: EntityRow) -> None:
        """Set an entity's properties as they were."""
        kept = {name for name, item in ENTITIES[row.type].properties.items() if item.kept}
        values = {name: item for name, item in row.values.items() if name not in kept}
        self._sensing.update(
            self._actor, row.type, row.id, values, None, replace=True, use_case=self._use_case, interface=ID
        )

    def as_it_is(self, path: str) -> EntityRow:
        """The entity at an address, with all its properties."""
        return self._one(address(path), keys=False)


def _data(asked: Asked) -> Any:
    return bodies.decode(asked.body) if isinstance(asked.body, bytes) else asked.body


def _only(asked: Asked, method: str) -> None:
    if asked.method != method:
        raise NotHere(asked.method, (method,))


def _allowed(at: Address) -> tuple[str, ...]:
    if at.inside or at.end in ("$value", "$count"):
        return ("GET",)
    if at.end == "$ref":
        if not at.hops:
            return ("GET",)
        many = ENTITIES[at.hops[-1].type].relations[at.hops[-1].relation].many
        return ("GET", "POST", "DELETE") if at.many else ("GET", "DELETE") if many else ("GET", "PUT")
    return ("GET", "POST", "DELETE") if at.many else ("GET", "PATCH", "PUT", "DELETE")


def observing(at: Address) -> bool:
    """Is this where Observations of one stream, or of the streams they name, are posted?"""
    hop = at.hops[0] if len(at.hops) == 1 else None
    return at.type is EntityType.OBSERVATION and (not at.hops or (hop is not None and hop.type in STREAMS))


def _property(row: EntityRow, at: Address) -> Reply:
    found = inside(row, at.inside)
    if found is None:
        if str(at.inside[0]) not in ("id", *ENTITIES[row.type].properties):
            raise Unknown("Not Found")
        return _DONE
    return Reply(200, _TEXT, raw(found).encode()) if at.end == "$value" else json({at.label: found})


def _tagged(reply: Reply, asked: Asked) -> Reply:
    """With a validator; 304 if the asker has the same already."""
    if reply.status != 200:
        return reply
    tag = f'W/"{crc32(reply.body):08x}{len(reply.body):x}"'
    known = asked.headers.get("if-none-match", "")
    if known and tag in (item.strip() for item in known[:2_000].split(",")):
        return Reply(304, {"ETag": tag}, b"")
    return Reply(reply.status, {**reply.headers, "ETag": tag}, reply.body)
