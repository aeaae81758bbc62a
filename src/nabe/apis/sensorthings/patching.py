"""JSON Patch (RFC 6902) on an entity: its properties as they are now -> what is to be set."""

from __future__ import annotations

from typing import Any

import jsonpatch
import jsonpointer
import msgspec

from nabe.apis.sensorthings.bodies import Changes, changes
from nabe.apis.sensorthings.render import value
from nabe.errors import Conflict, Invalid
from nabe.model.entities import ENTITIES, EntityRow

_MOST = 200
#: Bytes that the patched entity may have as JSON: `copy` doubles what is there.
_LARGEST = 2_000_000


def patched(row: EntityRow, operations: Any) -> Changes:
    """The changes that the operations make. `Conflict` if a `test` among them fails."""
    kind = ENTITIES[row.type]
    if not isinstance(operations, list) or not all(isinstance(item, dict) for item in operations):
        raise Invalid(
            "A JSON Patch is a list of operations.", hint='[{"op": "replace", "path": "/name", "value": "a"}]'
        )
    if len(operations) > _MOST:
        raise Invalid(f"A JSON Patch has at most {_MOST} operations.", field="body")
    before = {
        name: value(row.values[name], item.type)
        for name, item in kind.properties.items()
        if row.values.get(name) is not None and not item.kept
    }
    document: Any = msgspec.json.decode(msgspec.json.encode(before))
    for operation in operations:
        document = _applied(document, operation)
    if not isinstance(document, dict):
        raise Invalid("A JSON Patch leaves an entity an object.", field="path")
    changed = {name: item for name, item in document.items() if name not in before or before[name] != item}
    changed |= {name: None for name in before if name not in document}
    return changes(changed, row.type)


def _applied(document: Any, operation: dict[str, Any]) -> Any:
    try:
        after = jsonpatch.JsonPatch([operation]).apply(document)
        size = len(msgspec.json.encode(after))
    except jsonpatch.JsonPatchTestFailed:
        raise Conflict("A test in the JSON Patch fails.", field="test") from None
    except (
        jsonpatch.JsonPatchException,
        jsonpointer.JsonPointerException,
        TypeError,
        ValueError,
        KeyError,
        IndexError,
        AttributeError,
        RecursionError,
    ) as error:
        said = str(error)[:100] or type(error).__name__
        raise Invalid(f"The JSON Patch cannot be applied: {said}.", field="body") from None
    if size > _LARGEST:
        raise Invalid(f"A patched entity has at most {_LARGEST} bytes.", field="body")
    return after
