"""The little city of `cases/world.toml` as model nouns, and the cases as values."""

from __future__ import annotations

import datetime as dt
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nabe.governance.decide import decide
from nabe.governance.facts import Facts
from nabe.model.catalogue import Snapshot
from nabe.model.dataset import Access, Dataset, Field, FieldType, Product, Snapshots, System
from nabe.model.decision import Action, Decision, Request
from nabe.model.expr import ALL_ROWS, Compare, Op
from nabe.model.party import QUALITY_JOB, Actor, Organisation, OrganisationKind, Role
from nabe.model.quality import Rule, RuleKind, Target
from nabe.model.stream import Stream
from nabe.model.text import Text
from nabe.model.usecase import OPEN_DATA, Approval, EthicsState, Grant, Member, UseCase, UseCaseState

NO_DATASET = Dataset("", Text(), "", Access.RESTRICTED, ())
CASES = Path(__file__).parent / "cases"
NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)


@dataclass(frozen=True)
class World:
    snapshot: Snapshot
    actors: dict[str, Actor]
    inputs: dict[str, tuple[str, ...]]

    def ask(self, asks: dict[str, Any]) -> Decision:
        """Decide what a case asks."""
        dataset = self.snapshot.datasets.get(asks.get("dataset", ""), NO_DATASET)
        use_case = asks.get("use_case", OPEN_DATA)
        action = Action(asks.get("action", "read"))
        request = Request(self.actors[asks["actor"]], action, dataset.id, use_case, asks.get("at", NOW))
        case = self.snapshot.usecases.get(use_case)
        grant = case.grant(dataset.id) if case else None
        where = Compare("bezirk", Op.EQ, "03") if grant and grant.where else ALL_ROWS
        inputs = tuple(self.snapshot.datasets[name] for name in self.inputs.get(dataset.id, ()))
        facts = Facts(self.snapshot, dataset, case, where, inputs, for_check=asks.get("for_check", ""))
        return decide(request, facts)


def world() -> World:
    raw = tomllib.loads((CASES / "world.toml").read_text("utf-8"))
    organisations = [
        Organisation(key, Text(key), OrganisationKind(value["kind"]), value.get("parent", ""))
        for key, value in raw["organisations"].items()
    ]
    actors = {
        key: Actor(
            value.get("id", key),
            value.get("name", key),
            value.get("organisation", ""),
            frozenset(Role(role) for role in value.get("roles", ())),
        )
        for key, value in raw["actors"].items()
    }
    actors[QUALITY_JOB.id] = QUALITY_JOB
    systems = [System(key, Text(key), value["adapter"], value["owner"]) for key, value in raw["systems"].items()]
    datasets = [_dataset(key, value) for key, value in raw["datasets"].items()]
    usecases = [_usecase(key, value) for key, value in raw["usecases"].items()]
    inputs = {key: tuple(value.get("inputs", ())) for key, value in raw["datasets"].items()}
    return World(Snapshot.of([*organisations, *systems, *datasets, *usecases], 1), actors, inputs)


def cases() -> list[dict[str, Any]]:
    files = (path for path in sorted(CASES.glob("*.toml")) if path.name != "world.toml")
    return [case | {"file": path.stem} for path in files for case in tomllib.loads(path.read_text("utf-8"))["case"]]


def _dataset(key: str, value: dict[str, Any]) -> Dataset:
    fields = tuple(Field(name.rstrip("!"), FieldType.STRING, personal=name.endswith("!")) for name in value["fields"])
    product = Product(value["product"], "select 1") if "product" in value else None
    return Dataset(
        key,
        Text(key),
        value["owner"],
        Access(value["access"]),
        fields,
        product=product,
        subject=value.get("subject", ""),
        snapshots=Snapshots(value["snapshots"]) if "snapshots" in value else None,
        system=value.get("system", ""),
        stream=Stream(tuple(value["writers"]), (), value.get("retention", "")) if "writers" in value else None,
        quality=tuple(
            Rule(f"r{number}", RuleKind.REFERENCE, ("bezirk",), references=Target(*target.split(".")))
            for number, target in enumerate(value.get("refers_to", ()))
        ),
    )


def _usecase(key: str, value: dict[str, Any]) -> UseCase:
    return UseCase(
        key,
        Text(key),
        Text("Zweck"),
        "planung",
        legal_basis=value.get("legal_basis", ""),
        state=UseCaseState(value["state"]),
        ethics=EthicsState(value.get("ethics", "not_assessed")),
        members=tuple(
            Member(item.get("person", ""), Role(item["role"]) if "role" in item else None, item.get("organisation", ""))
            for item in value["members"]
        ),
        grants=tuple(
            Grant(
                item["dataset"],
                tuple(item["columns"]),
                where=item.get("where", ""),
                min_group=item.get("min_group", 0),
                expires=item.get("expires"),
                publish=item.get("publish", False),
                approval=Approval(item["approved"], NOW) if "approved" in item else None,
            )
            for item in value["grants"]
        ),
        expires=value.get("expires"),
    )
