"""The fake history keeps what a real one keeps."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from nabe.testing.fakes import FakeQuality
from nabe.testing.quality_conformance import QualityConformance


class TestFakeQuality(QualityConformance):
    @pytest.fixture
    def store(self):
        fake = FakeQuality()
        return SimpleNamespace(quality=fake, again=lambda: SimpleNamespace(quality=fake))
