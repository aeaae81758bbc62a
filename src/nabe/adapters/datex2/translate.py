"""From a publication, as it comes in, to records: which elements are rows, and what is told with each. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nabe.adapters.datex2 import measured, parking, situation
from nabe.adapters.datex2.settings import Publication, TableSettings
from nabe.adapting.xml.markup import Document, Node, Records
from nabe.adapting.xml.plain import plain
from nabe.errors import SourceRefused
from nabe.model.dataset import FieldType

Make = Callable[[Node, Mapping[str, str | None], str, str, str], Any]

#: Attributes and simple elements around a record that are told with it.
_AROUND = ("id", "version", "lang", "overallSeverity", "publicationTime")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a row of a publication is. `elements`: the names of its element; `words`: parts of the publication's name."""

    elements: tuple[str, ...]
    words: tuple[str, ...]
    columns: Mapping[str, FieldType]
    make: Make


KINDS: dict[Publication, Kind] = {
    "situation": Kind(("situationRecord",), ("SituationPublication",), situation.COLUMNS, situation.record),
    "parking": Kind(
        ("parkingRecord", "parkingFacility"),
        ("ParkingTablePublication", "ParkingFacilityTablePublication"),
        parking.SITE_COLUMNS,
        parking.site,
    ),
    "parking_status": Kind(
        ("parkingRecordStatus", "parkingFacilityStatus"),
        ("ParkingStatusPublication", "ParkingFacilityTableStatusPublication"),
        parking.STATUS_COLUMNS,
        parking.status,
    ),
    "measurement": Kind(("siteMeasurements",), ("MeasuredDataPublication",), measured.COLUMNS, measured.rows),
    "measurement_site": Kind(
        ("measurementSiteRecord", "measurementSite"),
        ("MeasurementSiteTablePublication",),
        measured.SITE_COLUMNS,
        measured.site,
    ),
}
#: Elements at the top of a publication: version 2, version 3, and the exchange around it.
_TOPS = ("d2LogicalModel", "payload", "payloadPublication", "messageContainer")


class Publications(Records):
    """The records of one document, and what the document says it is."""

    def __init__(self, system: str, document: Document, elements: tuple[str, ...]) -> None:
        self.said: list[str] = []
        self.top = False
        self._empty = ""  # what holds records by the standard, and had none so far
        super().__init__(system, document, lambda path: path[-1] in elements, _AROUND)

    def opened(self, node: Node) -> None:
        if not self._depth and len(self.path) < 8:
            self._listen(node)
        super().opened(node)

    def _listen(self, node: Node) -> None:
        if node.name == "situation":
            self._empty = "situation"
        if node.name in _TOPS:
            self.top = True
        if node.name == "Fault" and node.space.startswith(
            ("http://schemas.xmlsoap.org/", "http://www.w3.org/2003/05/soap")
        ):
            raise SourceRefused(
                self._system, f"{self._document.shown!r} answers with a SOAP fault.", hint="Check the address."
            )
        kind = node.attributes.get("type", "").rpartition(":")[2]
        for name in (kind, node.name[:1].upper() + node.name[1:]):
            if name.endswith("Publication") and name not in ("PayloadPublication", "GenericPublication"):
                self.said.append(name)

    def judge(self, wanted: tuple[str, ...], found: bool) -> None:
        """`SourceRefused` if it is something else than was declared; an empty publication is none."""
        if not found and self._empty:  # each has one at least by the schema: somebody has renamed them
            raise SourceRefused(
                self._system,
                f"{self._document.shown!r} has a {self._empty} without any record that is known.",
                hint="Ask its operator what has changed.",
            )
        if found or any(name in wanted for name in self.said):
            return
        if not self.top:
            raise SourceRefused(
                self._system, f"{self._document.shown!r} is no DATEX II publication.", hint="Check the address or path."
            )
        if self.said:
            raise SourceRefused(
                self._system,
                f"{self._document.shown!r} is a {self.said[-1]}, not a {wanted[0]}.",
                hint="Correct source.publication.",
                field="publication",
            )


def records(system: str, document: Document, settings: TableSettings) -> Iterator[dict[str, Any]]:
    """The rows of a document. Raises `SourceRefused` naming it if it is not the publication declared."""
    kind = KINDS[settings.publication]
    found = False
    document_records = Publications(system, document, kind.elements)
    for node, around in document_records:
        if not node.children and not node.attributes:
            continue
        found = True
        made = kind.make(node, around, settings.language, settings.coordinates, settings.order)
        element = plain(node)
        for record in (made,) if isinstance(made, dict) else made:
            record["element"] = element
            yield record
    document_records.judge(kind.words, found)


def told(system: str, document: Document) -> list[Publication]:
    """Which publications a document holds, by the elements in it."""
    every = tuple(name for kind in KINDS.values() for name in kind.elements)
    seen: dict[Publication, None] = {}
    looking = Publications(system, document, every)
    for node, _ in looking:
        seen.update({name: None for name, kind in KINDS.items() if node.name in kind.elements})
    if not seen:
        seen.update({name: None for name, kind in KINDS.items() if any(word in kind.words for word in looking.said)})
    if not seen:
        looking.judge(("known publication",), False)
    return list(seen)
