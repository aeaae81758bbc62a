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


def _number(error: Any) -> int:
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


def _code(error: BaseException) -> str:
    """A code without words: SQLSTATE, number or the name of the exception."""
    if isinstance(error, psycopg.Error) and error.sqlstate:
        return error.sqlstate
    if isinstance(error, pymysql.err.MySQLError) and _number(error):
        return str(_number(error))
    return getattr(error, "sqlite_errorname", "") or type(error).__name__
