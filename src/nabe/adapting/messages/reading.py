"""A message's bytes into JSON, and what stands in it into values: hostile until proven otherwise. Pure."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import math
import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from nabe.errors import Invalid, LimitExceeded

#: Largest message taken, bytes. A LoRaWAN uplink has a few kB, with forty gateways some twenty.
LARGEST = 256_000
#: Longest payload of a LoRaWAN frame is 242 bytes; other services may send more.
_LONGEST_PAYLOAD = 4096
_EUI = re.compile(r"(?:0x)?([0-9A-Fa-f]{16})")
_ID = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,12}))?)?\s*([Zz]|[+-]\d\d(?::?\d\d)?)?"
)
#: The years in which a time is believed to be one.
_YEARS = range(1970, 2200)


def invalid(what: str, field: str, hint: str = "") -> Invalid:
    """The error of a message: what is wrong with which of its members. Never holds its values."""
    return Invalid(f"The message: {what}.", hint=hint, field=field)


def opened(body: bytes) -> Any:
    """The JSON of a message. `Invalid` if it is none, `LimitExceeded` if it is too large."""
    if len(body) > LARGEST:
        raise LimitExceeded(f"A message has at most {LARGEST // 1000} kB.", field="body")
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise invalid("it is no JSON", "body") from None


def mapping(value: Any, field: str) -> Mapping[str, Any]:
    """An object, or nothing if it is absent."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"{field} is no object", field)
    return value


def objects(value: Any, most: int = 100) -> list[dict[str, Any]]:
    """The objects of a list, so many at most; none if it is no list."""
    return [item for item in value if isinstance(item, dict)][:most] if isinstance(value, list) else []


def identity(value: Any, field: str, *, eui: bool = True) -> str:
    """A device's id. `eui`: 16 hex digits, given back in lower case; dashes and colons between them are taken."""
    given = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(given, str) or not given.strip():
        raise invalid(f"{field} is missing", field, "It says which device sent this.")
    plain = re.sub(r"[-:\s]", "", given) if eui else given.strip()
    if eui:
        found = _EUI.fullmatch(plain)
        if found is None:
            raise invalid(f"{field} is no DevEUI", field, "16 hexadecimal digits are expected.")
        return found[1].lower()
    if not _ID.fullmatch(plain):
        raise invalid(f"{field} is no id of a device", field, "1 to 200 signs without control characters.")
    return plain


def number(value: Any) -> float | None:
    """A number, also one written as text; None if it is none."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def integer(value: Any, lowest: int = 0, highest: int = 2**32 - 1) -> int | None:
    """A whole number within bounds; None if it is none."""
    found = number(value)
    return int(found) if found is not None and found.is_integer() and lowest <= found <= highest else None


def text(value: Any, longest: int = 200) -> str:
    """A text, shortened; empty if it is none."""
    if isinstance(value, str):
        return value[:longest]
    return str(value)[:longest] if isinstance(value, (int, float)) and not isinstance(value, bool) else ""


def bytes_of(value: Any, field: str, encoding: str) -> bytes:
    """A payload in `base64` or `hex`. Absent: none. `Invalid` if it is no such text or too long."""
    if value is None or value == "":
        return b""
    if not isinstance(value, str) or len(value) > 2 * _LONGEST_PAYLOAD:
        raise invalid(f"{field} is no {encoding} text of at most {_LONGEST_PAYLOAD} bytes", field)
    try:
        if encoding == "hex":
            return bytes.fromhex(value)
        return base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        raise invalid(f"{field} is no {encoding} text", field) from None


def instant(value: Any, zone: str = "UTC") -> int | None:
    """A moment in µs since the epoch: RFC 3339 text (`zone` where it says none), or seconds, ms or µs since the epoch.

    None if it is no such thing, or outside the years 1970 to 2199.
    """
    if isinstance(value, str):
        if (found := _TIME.fullmatch(value.strip())) is not None:
            return _written(found, zone)
        value = number(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    scale = 1_000_000 if abs(value) < 1e11 else 1_000 if abs(value) < 1e14 else 1
    moment = int(value * scale)
    return moment if 0 <= moment < 7_258_118_400_000_000 else None


def _written(found: re.Match[str], zone: str) -> int | None:
    year, month, day, hour, minute = (int(part) for part in found.groups()[:5])
    if year not in _YEARS:
        return None
    told = found[8]
    try:
        if told is None:
            tz: dt.tzinfo = ZoneInfo(zone)
        elif told in "Zz":
            tz = dt.UTC
        else:
            digits = told[1:].replace(":", "").ljust(4, "0")
            away = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
            tz = dt.timezone(-away if told[0] == "-" else away)
        leap = found[6] == "60"
        moment = dt.datetime(year, month, day, hour, minute, 59 if leap else int(found[6] or 0), tzinfo=tz)
        whole = (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(seconds=1)
    except (ValueError, OverflowError):
        return None
    micros = int((found[7] or "0")[:6].ljust(6, "0"))
    found_at = (whole + leap) * 1_000_000 + micros
    return found_at if found_at >= 0 else None


def place(longitude: Any, latitude: Any) -> tuple[float, float] | None:
    """Longitude and latitude on earth; None if they are none, and for 0, 0: what a receiver says that has no fix."""
    east, north = number(longitude), number(latitude)
    if east is None or north is None or not (-180 <= east <= 180 and -90 <= north <= 90):
        return None
    return (east, north) if (east, north) != (0.0, 0.0) else None
