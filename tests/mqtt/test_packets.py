"""Bytes and packets: what is written is read again, and no bytes do harm."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nabe.mqtt import packets
from nabe.mqtt.packets import Malformed, Publish, frame, matches

TOPIC = st.text(st.characters(exclude_characters="+#\0", exclude_categories=["Cs"]), min_size=1, max_size=40)


@given(TOPIC, st.binary(max_size=300), st.integers(0, 2), st.booleans(), st.integers(1, 65_535))
def test_a_message_survives_the_wire(topic, payload, qos, retain, number):
    item = Publish(topic, payload, qos, retain, bool(qos) and retain, number if qos else 0)
    data = packets.publish(item)
    start, end = frame(data, 0, 1_000_000)
    assert end == len(data)
    assert packets.read_publish(data[0], data[start:end]) == item


@given(
    st.text(max_size=20),
    st.text(max_size=20) | st.none(),
    st.binary(min_size=1, max_size=20) | st.none(),
    st.booleans(),
)
def test_a_log_in_survives_the_wire(client, user, password, clean):
    client, user = client.replace("\0", ""), user.replace("\0", "") if user is not None else None
    password = password if user is not None else None
    data = packets.connect(client, user=user, password=password, clean=clean, keep_alive=7)
    start, end = frame(data, 0, 1_000)
    assert packets.read_connect(data[start:end]) == packets.Connect(4, client, clean, 7, user, password, None)


READERS = (
    lambda first, body: packets.read_connect(body),
    packets.read_publish,
    packets.read_subscribe,
    packets.read_unsubscribe,
    packets.read_packet_number,
)


@given(st.integers(0, 255), st.binary(max_size=100), st.sampled_from(READERS))
def test_any_bytes_are_a_packet_or_malformed(first, body, read):
    with contextlib.suppress(Malformed):
        read(first, body)


@given(st.binary(max_size=10))
def test_any_bytes_are_a_frame_or_incomplete_or_malformed(data):
    with contextlib.suppress(Malformed):
        found = frame(data, 0, 1_000)
        assert found is None or found[0] <= found[1] <= 1_005


@pytest.mark.parametrize(
    ("filter", "topic", "wanted"),
    (
        ("a/b", "a/b", True),
        ("a/+", "a/b", True),
        ("a/+", "a/b/c", False),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("#", "a/b", True),
        ("#", "$SYS/x", False),
        ("+/x", "$SYS/x", False),
        ("$SYS/#", "$SYS/x", True),
        ("+", "/a", False),
        ("/+", "/a", True),
        ("+/+", "/a", True),
        ("a/b", "a/B", False),
        ("a/+/c", "a//c", True),
    ),
)
def test_filters_want_what_the_standard_says(filter, topic, wanted):
    assert matches(filter, topic) is wanted
