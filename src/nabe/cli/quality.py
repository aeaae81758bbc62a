"""quality: the rules of datasets, and checking by them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nabe.cli.common import AsJson, Workspace, actor_named, line, opened, plain, say, show, via
from nabe.cli.data import As, UseCaseOption
from nabe.model.dataset import Dataset
from nabe.model.party import QUALITY_JOB
from nabe.model.quality import Result, Rule, State
from nabe.model.usecase import OPEN_DATA
from nabe.quality import advice, outcome, run, what

Datasets = Annotated[list[str] | None, typer.Argument(help="Datasets; default: all that have rules.")]
Lang = Annotated[str, typer.Option(help="Language: de or en.")]
_MARKS = {State.OK: "✓", State.FAILED: "!", State.NOT_CHECKED: "–"}
_STYLES = {State.OK: "green", State.FAILED: "yellow", State.NOT_CHECKED: "dim"}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Quality of data: rules and results.", no_args_is_help=True)
    group.command("list")(listed)
    group.command("run")(checked)
    app.add_typer(group, name="quality")


def listed(
    datasets: Datasets = None,
    use_case: UseCaseOption = OPEN_DATA,
    actor: As = "operator",
    lang: Lang = "de",
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Rules and what the last check found.

    [dim]nabe quality list kitas[/dim]
    """
    with opened(workspace) as nabe:
        asker = actor_named(nabe, actor)
        views = nabe.hub.quality(asker, use_case, datasets or [])
        found = {item.dataset.id: item.dataset for item in nabe.hub.find(asker, use_case)}
    rows = [_row(found[view.dataset], item.rule, item.last, lang) for view in views for item in view.rules]
    if as_json:
        say(rows)
        return
    columns = ("dataset", "rule", "severity", "state", "what", "outcome", "at")
    show([row | {"at": str(row["at"] or "")[:16]} for row in rows], columns)


def checked(
    datasets: Datasets = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit code 2 when a rule of severity error is broken.")
    ] = False,
    actor: As = "",
    lang: Lang = "de",
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Check datasets by their rules, now; the results are kept.

    [dim]nabe quality run kitas --strict[/dim]
    """
    with opened(workspace) as nabe:
        asker = actor_named(nabe, actor) if actor else QUALITY_JOB
        found = run(nabe.hub, datasets or [], actor=asker, interface=via())
    if as_json:
        pairs = ((item, pair) for item in found for pair in zip(item.rules, item.results, strict=True))
        say([_row(item.dataset, rule, result, lang) for item, (rule, result) in pairs])
    else:
        for item in found:
            line(plain(f"{item.dataset.title.in_(lang)} ({item.dataset.id})", "bold"))
            for rule, result in zip(item.rules, item.results, strict=True):
                _tell(item.dataset, rule, result, lang)
        if not found:
            line("[dim]No dataset has rules; see docs/guides/quality.md.[/dim]")
    if strict and any(item.in_error for item in found):
        raise typer.Exit(2)


def _tell(dataset: Dataset, rule: Rule, result: Result, lang: str) -> None:
    said = plain(f"{what(rule, dataset, lang)} – {outcome(rule, result, lang)}")
    line(plain(f"  {_MARKS[result.state]} ", _STYLES[result.state]), said, plain(f"  {rule.id}", "dim"))
    if result.state is State.FAILED:
        if result.keys:
            line(plain(f"      {', '.join(result.keys)}", "dim"))
        line(plain(f"      → {advice(rule, lang)}", "dim"))


def _row(dataset: Dataset, rule: Rule, result: Result | None, lang: str) -> dict[str, Any]:
    counted = {name: getattr(result, name) for name in ("rows", "checked", "failing")} if result else {}
    return {
        "dataset": dataset.id,
        "rule": rule.id,
        "kind": rule.kind.value,
        "severity": rule.severity.value,
        "state": result.state.value if result else State.NOT_CHECKED.value,
        "at": result.at if result else None,
        "what": what(rule, dataset, lang),
        "outcome": outcome(rule, result, lang),
        "keys": list(result.keys) if result else [],
        "why": result.why if result else "",
    } | {name: value if value >= 0 else None for name, value in counted.items()}
