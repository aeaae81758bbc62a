"""Nouns of the hub as JSON of the management API."""

from __future__ import annotations

from typing import Any

import msgspec

from nabe.governance.explain import headline, reasons
from nabe.hub import Explanation, Found
from nabe.i18n import t
from nabe.model.decision import Decision
from nabe.model.delivery import Delivery, Finding


def plain(value: Any) -> Any:
    """Any noun as JSON types."""
    return msgspec.to_builtins(value, str_keys=True)


def document(value: Any) -> dict[str, Any]:
    """A noun as a JSON object."""
    made: dict[str, Any] = plain(value)
    return made


def found(item: Found, lang: str) -> dict[str, Any]:
    """A dataset with the decision to read it."""
    return {
        "dataset": plain(item.dataset),
        "permit": item.decision.permit,
        "readable": list(item.readable),
        "reasons": _reasons(item.decision, lang),
    }


def delivery(item: Delivery, lang: str, *, taken: bool) -> dict[str, Any]:
    """A delivered file, without its rows."""
    return {
        "dataset": item.dataset,
        "name": item.name,
        "bytes": item.size,
        "sha256": item.digest,
        "rows": item.rows,
        "rows_before": item.rows_before,
        "fits": item.fits,
        "flaws": findings(item.flaws, lang),
        "notes": findings(item.notes, lang),
        "taken": taken,
    }


def findings(items: tuple[Finding, ...], lang: str) -> list[dict[str, Any]]:
    """What was found, as keys and as sentences."""
    return [
        {"kind": item.kind, "params": dict(item.params), "text": t(f"delivery.{item.kind}", lang, **item.params)}
        for item in items
    ]


def explanation(item: Explanation, lang: str) -> dict[str, Any]:
    """Decisions and plan."""
    return {
        "permit": item.permit,
        "decisions": [
            {
                "dataset": decision.request.dataset,
                "permit": decision.permit,
                "id": decision.id,
                "headline": headline(decision, lang),
                "reasons": _reasons(decision, lang),
            }
            for decision in item.decisions
        ],
        "readable": {name: list(fields) for name, fields in item.readable},
        "plan": list(item.plan),
    }


def _reasons(decision: Decision, lang: str) -> list[dict[str, str]]:
    return [
        {"effect": item.effect, "policy": item.policy, "text": item.text, "law": item.law}
        for item in reasons(decision, lang)
    ]
