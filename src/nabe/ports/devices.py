"""The registry of devices: who they are, what was last seen of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from nabe.model.device import Device, Sighting

#: A device's key: system and id.
Key = tuple[str, str]


class Devices(Protocol):
    """Thread-safe; several processes may use one. Every change is durable on return."""

    def get(self, keys: Sequence[Key]) -> Mapping[Key, Device]:
        """Those of these that are known."""

    def list(self, *, system: str = "", dataset: str = "") -> list[Device]:
        """Devices by system and id."""

    def put(self, devices: Sequence[Device]) -> None:
        """Keep these as given, in the place of what was known of them."""

    def remove(self, keys: Sequence[Key]) -> int:
        """Forget devices and what was seen of them; how many there were. Their entities stay."""

    def sightings(self, keys: Sequence[Key]) -> Mapping[Key, Sighting]:
        """What was last seen of these."""

    def saw(self, sightings: Mapping[Key, Sighting]) -> None:
        """Keep what was seen, in the place of what was kept."""

    def shared(self, dataset: str) -> Mapping[tuple[str, str], int]:
        """Entities that devices of a dataset have in common, by (kind, key): Sensors, ObservedProperties, Actuators."""

    def share(self, dataset: str, kind: str, key: str, entity: int) -> None:
        """Remember one; the latest counts."""

    def unshare(self, dataset: str) -> None:
        """Forget all that devices of a dataset have in common."""
