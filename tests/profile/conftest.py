"""Tables for the profile's tests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from nabe.profile import Proposal, propose
from nabe.testing.fakes_probe import ArrowProbe

Propose = Callable[..., Proposal]


@pytest.fixture
def proposal() -> Propose:
    """`proposal(table, id="t", known=(), **about)`: what is proposed for an Arrow table or a dict of columns."""

    def run(
        table: pa.Table | dict[str, Any], id: str = "t", known: Any = (), batch: int = 65_536, **about: Any
    ) -> Proposal:
        data = table if isinstance(table, pa.Table) else pa.table(table)
        probe = ArrowProbe({id: data}, {id: {"source": {"path": f"{id}.csv"}, **about}}, batch=batch)
        return propose(probe, id, id=id, owner="amt", system="sys", known=known)

    return run


@pytest.fixture
def people() -> dict[str, Any]:
    """An invented register of applicants."""
    names = ["Sabine Müller", "Thomas Schmidt", "Ayşe Yılmaz", "Karl-Heinz Weber", "Julia Rosenberg", "Mehmet Kaya"]
    count = 60
    return {
        "Person_ID": [f"P{at:05d}" for at in range(count)],
        "Name": [f"{names[at % 6]}{'' if at < 6 else '-' + chr(65 + at % 26) + 'x'}" for at in range(count)],
        "Geburtsdatum": [dt.date(1940 + at, 1 + at % 12, 1 + at % 28) for at in range(count)],
        "Geschlecht": ["w" if at % 2 else "m" for at in range(count)],
        "PLZ": [f"{1067 + at % 7:05d}" for at in range(count)],
        "Antragsdatum": [dt.date(2024, 1 + at % 12, 1) for at in range(count)],
        "Regelbedarf in EUR": [563.0 + at for at in range(count)],
    }
