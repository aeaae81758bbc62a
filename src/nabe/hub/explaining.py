"""Why an answer is as it is: the decisions and the plan, without reading any data."""

from __future__ import annotations

from dataclasses import dataclass

from nabe.model.decision import Decision


@dataclass(frozen=True, slots=True)
class Explanation:
    """`decisions` per dataset asked for; `readable` fields of each; `plan` in English lines, empty when denied."""

    permit: bool
    decisions: tuple[Decision, ...]
    readable: tuple[tuple[str, tuple[str, ...]], ...]
    plan: tuple[str, ...] = ()
