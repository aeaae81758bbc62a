"""Seal scans in tests of sources and engines, through the same door as the hub."""

from __future__ import annotations

import datetime as dt
from typing import Any

from nabe.governance.constrain import constrain
from nabe.model.dataset import Dataset
from nabe.model.decision import Action, Decision, Obligations, Request
from nabe.model.party import ANONYMOUS
from nabe.model.query import Scan, SealedScan
from nabe.model.usecase import OPEN_DATA

#: A fixed moment for tests.
NOW = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)


def permit(dataset: Dataset, **obligations: Any) -> Decision:
    """A permit with these obligations; all columns unless `columns` is given."""
    obligations.setdefault("columns", frozenset(field.name for field in dataset.fields))
    request = Request(ANONYMOUS, Action.READ, dataset.id, OPEN_DATA, NOW)
    return Decision("test", request, True, (), Obligations(**obligations))


def seal(dataset: Dataset, scan: Scan | None = None, **obligations: Any) -> SealedScan:
    """`scan` (default: everything) of `dataset`, sealed under these obligations."""
    return constrain(scan or Scan(dataset.id), dataset, permit(dataset, **obligations))
