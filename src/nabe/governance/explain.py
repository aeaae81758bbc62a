"""A decision in words."""

from __future__ import annotations

from dataclasses import dataclass

from nabe.i18n import t
from nabe.model.decision import Decision, Verdict


@dataclass(frozen=True, slots=True)
class Reason:
    """One verdict, ready to show: effect, sentence, law."""

    effect: str
    policy: str
    text: str
    law: str


def reasons(decision: Decision, lang: str = "de") -> list[Reason]:
    """Every verdict as a sentence, in the order of the policies."""
    return [
        Reason(verdict.effect.value, verdict.policy, sentence(verdict, lang), verdict.law)
        for verdict in decision.because
    ]


def sentence(verdict: Verdict, lang: str = "de") -> str:
    """One verdict as a sentence."""
    return t(f"reason.{verdict.reason}", lang, **verdict.params)


def headline(decision: Decision, lang: str = "de") -> str:
    """Allowed or not, in one line."""
    return t(
        "reason.headline_permit" if decision.permit else "reason.headline_deny", lang, dataset=decision.request.dataset
    )
