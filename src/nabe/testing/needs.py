"""Say what a test needs of the machine: skip with the way to get it, but never in CI."""

from __future__ import annotations

import os


def need(what: str, present: bool, how: str) -> None:
    """Skip the running test unless `present`; with CI=true its absence is a failure, so that CI tests everything."""
    import pytest

    if present:
        return
    reason = f"needs {what}: {how}"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)
