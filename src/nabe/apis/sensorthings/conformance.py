"""What the service claims (OGC 18-088, 9.2.1); only what tests prove stands here."""

from __future__ import annotations

from typing import Any, Final

from nabe.model.entities import EntityType

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
SETTINGS: Final[dict[str, Any]] = {}
