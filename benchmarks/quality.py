"""Quality rules over a million rows: all rules together, each alone, and one plain pass over the same table.

    python benchmarks/quality.py [--rows 1000000]

Baseline: one aggregate over all columns that the rules look at, asked through the hub. Target: the rules that look at single
rows take no more than twice that, however many they are.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nabe.app import Nabe, open_workspace
from nabe.model.catalogue import Change, City, kind_of
from nabe.model.dataset import Access, Dataset, Field, FieldType, System
from nabe.model.party import Actor, Organisation, OrganisationKind, Role
from nabe.model.quality import Rule, RuleKind, Target
from nabe.model.text import Text
from nabe.quality import run

K = RuleKind
PLAIN = (
    Rule("range", K.RANGE, ("value",), min=0, max=100),
    Rule("range_2", K.RANGE, ("amount",), min=0),
    Rule("pattern", K.PATTERN, ("code",), pattern="[0-9]{5}"),
    Rule("full", K.COMPLETENESS, ("code", "district", "value", "amount")),
    Rule("type", K.TYPE, ("code",), type="integer"),
    Rule("condition", K.SQL, sql="value < 90 OR amount > 10"),
    Rule("day", K.RANGE, ("day",), min="2020-01-01", max="today"),
    Rule("fresh", K.FRESHNESS, ("day",), max_age="P1Y"),
    Rule("rows", K.ROW_COUNT, change=0.2),
)
UNIQUE = Rule("unique", K.UNIQUE, ("id",))
REFERENCE = Rule("reference", K.REFERENCE, ("district",), references=Target("districts", "district"))
FIELDS = (
    Field("id", FieldType.STRING),
    Field("code", FieldType.STRING),
    Field("district", FieldType.STRING),
    Field("value", FieldType.NUMBER),
    Field("amount", FieldType.INTEGER),
    Field("day", FieldType.DATE),
)


def main() -> None:
    """Build, measure, print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        nabe = _city(Path(folder), rows)
        print(
            f"| {rows:,} rows in | one plain pass | 9 rules about rows | ratio | each alone | unique | reference | all 11 |"
        )
        print("|---|---|---|---|---|---|---|---|")
        for id in ("parquet", "sqlite", "csv"):
            print(f"| {id} | {_measure(nabe, id)} |")
        nabe.close()


def _measure(nabe: Nabe, id: str) -> str:
    def plain() -> None:
        sql = f"SELECT count(*), max(code), max(district), sum(value), sum(amount), max(day) FROM {id}"
        nabe.hub.read(OPERATOR, "open-data", sql).table()

    base = _median(plain)
    together = _rules(nabe, id, PLAIN)
    alone = sum(_rules(nabe, id, (rule,), times=1) for rule in PLAIN)
    rest = [_rules(nabe, id, (rule,)) - _rules(nabe, id, ()) for rule in (UNIQUE, REFERENCE)]
    whole = _rules(nabe, id, (*PLAIN, UNIQUE, REFERENCE))
    cells = [f"{base:.2f} s", f"{together:.2f} s", f"{together / base:.2f}", f"{alone:.2f} s"]
    return " | ".join([*cells, *(f"{seconds:.2f} s" for seconds in rest), f"{whole:.2f} s"])


def _rules(nabe: Nabe, id: str, rules: Sequence[Rule], times: int = 3) -> float:
    """Seconds for a run of these rules (one that only counts rows if there are none)."""
    snapshot = nabe.catalogue.snapshot()
    changed = replace(snapshot.datasets[id], quality=tuple(rules) or (PLAIN[-1],))
    nabe.hub.declare(OPERATOR, [Change("dataset", id, changed)], expect=snapshot.version)
    return _median(lambda: run(nabe.hub, [id]), times)


def _median(work: Callable[[], object], times: int = 3) -> float:
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)[len(seconds) // 2]


OPERATOR = Actor("operator", "", "", frozenset({Role.IT}))


def _city(root: Path, rows: int) -> Nabe:
    global OPERATOR
    draw = random.Random(7)
    days = [f"20{year}-{month:02}-15" for year in range(20, 27) for month in range(1, 11)]
    table = pa.table(
        {
            "id": [f"K{number:09}" for number in range(rows)],
            "code": [f"{draw.randrange(100_000):05}" for _ in range(rows)],
            "district": [f"{draw.randrange(1, 400):03}" for _ in range(rows)],
            "value": [draw.uniform(0, 100) for _ in range(rows)],
            "amount": [draw.randrange(1000) for _ in range(rows)],
            "day": [draw.choice(days) for _ in range(rows)],
        }
    )
    (root / "data").mkdir()
    (root / "nabe.yaml").write_text("kind: city\nid: s\ntitle: S\n")
    typed = table.set_column(5, "day", table["day"].cast(pa.date32()))
    pq.write_table(typed, root / "data/big.parquet")
    import pyarrow.csv as pc

    pc.write_csv(table, root / "data/big.csv")
    (root / "data/districts.csv").write_text("district\n" + "".join(f"{number:03}\n" for number in range(1, 400)))
    with sqlite3.connect(root / "data/big.sqlite") as connection:
        connection.execute("CREATE TABLE big (id TEXT, code TEXT, district TEXT, value REAL, amount INTEGER, day TEXT)")
        lines = zip(*(column.to_pylist() for column in table.columns), strict=True)
        connection.executemany("INSERT INTO big VALUES (?, ?, ?, ?, ?, ?)", lines)
    connection.close()
    nouns = [
        City("s", Text("S")),
        Organisation("s", Text("S"), OrganisationKind.MUNICIPALITY),
        System("files", Text("F"), "file", "s", {"location": "data"}),
        System("base", Text("B"), "sql", "s", {"path": "data/big.sqlite"}),
        _dataset("parquet", "files", {"path": "big.parquet"}),
        _dataset("csv", "files", {"path": "big.csv"}),
        _dataset("sqlite", "base", {"table": "big"}),
        replace(_dataset("districts", "files", {"path": "districts.csv"}), fields=(FIELDS[2],)),
    ]
    nabe = open_workspace(root)
    nabe.hub.declare(OPERATOR, [Change(kind_of(noun), noun.id, noun) for noun in nouns], expect=0)
    OPERATOR = Actor("operator", "", "s", frozenset({Role.IT}))
    return nabe


def _dataset(id: str, system: str, source: dict[str, str]) -> Dataset:
    return Dataset(id, Text(id), "s", Access.OPEN, FIELDS, system=system, source=source)


if __name__ == "__main__":
    main()
