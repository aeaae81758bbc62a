"""What the service claims (OGC 18-088, 9.2.1); only what tests prove stands here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from nabe.model.entities import ENTITIES, EntityType

_T = EntityType
#: Sets that the root names.
SERVED: Final = (
    _T.DATASTREAM,
    _T.FEATURE_OF_INTEREST,
    _T.HISTORICAL_LOCATION,
    _T.LOCATION,
    _T.MULTI_DATASTREAM,
    _T.OBSERVATION,
    _T.OBSERVED_PROPERTY,
    _T.SENSOR,
    _T.THING,
)
_SPEC: Final = "http://www.opengis.net/spec/iot_sensing/1.1/req"
CONFORMANCE: Final = tuple(
    f"{_SPEC}/{name}"
    for name in (
        "datamodel",
        "resource-path/resource-path-to-entities",
        "request-data",
        "create-update-delete/create-entity",
        "create-update-delete/link-to-existing-entities",
        "create-update-delete/deep-insert",
        "create-update-delete/deep-insert-status-code",
        "create-update-delete/update-entity",
        "create-update-delete/update-entity-jsonpatch",
        "create-update-delete/update-entity-put",
        "create-update-delete/delete-entity",
        "create-update-delete/historical-location-auto-creation",
        "batch-request/batch-request",
        "multi-datastream",
        "data-array/data-array",
    )
)
#: Part 2 (OGC 17-079r1): named unless the setting `tasking` is off.
TASKING: Final = (_T.ACTUATOR, _T.TASK, _T.TASKING_CAPABILITY)
_TASKING: Final = tuple(
    f"http://www.opengis.net/spec/iot_tasking/1.0/req/{name}"
    for name in ("tasking-capability", "task", "actuator", "create-tasks")
)
#: What is true while MQTT is served beside HTTP.
_BY_MQTT: Final = (
    f"{_SPEC}/create-observations-via-mqtt/observations-creation",
    f"{_SPEC}/receive-updates-via-mqtt/receive-updates",
)


def root(base: str, mqtt: Sequence[str] = (), *, tasking: bool = False) -> dict[str, Any]:
    """The service's root document (9.2.1). `mqtt`: addresses at which MQTT is served (14)."""
    claims = [*CONFORMANCE, *(_TASKING if tasking else ()), *(_BY_MQTT if mqtt else ())]
    settings: dict[str, Any] = {"conformance": claims}
    settings |= {name: {"endpoints": list(mqtt)} for name in _BY_MQTT} if mqtt else {}
    names = [ENTITIES[type].plural for type in (*SERVED, *(TASKING if tasking else ()))]
    return {"value": [{"name": name, "url": f"{base}/{name}"} for name in names], "serverSettings": settings}
