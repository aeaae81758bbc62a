"""An open canary city."""

import pytest

from nabe.testing.serving import OpenCity


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    made = OpenCity(tmp_path_factory.mktemp("city"))
    yield made
    made.nabe.close()
