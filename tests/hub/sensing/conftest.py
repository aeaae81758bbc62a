from __future__ import annotations

import pytest

from nabe.testing.sensor_city import Town


@pytest.fixture
def town(tmp_path):
    made = Town(tmp_path)
    yield made
    made.close()
