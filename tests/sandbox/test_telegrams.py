"""Telegrams of real meters, and those that must be refused."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.sandbox import Codec, Failure, Sandbox
from nabe.sandbox.pool import MBUS
from nabe.testing.needs import need

DATA = Path(os.environ.get("NABE_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data") / "energie" / "mbus"
#: Telegrams with records that the library does not read to the end; they are refused, not half taken.
NOT_READ = {"ELS_Elster-F96-Plus", "elv_temp_humid"}
#: A telegram with more extensions than the standard allows, which the library takes.
TAKEN = {"too_many_dife"}
QUANTITIES = {
    "Energy": "energy",
    "Volume": "volume",
    "Power": "power",
    "Flow temperature": "flow_temperature",
    "Return temperature": "return_temperature",
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(workers=1)
    yield made
    made.close()


def test_real_meters_give_their_values(sandbox: Sandbox) -> None:
    need("the folder of real city data", DATA.is_dir(), "set NABE_TEST_DATA to a copy of it")
    compared = 0
    for path in sorted(DATA.glob("*.hex")):
        outcome = sandbox.decode(Codec(MBUS), bytes.fromhex(path.read_text()), 0)
        if path.stem in NOT_READ:
            assert outcome.failure is Failure.THROWN
            continue
        assert outcome.failure is None, (path.stem, outcome)
        text = path.with_suffix(".norm.xml").read_text("latin-1").replace('encoding="ISO-8859-1"', "")
        seen = set()
        for record in ElementTree.fromstring(text).findall("DataRecord"):
            name = QUANTITIES.get(record.findtext("Quantity") or "")
            plain = record.findtext("Function") == "Instantaneous value" and record.findtext("StorageNumber") == "0"
            plain = plain and (record.findtext("Tariff") or "0") == "0" and (record.findtext("Device") or "0") == "0"
            if name is None or not plain or name in seen or name not in outcome.data:
                continue
            seen.add(name)
            expected = float(record.findtext("Value") or "nan") / (3600 if record.findtext("Unit") == "J" else 1)
            if path.stem == "SEN_Pollustat" and name == "power":
                continue  # the other reader gives a float in kW as W
            assert outcome.data[name] == pytest.approx(expected, rel=1e-6), (path.stem, name)
            compared += 1
    assert compared >= 25, compared


def test_telegrams_that_must_be_refused(sandbox: Sandbox) -> None:
    need("the folder of real city data", DATA.is_dir(), "set NABE_TEST_DATA to a copy of it")
    taken = set()
    for path in sorted((DATA / "fehlerhaft").glob("*.hex")):
        outcome = sandbox.decode(Codec(MBUS), bytes.fromhex(path.read_text()), 0)
        if outcome.failure is None:
            taken.add(path.stem)
    assert taken <= TAKEN


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=255)
    | st.binary(min_size=3, max_size=200).map(
        lambda body: bytes([0x68, len(body), len(body), 0x68]) + body + bytes([sum(body) & 255, 0x16])
    )
)
def test_any_bytes_are_a_telegram_or_none(payload: bytes) -> None:
    outcome = _SHARED.decode(Codec(MBUS), payload, 0)
    assert outcome.failure in (None, Failure.THROWN, Failure.OUTPUT), outcome


_SHARED = Sandbox(workers=1)
