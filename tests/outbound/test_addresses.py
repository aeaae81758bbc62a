"""Which machines may be reached: the internet, and private hosts only by name."""

import pytest

from nabe.errors import SourceRefused
from nabe.outbound import checked_address, is_public


def test_a_name_that_changes_its_address_gains_nothing():
    """The address that was judged is the one connected to: the name is resolved once per request."""
    answers = iter([["93.184.215.14"], ["127.0.0.1"]])
    assert checked_address("s", "http://boese.example/x", (), lambda *_: next(answers)) == "93.184.215.14"
    with pytest.raises(SourceRefused):
        checked_address("s", "http://boese.example/x", (), lambda *_: next(answers))
    with pytest.raises(SourceRefused):
        checked_address("s", "http://boese.example/x", (), lambda *_: ["93.184.215.14", "10.0.0.1"])


def test_only_addresses_of_the_internet_are_public():
    assert all(is_public(item) for item in ("93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"))
    private = [
        "127.0.0.1",
        "10.1.1.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.1.1",
        "224.0.0.1",
        "0.0.0.0",
        "100.64.0.1",
    ]
    private += [
        "::1",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "::",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "255.255.255.255",
        "x",
    ]
    assert not any(is_public(item) for item in private)
