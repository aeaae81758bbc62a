"""Errors of SQL Server's and Oracle's drivers, told from their codes; their words, which may hold data, are not passed on."""

from __future__ import annotations

import oracledb
import pymssql
import pytest

from nabe.adapters.sql.failures import failure
from nabe.errors import SourceRefused, SourceUnavailable

SECRET = b"kanarienvogel"


class _Said:
    """What oracledb puts into its errors (documented: code, full_code, message)."""

    def __init__(self, code: int, full_code: str, message: str = "") -> None:
        self.code, self.full_code, self.message = code, full_code, message or f"{full_code}: kanarienvogel"


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (pymssql.OperationalError((20009, SECRET)), SourceUnavailable, "no connection"),
        (pymssql.OperationalError(18456, SECRET), SourceRefused, "account or password"),
        (pymssql.OperationalError((4060, SECRET)), SourceRefused, "no such database"),
        (pymssql.ProgrammingError(208, SECRET), SourceRefused, "a table or column is not there"),
        (pymssql.OperationalError(229, SECRET), SourceRefused, "may not read"),
        (pymssql.OperationalError(1205, SECRET), SourceUnavailable, "too many connections or is locked"),
        (pymssql.OperationalError(20003, SECRET), SourceUnavailable, "longer than 5 seconds"),
        (pymssql.OperationalError(20047, SECRET), SourceUnavailable, "no connection"),
        (pymssql.DataError(8134, SECRET), SourceRefused, "does not fit the question"),
        (pymssql.InterfaceError("Connection is closed."), SourceUnavailable, "no connection"),
        (pymssql.DatabaseError(50000, SECRET), SourceRefused, "(50000)"),
        (oracledb.DatabaseError(_Said(1017, "ORA-01017")), SourceRefused, "account or password"),
        (oracledb.DatabaseError(_Said(942, "ORA-00942")), SourceRefused, "a table or column is not there"),
        (oracledb.DatabaseError(_Said(1031, "ORA-01031")), SourceRefused, "may not read"),
        (oracledb.DatabaseError(_Said(54, "ORA-00054")), SourceUnavailable, "locked"),
        (oracledb.DatabaseError(_Said(1722, "ORA-01722")), SourceRefused, "does not fit the question"),
        (oracledb.DatabaseError(_Said(1456, "ORA-01456")), SourceRefused, "reading only"),
        (oracledb.OperationalError(_Said(0, "DPY-4024")), SourceUnavailable, "longer than 5 seconds"),
        (oracledb.OperationalError(_Said(0, "DPY-4011")), SourceUnavailable, "no connection"),
        (oracledb.OperationalError(_Said(0, "DPY-6005")), SourceUnavailable, "no connection"),
        (oracledb.OperationalError(_Said(0, "DPY-6001")), SourceRefused, "no such database"),
        (
            oracledb.OperationalError(_Said(0, "DPY-6000", "x (Similar to ORA-12514)")),
            SourceRefused,
            "no such database",
        ),
        (oracledb.DatabaseError(_Said(20001, "ORA-20001")), SourceRefused, "(ORA-20001)"),
    ],
)
def test_a_code_is_told_and_no_words(error, kind, words):
    made = failure(error, "amt", "db:1", 5.0)
    assert type(made) is kind and words in str(made)
    assert "kanarienvogel" not in str(made) + str(vars(made))
