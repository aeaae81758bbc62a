"""What a meter's telegram says (M-Bus, EN 13757-3) as plain fields: `energy`, `volume`, `flow_temperature`. Pure.

A name is the quantity; what is not the momentary value of the meter now says so behind it: `energy_max`, `energy_storage1`,
`energy_tariff2`, `volume_unit1`. A name that comes again is the second of its kind (`voltage_2`). Values are in the unit that the
telegram gives in UCUM (W.h, J, m3, m3.h-1, W, Cel, K, V, A); joules and flows are brought to W.h and m3/h.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_FUNCTIONS = {"Maximum value": "_max", "Minimum value": "_min", "Value during error state": "_error"}
#: Unit -> (factor, unit that a field has in the end).
_INTO: Mapping[str, tuple[float, str]] = {"J": (1 / 3600, "W.h"), "m3.h-1": (1.0, "m3/h"), "m3.min-1": (60.0, "m3/h")}
_MOST = 200


def fields_of(parsed: Any) -> tuple[dict[str, Any], str]:
    """The fields of a telegram, or why there are none: what is not read to its end is not taken."""
    if not isinstance(parsed, dict) or parsed.get("decode_state") != "complete":
        return {}, "the telegram cannot be read to its end"
    if (parsed.get("security") or {}).get("decryption_state") not in (None, "not_applicable", "decrypted"):
        return {}, "the telegram is encrypted"
    found: dict[str, Any] = {}
    meter = (parsed.get("meter") or {}).get("identity") or {}
    for name, key in (("meter", "id"), ("manufacturer", "manufacturer_code"), ("medium", "device_type")):
        if isinstance(meter.get(key), str):
            found[name] = meter[key]
    for record in (parsed.get("records") or [])[:_MOST]:
        quantities = record.get("quantities") or []
        value = _value(record)
        # More than one word: a part of a record whose meaning the standard does not fix.
        if value is None or len(quantities) != 1 or quantities[0] == "Manufacturer specific":
            continue
        name = _name(quantities[0], record)
        number = 2
        whole = name
        while whole in found:
            whole, number = f"{name}_{number}", number + 1
        found[whole] = value
    return found, ""


def _value(record: Mapping[str, Any]) -> Any:
    told = record.get("value") or {}
    given = told.get("value")
    if told.get("kind") in ("decimal", "integer", "real", "float", "number") and given is not None:
        try:
            number = float(given)
        except (TypeError, ValueError):
            return None
        factor, _ = _INTO.get(str(record.get("unit") or ""), (1.0, ""))
        return number if factor == 1.0 else float(f"{number * factor:.12g}")
    if told.get("kind") in ("text", "string", "datetime") and isinstance(given, str):
        return given[:200]
    return float(given) if isinstance(given, (int, float)) and not isinstance(given, bool) else None


def _name(quantity: str, record: Mapping[str, Any]) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", quantity.lower()).strip("_") + _FUNCTIONS.get(str(record.get("function")), "")
    for key, word in (("storage_number", "storage"), ("tariff", "tariff"), ("subunit", "unit")):
        number = record.get(key)
        if isinstance(number, int) and number:
            name += f"_{word}{number}"
    return name
