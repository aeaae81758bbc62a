"""The codecs that come with Nabe: real examples of the makers' devices, and messages that break off."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.devices.builtin import PROFILES, codec_text
from nabe.devices.readings import readings
from nabe.sandbox import Codec, Failure, Sandbox
from nabe.testing.needs import need

DATA = Path(os.environ.get("NABE_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data") / "lorawan"
PROFILE = {
    "Dragino LHT65": "dragino-lht65",
    "Dragino LHT52": "dragino-lht52",
    "Milesight EM300-TH": "milesight-em300-th",
    "Milesight EM310-UDL": "milesight-em310-udl",
    "Bosch TPS110 parking": "bosch-tps110",
    "Decentlab DL-CTD10": "decentlab-dl-ctd10",
    "Decentlab DL-NTU": "decentlab-dl-ntu",
    "Decentlab DL-OPTOD": "decentlab-dl-optod",
    "Decentlab DL-PM": "decentlab-dl-pm",
    "Decentlab DL-CWS": "decentlab-dl-cws",
    "Decentlab DL-PR26": "decentlab-dl-pr26",
    "Elsys ERS CO2": "elsys-ers-co2",
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(workers=1)
    yield made
    made.close()


def test_every_example_of_the_device_repository_is_decoded_to_its_values(sandbox: Sandbox) -> None:
    need("the folder of real city data", DATA.is_dir(), "set NABE_TEST_DATA to a copy of it")
    examples = json.loads((DATA / "uplink_examples.json").read_text("utf-8"))
    for example in examples:
        codec = Codec(codec_text(PROFILES[PROFILE[example["device"]]].codec))
        outcome = sandbox.decode(codec, bytes.fromhex(example["bytes"]), example["f_port"])
        if "errors" in example:
            assert outcome.failure is Failure.THROWN and outcome.words == example["errors"][0]
        else:
            assert (outcome.failure, outcome.data) == (None, example["decoded"]), example["use"]
    assert len(examples) == 18


def test_units_of_profiles_are_those_the_examples_name() -> None:
    need("the folder of real city data", DATA.is_dir(), "set NABE_TEST_DATA to a copy of it")
    ucum = {
        "°C": "Cel",
        "%": "%",
        "mm": "mm",
        "µS⋅cm⁻¹": "uS/cm",
        "NTU": "[NTU]",
        "mg⋅L⁻¹": "mg/L",
        "µg⋅m⁻³": "ug/m3",
        "bar": "bar",
    }
    compared = 0
    for example in json.loads((DATA / "uplink_examples.json").read_text("utf-8")):
        measures = {measure.field: measure for measure in PROFILES[PROFILE[example["device"]]].measures}
        for field, unit in example.get("units", {}).items():
            if field in measures and unit != "Pa":  # pressure is brought into hPa
                assert measures[field].unit == ucum[unit], field
                compared += 1
    assert compared > 15


def test_a_probe_that_is_not_there_gives_no_reading(sandbox: Sandbox) -> None:
    profile = PROFILES["dragino-lht52"]
    data = sandbox.decode(Codec(codec_text(profile.codec)), bytes.fromhex("08CD02207FFF0161CD4EDD"), 2).data
    found, left_out = readings(profile, data, 2)
    assert [(item.field, item.number) for item in found] == [("TempC_SHT", 22.53), ("Hum_SHT", 54.4)]
    assert left_out == ["TempC_DS: says that there is no value"]


@settings(max_examples=300, deadline=None)
@given(payload=st.binary(max_size=60), port=st.integers(0, 255), name=st.sampled_from(sorted(PROFILES)))
def test_any_bytes_are_decoded_or_refused(payload: bytes, port: int, name: str) -> None:
    profile = PROFILES[name]
    outcome = _SHARED.decode(Codec(codec_text(profile.codec)), payload, port)
    assert outcome.failure in (None, Failure.THROWN), outcome
    if outcome.failure is None:
        found, _ = readings(profile, outcome.data, port)
        assert all(item.number is None or item.number == item.number for item in found)
    else:
        assert (
            outcome.words in ("the message breaks off", "unknown FPort")
            or "protocol version" in outcome.words
            or "telegram" in outcome.words
        )


_SHARED = Sandbox(workers=1)


def test_downlinks_of_built_in_codecs(sandbox: Sandbox) -> None:
    milesight, dragino = (Codec(codec_text(PROFILES[name].codec)) for name in ("milesight-em300-th", "dragino-lht65"))
    sent = sandbox.encode(milesight, {"report_interval": 1200})
    assert (sent.bytes.hex(), sent.port) == ("ff03b004", 85)
    assert sandbox.encode(milesight, {"reboot": True}).bytes.hex() == "ff10ff"
    assert sandbox.encode(dragino, {"report_interval": 600}).bytes.hex() == "01000258"
    assert sandbox.encode(dragino, {}).failure is Failure.THROWN
