"""The engine that joins what several silos deliver."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from nabe.model.query import SealedScan
from nabe.ports.source import Batches, Mount


@dataclass(frozen=True, slots=True)
class Mounted:
    """The engine reads the table itself, applying the sealed scan."""

    scan: SealedScan
    mount: Mount


@dataclass(frozen=True, slots=True)
class Streamed:
    """The source delivers finished rows; `open` starts it (more than once if the SQL reads it more than once)."""

    open: Callable[[], Batches]
    geometry: tuple[str, ...] = ()  # names of WKB columns


Input = Mounted | Streamed


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of one question: seconds, rows handed out, bytes of memory."""

    seconds: float = 60.0
    rows: int = 10_000_000
    memory: int = 1_000_000_000


class Engine(Protocol):
    """Runs vetted SQL over inputs. Raises `Invalid`, `TimedOut`, `LimitExceeded`; error texts hold no data values."""

    def run(self, sql: str, inputs: Mapping[str, Input], budget: Budget) -> Batches:
        """Rows of the SELECT whose tables are the names in `inputs`; streamed."""

    def close(self) -> None:
        """Free everything."""
