"""Settings of datasets that devices fill, and what every silo of such devices does alike."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import Field

from nabe.adapting.settings import Settings
from nabe.errors import Invalid, SourceRefused
from nabe.model.query import SealedScan
from nabe.ports.source import Batches, Capabilities, Probe


class DeviceSettings(Settings):
    """`source` of a dataset that devices fill."""

    profiles: Annotated[
        tuple[str, ...], Field(description="profiles that devices of this dataset may have; none: any")
    ] = ()
    devices: Annotated[
        str, Field(description="file of the workspace that lists its devices (CSV or YAML), read by nabe apply")
    ] = ""
    learn: Annotated[
        str, Field(description="profile of devices that nobody listed: they are taken in when they first send")
    ] = ""
    match: Annotated[
        dict[str, str],
        Field(
            description="which of them: name, kind (the network's device profile), group (its application), id; * allowed"
        ),
    ] = Field(default_factory=dict)
    link: Annotated[bool, Field(description="keep signal strength and frame counter with each observation")] = False


def dataset_problems(source: Mapping[str, Any]) -> list[str]:
    """What pydantic cannot see."""
    found = []
    settings = DeviceSettings.model_validate(dict(source))
    known = ("name", "kind", "group", "id")
    found += [
        f"source.match.{key}: right would be one of {', '.join(known)}." for key in settings.match if key not in known
    ]
    if settings.match and not settings.learn:
        found.append("source.match: says which unlisted devices are learned; set source.learn, too.")
    if settings.learn and settings.profiles and settings.learn not in settings.profiles:
        found.append(f"source.learn: {settings.learn!r} is none of source.profiles.")
    if settings.devices.startswith(("/", "\\")) or ".." in settings.devices.split("/"):
        found.append("source.devices: a file inside the workspace is expected.")
    return found


def fits(match: Mapping[str, str], told: Mapping[str, str]) -> bool:
    """Does a device that nobody listed belong to a dataset? Every pattern must."""
    return all(fnmatch.fnmatchcase(told.get(key, "").lower(), wanted.lower()) for key, wanted in match.items())


class MessagesOnly:
    """Stands where a silo would be asked: its devices send by themselves, and Nabe's own store keeps what they sent."""

    capabilities = Capabilities(instant=True)

    def __init__(self, system: str) -> None:
        self._system = system

    def read(self, scan: SealedScan) -> Batches:
        """Never asked: datasets of mode stream are read from Nabe's own stores."""
        raise SourceRefused(self._system, "it holds nothing by itself.", hint="mode: stream")

    def estimate(self, scan: SealedScan) -> int:
        """Nothing."""
        return 0


def no_probe(connection: Mapping[str, Any], secrets: Callable[[str], str]) -> Probe:
    """There is nothing to look into before devices send."""
    raise Invalid(
        "Devices send by themselves; there is nothing to look into.",
        hint="Declare the system, and see `nabe devices unknown` when the first messages came.",
        field="adapter",
    )
