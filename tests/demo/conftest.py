"""One town for all tests: making it takes seconds."""

from __future__ import annotations

import pytest

from nabe.demo import making
from nabe.demo.town import Town


@pytest.fixture(scope="session")
def town() -> Town:
    return making.make()
