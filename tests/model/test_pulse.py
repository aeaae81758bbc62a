"""Does a stream still send, by its own rhythm?"""

from __future__ import annotations

import pytest

from nabe.model.pulse import Pulse, pulse

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND
NOW = 1_790_000_000 * SECOND


@pytest.mark.parametrize(
    ("every", "age", "state"),
    [
        (10 * SECOND, 100 * SECOND, Pulse.FRESH),  # three times its rhythm is less than two minutes
        (10 * SECOND, 3 * MINUTE, Pulse.LATE),
        (10 * SECOND, 2 * HOUR, Pulse.SILENT),
        (10 * MINUTE, 25 * MINUTE, Pulse.FRESH),
        (10 * MINUTE, 40 * MINUTE, Pulse.LATE),
        (DAY, 2 * DAY, Pulse.FRESH),
        (DAY, 4 * DAY, Pulse.LATE),
        (DAY, 11 * DAY, Pulse.SILENT),
    ],
)
def test_by_its_own_rhythm(every, age, state):
    assert pulse([NOW - age - step * every for step in range(4)], NOW) is state


def test_none_one_and_values_of_the_same_moment():
    assert pulse([], NOW) is Pulse.EMPTY
    assert pulse([NOW - 2 * HOUR], NOW) is Pulse.FRESH
    assert pulse([NOW - 11 * HOUR], NOW) is Pulse.SILENT
    assert pulse([NOW - MINUTE, NOW - MINUTE], NOW) is Pulse.FRESH
