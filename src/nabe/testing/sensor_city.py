"""A little city of sensors over the real stores: open air, traffic with personal fields, closed meters; and short words
for what tests do with it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path as Folder
from typing import Any

from nabe.hub import Hub, SensorStores
from nabe.model.catalogue import City, Noun
from nabe.model.dataset import Access, Dataset, Field, FieldType, Mode, System
from nabe.model.entities import EntityPage, EntityQuery, EntityRef, EntityRow, EntityType, Expansion, NewEntity
from nabe.model.flat import STREAM_FIELDS
from nabe.model.party import ANONYMOUS, Actor, Organisation, OrganisationKind, Role
from nabe.model.stream import Stream
from nabe.model.term import Call, Literal, Path, Term
from nabe.model.text import Text
from nabe.model.usecase import Approval, Grant, Member, UseCase, UseCaseState
from nabe.ports.engine import Budget
from nabe.query.reach import Reach
from nabe.query.sensing import StreamTables
from nabe.stores.duckdb import DuckDbEngine
from nabe.stores.nats import NatsBus
from nabe.stores.observations import ObservationStore
from nabe.stores.relational import RelationalStore
from nabe.testing.fakes import FakeCatalogue, FakeLedger

T = EntityType
NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
HOUR = 3_600_000_000
#: `NOW` in microseconds since the epoch.
NOON = int(NOW.timestamp()) * 1_000_000
MEASUREMENT = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement"

ACTORS = {
    "anonymous": ANONYMOUS,
    "it": Actor("it", "IT", "stadt", frozenset({Role.IT})),
    "umwelt": Actor("umwelt", "Umweltamt", "umwelt", frozenset({Role.DATA_OWNER})),
    "gateway": Actor("gateway", "Gateway", "umwelt"),
    "planerin": Actor("planerin", "Planerin", "planung", frozenset({Role.EMPLOYEE})),
    "fremd": Actor("fremd", "Nachbarin", "nachbar", frozenset({Role.IT, Role.DATA_OWNER})),
}
_TRAFFIC = (
    *(item for item in STREAM_FIELDS if item.name != "place"),
    Field("halter", FieldType.STRING, column="Datastream/Thing/properties/halter", personal=True),
    Field("kennzeichen", FieldType.STRING, column="parameters/kennzeichen", personal=True),
    Field("ort", FieldType.GEOMETRY, column="Datastream/Thing/Locations/location", personal=True),
)


def stream_dataset(
    id: str,
    access: Access,
    fields: Sequence[Field] = STREAM_FIELDS,
    stream: Stream = Stream(),  # noqa: B008
) -> Dataset:
    """A dataset of the environment office that comes as a stream."""
    return Dataset(id, Text(id), "umwelt", access, tuple(fields), system="netz", mode=Mode.STREAM, stream=stream)


def _case(id: str, *grants: Grant) -> UseCase:
    members = (Member(person="planerin"),)
    active = UseCaseState.ACTIVE
    return UseCase(id, Text(id), Text("Zweck"), "planung", "§ 1", state=active, members=members, grants=grants)


def nouns() -> list[Noun]:
    """The declarations."""
    given = Approval("umwelt", NOW)
    return [
        City("stadt", Text("Stadt")),
        Organisation("stadt", Text("Stadt"), OrganisationKind.MUNICIPALITY),
        Organisation("umwelt", Text("Umwelt"), OrganisationKind.DEPARTMENT, "stadt"),
        Organisation("planung", Text("Planung"), OrganisationKind.DEPARTMENT, "stadt"),
        Organisation("nachbar", Text("Nachbar"), OrganisationKind.OTHER_MUNICIPALITY),
        System("netz", Text("Netz"), "sensing", "umwelt"),
        stream_dataset("luft", Access.OPEN, stream=Stream(("gateway",))),
        stream_dataset("mitmachen", Access.OPEN, stream=Stream(("anonymous",))),
        stream_dataset("verkehr", Access.OPEN, _TRAFFIC),
        stream_dataset("zaehler", Access.RESTRICTED),
        stream_dataset("pegel", Access.RESTRICTED),
        _case(
            "energie",
            Grant("zaehler", ("id", "time", "result", "thing"), approval=given),
            Grant("pegel", ("*",), where="result > 5", approval=given),
        ),
        _case(
            "alles", Grant("zaehler", ("*",), approval=given), Grant("verkehr", ("*", "kennzeichen"), approval=given)
        ),
    ]


class Town:
    """A hub with sensing over stores in a folder. `now` is its clock."""

    def __init__(self, folder: Folder, declared: Sequence[Noun] | None = None) -> None:
        self.store = RelationalStore(f"sqlite:///{folder / 'nabe.sqlite'}")
        self.observations = ObservationStore(folder / "observations")
        self.bus = NatsBus()
        self.ledger = FakeLedger()
        self.catalogue = FakeCatalogue(declared or nouns())
        (folder / "engine").mkdir(exist_ok=True)
        self.engine = DuckDbEngine(str(folder / "engine"))
        self.now = NOW
        self.hub = Hub(
            catalogue=self.catalogue,
            ledger=self.ledger,
            reach=Reach({"netz": StreamTables(self.store.entities, self.observations)}.__getitem__),
            engine=self.engine,
            clock=lambda: self.now,
            budget=Budget(),
            sensors=SensorStores(self.store.entities, self.observations, self.bus),
        )
        self.sensing = self.hub.sensing

    def close(self) -> None:
        """Let go of the stores."""
        self.sensing.close()
        self.observations.close()
        self.store.close()
        self.engine.close()

    def create(self, actor: str, entity: NewEntity, **more: Any) -> int:
        """Make an entity."""
        return self.sensing.create(ACTORS[actor], "open-data", entity, interface="test", **more)

    def read(self, actor: str, query: EntityQuery, use_case: str = "open-data") -> EntityPage:
        """Ask."""
        return self.sensing.read(ACTORS[actor], use_case, query, interface="test")

    def rows(self, actor: str, query: EntityQuery, use_case: str = "open-data") -> list[EntityRow]:
        """The rows of the answer."""
        return self.read(actor, query, use_case).rows

    def names(
        self, actor: str, type: EntityType, where: Term | None = None, use_case: str = "open-data", **more: Any
    ) -> list[Any]:
        """Names of the entities found (None where withheld)."""
        return [row.values.get("name") for row in self.rows(actor, EntityQuery(type, where=where, **more), use_case)]

    def lines(self, action: str = "") -> list[tuple[str, str, str, int]]:
        """Action, actor, dataset and rows of the ledger's lines."""
        self.sensing.flush()
        found = [entry for entry in self.ledger.list if action in ("", entry.action)]
        return [(entry.action, entry.actor, entry.dataset, entry.rows) for entry in found]


def path(text: str) -> Path:
    """`Datastream/Thing/name`"""
    return Path(tuple(int(part) if part.isdecimal() else part for part in text.split("/")))


def op(name: str, left: Any, right: Any) -> Call:
    """A comparison; plain text is a path, `'text'` and everything else a literal."""
    return Call(name, (_term(left), _term(right)))


def _term(value: Any) -> Term:
    if isinstance(value, str):
        return Literal(value[1:-1]) if value.startswith("'") else path(value)
    return value if isinstance(value, Literal | Path | Call) else Literal(value)


def location(name: str, lon: float, lat: float) -> NewEntity:
    """A Location."""
    values = {
        "name": f"Ort {name}",
        "description": "",
        "encodingType": "application/geo+json",
        "location": {"type": "Point", "coordinates": [lon, lat]},
    }
    return NewEntity(T.LOCATION, values)


def sensor(name: str = "Sensor") -> NewEntity:
    """A Sensor."""
    return NewEntity(T.SENSOR, {"name": name, "description": "", "encodingType": "text/html", "metadata": "x"})


def observed(name: str = "Temperatur") -> NewEntity:
    """An ObservedProperty."""
    return NewEntity(T.OBSERVED_PROPERTY, {"name": name, "definition": "http://example.org/t", "description": ""})


def datastream(name: str, *observations: NewEntity, type: str = MEASUREMENT, **links: Any) -> NewEntity:
    """A Datastream with what it needs; links as tuples or single targets."""
    given = {key: value if isinstance(value, tuple) else (value,) for key, value in links.items()}
    values = {
        "name": name,
        "description": "",
        "observationType": type,
        "unitOfMeasurement": {"name": "Grad", "symbol": "°C", "definition": "ucum:Cel"},
    }
    needed = {"Sensor": (sensor(),), "ObservedProperty": (observed(),), "Observations": observations}
    return NewEntity(T.DATASTREAM, values, {**needed, **given})


_LINKED: tuple[str, ...] = ("Datastream", "FeatureOfInterest")


def observation(result: Any, at: int = NOON, **more: Any) -> NewEntity:
    """An Observation."""
    links: dict[str, tuple[EntityRef | NewEntity, ...]] = {name: more.pop(name) for name in _LINKED if name in more}
    return NewEntity(T.OBSERVATION, {"result": result, "phenomenonTime": at, **more}, links)


def thing(
    name: str,
    *streams: NewEntity,
    properties: dict[str, Any] | None = None,
    place: tuple[float, float] | None = (8.0, 52.0),
) -> NewEntity:
    """A Thing with a Location and streams."""
    places = (location(name, *place),) if place else ()
    values = {"name": name, "description": "", "properties": properties or {}}
    return NewEntity(T.THING, values, {"Locations": places, "Datastreams": streams})


def expand(relation: str, type: EntityType, **more: Any) -> Expansion:
    """An expansion."""
    return Expansion(relation, EntityQuery(type, **more))


def ref(id: int) -> tuple[EntityRef, ...]:
    """A link to what is there."""
    return (EntityRef(id),)
