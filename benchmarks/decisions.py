"""Decisions per second in a city of 1,000 datasets x 200 use cases x 5,000 grants.

Target: <= 50 us cached, <= 1 ms uncached (read and find). Run: `python benchmarks/decisions.py`.
"""

from __future__ import annotations

import datetime as dt
import random
import statistics
import time

from nabe.hub.deciding import Deciding
from nabe.model.catalogue import Snapshot
from nabe.model.dataset import Access, Dataset, Field, FieldType
from nabe.model.decision import Action
from nabe.model.party import Actor, Organisation, Role
from nabe.model.text import Text
from nabe.model.usecase import Approval, Grant, Member, UseCase, UseCaseState

NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)


class City:
    """A catalogue that holds one generated snapshot."""

    def __init__(self) -> None:
        rng = random.Random(7)
        fields = tuple(Field(f"f{i}", FieldType.STRING, personal=i == 3) for i in range(12))
        organisations = [Organisation(f"o{i}", Text("O"), parent=f"o{i // 4}" if i else "") for i in range(60)]
        accesses = list(Access)
        datasets = [
            Dataset(f"d{i}", Text("D"), f"o{i % 60}", accesses[i % 4], fields, key=("f0",)) for i in range(1000)
        ]
        usecases = []
        for i in range(200):
            grants = tuple(
                Grant(f"d{n}", ("f0", "f1", "f2"), where="f1 = 'x'", min_group=5, approval=Approval("owner", NOW))
                for n in rng.sample(range(1000), 25)
            )
            members = tuple(Member(organisation=f"o{rng.randrange(60)}", role=Role.EMPLOYEE) for _ in range(5))
            usecases.append(
                UseCase(
                    f"u{i}",
                    Text("U"),
                    Text("P"),
                    "o0",
                    legal_basis="§ 1",
                    state=UseCaseState.ACTIVE,
                    members=members,
                    grants=grants,
                )
            )
        self._snapshot = Snapshot.of([*organisations, *datasets, *usecases], 1)

    def snapshot(self) -> Snapshot:
        return self._snapshot


def main() -> None:
    city = City()
    snapshot = city.snapshot()
    deciding = Deciding(city, lambda: NOW)  # type: ignore[arg-type]
    rng = random.Random(1)
    actors = [Actor(f"a{i}", "A", f"o{i % 60}", frozenset({Role.EMPLOYEE})) for i in range(50)]
    granted = [(case.id, grant.dataset) for case in snapshot.usecases.values() for grant in case.grants]
    asked = [(rng.choice(actors), *rng.choice(granted)) for _ in range(5000)]
    snapshot.granting  # noqa: B018  derived once per catalogue version
    for name, action in (("read", Action.READ), ("find", Action.FIND)):
        for label in ("uncached", "cached"):
            times = []
            for actor, use_case, dataset in asked:
                noun = snapshot.datasets[dataset]
                start = time.perf_counter()
                deciding.decide(actor, action, noun, use_case if action is Action.READ else "", snapshot)
                times.append((time.perf_counter() - start) * 1e6)
            ranked = sorted(times)
            print(
                f"{name:5} {label:9} median {statistics.median(times):7.1f} us   "
                f"p95 {ranked[int(len(ranked) * 0.95)]:7.1f} us   p99 {ranked[int(len(ranked) * 0.99)]:7.1f} us"
            )


if __name__ == "__main__":
    main()
