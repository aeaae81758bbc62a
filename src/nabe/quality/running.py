"""Run the checks: count through the hub, judge, keep."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable
from dataclasses import dataclass

from nabe.errors import NabeError
from nabe.hub import Hub
from nabe.model.dataset import Dataset
from nabe.model.lake import Run, RunState
from nabe.model.party import QUALITY_JOB, Actor
from nabe.model.quality import Result, Rule, RuleSeverity, State
from nabe.quality.judging import judge

#: Results of each rule that are kept; a rule may compare with as many.
KEPT = 100


@dataclass(frozen=True, slots=True)
class Checked:
    """One dataset, its rules and what was found, in the same order."""

    dataset: Dataset
    rules: tuple[Rule, ...]
    results: tuple[Result, ...]

    @property
    def failed(self) -> list[tuple[Rule, Result]]:
        """The rules that are broken."""
        pairs = zip(self.rules, self.results, strict=True)
        return [(rule, result) for rule, result in pairs if result.state is State.FAILED]

    @property
    def in_error(self) -> bool:
        """Is a rule broken that is declared an error?"""
        return any(rule.severity is RuleSeverity.ERROR for rule, _ in self.failed)


def run(
    hub: Hub,
    datasets: Iterable[str] = (),
    *,
    actor: Actor = QUALITY_JOB,
    version: str = "",
    interface: str = "job",
    now: dt.datetime | None = None,
) -> list[Checked]:
    """Check datasets by their rules (none named: all that have rules) and keep the results.

    To be called after each new version of a snapshot, which `version` names. A silo that does not answer costs its rules a
    "not checked"; earlier results stay. Datasets without rules are passed over. Raises `Unknown` and `Denied` for datasets
    that are named, nothing for those that are not.
    """
    named = list(dict.fromkeys(datasets))
    found = []
    for view in hub.quality(actor, "", named, limit=KEPT):
        if not view.rules:
            continue
        earlier = {item.rule.id: item.results for item in view.rules}
        try:
            found.append(_one(hub, view.dataset, earlier, actor, version, interface, now or dt.datetime.now(dt.UTC)))
        except NabeError as error:
            if named:
                raise
            logging.getLogger("nabe").warning("quality of %s was not checked: %s", view.dataset, error.code)
    return found


def check_copy(hub: Hub, run_of_copy: Run) -> list[Checked]:
    """After `hub.snapshot`: a new version is checked by its dataset's rules, whoever had it taken.

    A check that cannot be made never spoils the copy; the log says why.
    """
    if run_of_copy.state is not RunState.DONE:
        return []
    try:
        return run(hub, [run_of_copy.dataset], version=str(run_of_copy.version))
    except NabeError as error:
        log = logging.getLogger("nabe")
        log.warning("quality of the new copy of %s was not checked: %s", run_of_copy.dataset, error.code)
        return []


def _one(
    hub: Hub,
    id: str,
    earlier: dict[str, tuple[Result, ...]],
    actor: Actor,
    version: str,
    interface: str,
    now: dt.datetime,
) -> Checked:
    taken = hub.measure_quality(actor, id, interface=interface)
    results = tuple(
        judge(taken.dataset, rule, item, earlier.get(rule.id, ()), now, version)
        for rule, item in zip(taken.dataset.quality, taken.measured, strict=True)
    )
    hub.keep_quality(actor, results, keep=KEPT)
    return Checked(taken.dataset, taken.dataset.quality, results)
