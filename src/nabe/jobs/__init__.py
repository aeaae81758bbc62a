"""What happens by itself: copies and checks on schedule. A client of the hub like any interface, with a grant of its own."""

from __future__ import annotations

from nabe.jobs.scheduler import Scheduler, running

__all__ = ["Scheduler", "running"]
