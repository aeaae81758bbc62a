"""An objection of the ethics ombudsperson stops a use case."""

from __future__ import annotations

from nabe.governance.facts import Facts
from nabe.model.decision import Effect, Request, Verdict
from nabe.model.usecase import EthicsState


def ethics(request: Request, facts: Facts) -> Verdict | None:
    """Study Table 6 (ethics ombudsperson) and §2.3.8: no use against an open objection."""
    if facts.use_case is None or facts.use_case.ethics is not EthicsState.OBJECTED:
        return None
    return Verdict(Effect.DENY, "ethics", "ethics_objected", {"use_case": facts.use_case.id}, law="Studie, Tabelle 6")
