"""What a database's error means to the hub, told from its code; the database's own words are never passed on.

They may hold data values, account names or connection strings.
"""

from __future__ import annotations

import re
import sqlite3
from typing import Any

import psycopg
import pymysql
from sqlalchemy import exc

from nabe.adapters.sql.databases.base import DriverMissing
from nabe.errors import NabeError, SourceRefused, SourceUnavailable

#: Raised inside when a table or column is missing; the source then looks what is there and says it.
MISSING = "missing"

_LATER = "It is asked again at the next question."


def failure(error: BaseException, system: str, place: str, timeout_s: float) -> NabeError:
    """The hub's error for one of a driver. `place`: host and port, or the file's name."""
    if isinstance(error, NabeError):
        return error
    if isinstance(error, exc.DBAPIError) and error.orig is not None:
        return failure(error.orig, system, place, timeout_s)
    if isinstance(error, DriverMissing):
        hint = f"pip install 'nabe[{error.extra}]' brings it; then start Nabe anew."
        return SourceRefused(system, f"the driver for {error.product} is not installed.", hint=hint)
    kind = _kind(error)
    if kind == "timeout":
        hint = "Ask for less: a filter on an indexed column, fewer rows; or raise the system's limits.timeout_s."
        return SourceUnavailable(system, f"it took longer than {timeout_s:g} seconds.", hint=hint)
    if kind == "busy":
        return SourceUnavailable(system, "it has too many connections or is locked.", hint=_LATER)
    if kind in _REFUSED:
        why, hint = _REFUSED[kind]
        return SourceRefused(system, why, hint=hint, code=MISSING if kind == "missing" else None)
    if kind == "down":
        return SourceUnavailable(system, "no connection to its database.", hint=_LATER, where=place)
    return SourceRefused(
        system,
        f"the database answered with an error ({_code(error)}).",
        hint="The log of the database has its words; its owner can tell what it means.",
    )


_REFUSED = {
    "login": (
        "the account or password is not accepted.",
        "Its owner must give Nabe's account a valid password and allow it to log in from this machine.",
    ),
    "database": ("there is no such database.", "Set connection.database to an existing one."),
    "missing": ("a table or column is not there.", "Compare the dataset with the database."),
    "permission": (
        "Nabe's account may not read this table.",
        "Its owner must grant it: GRANT SELECT ON the table (and USAGE on its schema) TO the account.",
    ),
    "write": ("it is connected for reading only.", "Nabe never writes into a silo."),
    "data": (
        "a value in the data does not fit the question (for instance a division by zero).",
        "Filter such rows or change the calculation.",
    ),
    "file": ("the file is not an SQLite database.", "Set connection.path to one."),
}

_STATES = {
    "57014": "timeout",
    "55P03": "busy",
    "53300": "busy",
    "53200": "busy",
    "28P01": "login",
    "28000": "login",
    "3D000": "database",
    "3F000": "missing",
    "42P01": "missing",
    "42703": "missing",
    "42501": "permission",
    "25006": "write",
}
_NUMBERS = {
    1044: "login",
    1045: "login",
    1698: "login",
    1049: "database",
    1146: "missing",
    1054: "missing",
    1142: "permission",
    1143: "permission",
    1370: "permission",
    1040: "busy",
    1203: "busy",
    1226: "busy",
    1205: "busy",
    1213: "busy",
    1969: "timeout",
    3024: "timeout",
    1317: "timeout",
    1792: "write",
    1290: "write",
    1365: "data",
    1690: "data",
}
#: SQL Server: messages of the server, and of DB-Library (20000 and more).
_MSSQL = {
    18452: "login",
    18456: "login",
    18470: "login",
    18486: "login",
    18487: "login",
    18488: "login",
    911: "database",
    4060: "database",
    4064: "database",
    207: "missing",
    208: "missing",
    229: "permission",
    230: "permission",
    297: "permission",
    916: "permission",
    1205: "busy",
    1222: "busy",
    10928: "busy",
    10929: "busy",
    40501: "busy",
    40613: "down",
    983: "down",
    3906: "write",
    245: "data",
    8114: "data",
    8115: "data",
    8134: "data",
    9420: "data",
    24144: "data",
    -2: "timeout",
    20003: "timeout",
}
#: Oracle: numbers of the server (ORA-), and codes of the driver (DPY-).
_ORACLE = {
    1017: "login",
    1045: "login",
    28000: "login",
    28001: "login",
    12505: "database",
    12514: "database",
    904: "missing",
    942: "missing",
    1031: "permission",
    41900: "permission",
    18: "busy",
    20: "busy",
    54: "busy",
    1555: "busy",
    2391: "busy",
    12516: "busy",
    12519: "busy",
    12520: "busy",
    1013: "timeout",
    28: "down",
    1012: "down",
    1033: "down",
    1034: "down",
    1089: "down",
    3113: "down",
    3114: "down",
    3135: "down",
    12170: "down",
    12528: "down",
    12537: "down",
    12541: "down",
    12545: "down",
    1456: "write",
    16000: "write",
    1426: "data",
    1476: "data",
    1722: "data",
    13199: "data",
    29532: "data",
    "DPY-1001": "down",
    "DPY-4011": "down",
    "DPY-4024": "timeout",
    "DPY-6000": "down",
    "DPY-6001": "database",
    "DPY-6003": "database",
    "DPY-6005": "down",
}
_WORDS = (
    (r"password authentication failed|no password supplied|no pg_hba.conf entry|role .* does not exist", "login"),
    (r"database .* does not exist", "database"),
    (r"too many (clients|connections)|remaining connection slots|is locked|database is busy", "busy"),
    (r"no such (table|column)", "missing"),
    (r"readonly database|not authorized|prohibited", "write"),
    (r"interrupted", "timeout"),
    (r"not a database|malformed|encrypted", "file"),
    (r"unable to open|disk i/o", "down"),
)


def _kind(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, exc.TimeoutError):
        return "busy"
    if isinstance(error, pymysql.err.MySQLError):
        number = _number(error)
        timed_out = number == 2013 and "timed out" in str(error)
        return "timeout" if timed_out else _NUMBERS.get(number, "down" if 2000 <= number < 2100 or not number else "")
    if _of(error, "pymssql"):
        number = _mssql_number(error)
        return _MSSQL.get(number, "down" if 20000 <= number < 20100 or not number else "")
    if _of(error, "oracledb"):
        number, code = _oracle_codes(error)
        return _ORACLE.get(code) or _ORACLE.get(number, "")
    if isinstance(error, psycopg.Error) and error.sqlstate:
        state = error.sqlstate
        return _STATES.get(state) or {"08": "down", "57": "down", "53": "busy", "22": "data"}.get(state[:2], "")
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return "down"
    if isinstance(error, (psycopg.Error, sqlite3.Error)):
        words = str(error).lower()
        found = next((kind for pattern, kind in _WORDS if re.search(pattern, words)), "")
        return found or ("down" if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)) else "")
    return "down" if isinstance(error, (OSError, exc.DisconnectionError)) else ""


def _of(error: BaseException, driver: str) -> bool:
    """Is it an error of that driver? (Drivers of extras are not imported to ask.)"""
    return any(item.__module__.partition(".")[0] == driver for item in type(error).__mro__)


def _mssql_number(error: Any) -> int:
    """DB-Library puts number and text into one argument or into two, depending on where it failed."""
    first = error.args[0] if error.args else getattr(error, "number", 0)
    if isinstance(first, tuple) and first:
        first = first[0]
    return first if isinstance(first, int) else 0


def _oracle_codes(error: Any) -> tuple[int, str]:
    """Number of the server, and code of the driver. A listener's refusal hides the server's number in its text."""
    first = error.args[0] if error.args else None
    number, code = getattr(first, "code", 0) or 0, str(getattr(first, "full_code", "") or "")
    inner = re.search(r"ORA-(\d{5})", str(getattr(first, "message", "") or ""))
    if inner and int(inner[1]) in _ORACLE:
        return int(inner[1]), ""
    return number, code


def _number(error: Any) -> int:
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


def _code(error: BaseException) -> str:
    """A code without words: SQLSTATE, number or the name of the exception."""
    if isinstance(error, psycopg.Error) and error.sqlstate:
        return error.sqlstate
    if isinstance(error, pymysql.err.MySQLError) and _number(error):
        return str(_number(error))
    if _of(error, "pymssql"):
        return str(_mssql_number(error))
    if _of(error, "oracledb"):
        number, code = _oracle_codes(error)
        return code or f"ORA-{number:05}"
    return getattr(error, "sqlite_errorname", "") or type(error).__name__
