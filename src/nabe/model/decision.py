"""What was decided, why, and under which obligations."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from nabe.model.expr import ALL_ROWS, Expr
from nabe.model.party import Actor


class Action(StrEnum):
    READ = "read"
    FIND = "find"  # know that it exists
    DECLARE = "declare"  # change what the city declared
    APPROVE = "approve"  # a data owner's consent to a grant
    AUDIT = "audit"  # read the ledger
    SNAPSHOT = "snapshot"  # copy a dataset into the lake, without seeing it
    REACH = "reach"  # see whether a silo answers
    DELIVER = "deliver"  # put a new file in the place of a dataset's old one
    CHECK = "check"  # count by the rules of a dataset, and see the figures
    WRITE = "write"  # add, change or remove entities and observations of a stream dataset
    ERASE = "erase"  # erase what a stream dataset holds, by its retention or as a whole


class Effect(StrEnum):
    PERMIT = "permit"
    DENY = "deny"
    NARROW = "narrow"


@dataclass(frozen=True, slots=True)
class Request:
    """May `actor` do `action` with `dataset` for `use_case` at `at` (UTC)?"""

    actor: Actor
    action: Action
    dataset: str
    use_case: str
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Obligations:
    """What an answer must keep to. Those of several verdicts are intersected, never widened.

    `columns` are the readable fields.
    """

    columns: frozenset[str] = frozenset()
    allowed: Expr = ALL_ROWS
    min_group: int = 0
    subject: str = ""
    measures: frozenset[str] = frozenset()
    rounding: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one policy says. `reason` is a key of `locale/*/reasons.toml`, `params` fill it, `law` cites what it rests on."""

    effect: Effect
    policy: str
    reason: str
    params: Mapping[str, Any] = field(default_factory=dict)
    law: str = ""
    obligations: Obligations | None = None
    until: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The one decision. `expires_at`: decide again after this moment at the latest."""

    id: str
    request: Request
    permit: bool
    because: tuple[Verdict, ...]
    obligations: Obligations
    expires_at: dt.datetime | None = None
