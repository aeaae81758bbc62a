"""Nouns of the hub as JSON of the management API."""

from __future__ import annotations

from typing import Any

import msgspec

from nabe.governance.explain import headline, reasons
from nabe.hub import Explanation, Found
from nabe.i18n import t
from nabe.model.dataset import Dataset
from nabe.model.decision import Decision
from nabe.model.delivery import Delivery, Finding
from nabe.model.quality import QualityView, Result, RuleView
from nabe.quality import advice, outcome, what


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


def quality(item: QualityView, dataset: Dataset, lang: str) -> dict[str, Any]:
    """Rules, their newest result and the ones before; counts are null where they may not be seen."""
    return {
        "dataset": item.dataset,
        "may_check": item.may_check,
        "at": plain(item.at),
        "rules": [_rule(view, dataset, lang) for view in item.rules],
    }


def _rule(view: RuleView, dataset: Dataset, lang: str) -> dict[str, Any]:
    return {
        "rule": plain(view.rule),
        "state": view.state.value,
        "what": what(view.rule, dataset, lang),
        "outcome": outcome(view.rule, view.last, lang),
        "advice": advice(view.rule, lang) if view.open else "",
        "results": [_result(result) for result in view.results],
    }


def _result(result: Result) -> dict[str, Any]:
    body = document(result)
    counts = {name: body[name] if body[name] >= 0 else None for name in ("rows", "checked", "failing")}
    return body | counts


def _reasons(decision: Decision, lang: str) -> list[dict[str, str]]:
    return [
        {"effect": item.effect, "policy": item.policy, "text": item.text, "law": item.law}
        for item in reasons(decision, lang)
    ]
