"""Everything judged about a table, before it becomes a dataset and findings."""

from __future__ import annotations

from dataclasses import dataclass

from nabe.ports.source import Table
from nabe.profile.column import ColumnProfile
from nabe.profile.municipal import Recognised
from nabe.profile.personal import Judgement
from nabe.profile.places import Place
from nabe.profile.readings import Reading
from nabe.profile.references import Match
from nabe.profile.scan import Scanned
from nabe.profile.units import Unit


@dataclass(frozen=True, slots=True)
class Seen:
    """`names`: column -> hub name; the other mappings are by column, too. `key`: columns."""

    table: Table
    scanned: Scanned
    names: dict[str, str]
    units: dict[str, Unit]
    kinds: dict[str, Recognised]
    judged: Judgement
    key: tuple[str, ...]
    key_certain: bool
    time: ColumnProfile | None
    place: Place | None
    wkt: tuple[ColumnProfile, str] | None
    references: dict[str, list[Match]]
    readings: dict[str, Reading]

    @property
    def columns(self) -> list[ColumnProfile]:
        return self.scanned.columns
