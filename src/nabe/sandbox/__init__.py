"""Code that others wrote, run where it can hurt nobody: payload codecs in JavaScript, in worker processes with limits."""

from __future__ import annotations

from nabe.sandbox.pool import Codec, Failure, Outcome, Sandbox
from nabe.sandbox.worker import Bounds

__all__ = ["Bounds", "Codec", "Failure", "Outcome", "Sandbox"]
