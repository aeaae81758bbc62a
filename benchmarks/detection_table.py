"""Print what is detected in real files, for docs/reference/connect-detection.md (run by hand, then judged by a person).

python benchmarks/detection_table.py [--brief | --table] [path ...]

Paths lie below the folder of real city data; none: every file there. `--table` prints one line per table.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from nabe.errors import NabeError
from nabe.ports.source import AdapterContext, Probe
from nabe.profile import KeySketch, Proposal, propose

DATA = Path(os.environ.get("NABE_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")
#: What belongs to another file and is no table by itself.
BESIDE = (".dbf", ".shx", ".prj", ".cpg", ".md")
#: Tables shown of one file.
MOST = 4


def main() -> None:
    (adapter,) = [entry.load()() for entry in entry_points(group="nabe.adapters") if entry.name == "file"]
    flags = {item for item in sys.argv[1:] if item.startswith("--")}
    paths = [item for item in sys.argv[1:] if not item.startswith("--")] or list(_everything())
    known: list[KeySketch] = []
    counts = {"tables": 0, "refused": 0, "not taken": 0}
    if "--table" in flags:
        print(
            "| file | reader | rows | fields | key | time | place | notes and findings | s |\n|---|---|--:|--:|---|---|---|---|--:|"
        )
    with tempfile.TemporaryDirectory() as cache:
        context = AdapterContext(cache, cache)
        for path in paths:
            connection = adapter.sniff(str(DATA / path), context)
            if connection is None:
                counts["not taken"] += 1
                _say(flags, path, "no known kind of file")
                continue
            probe = adapter.probe(connection, lambda _: "", context)
            try:
                tables = probe.discover()
            except NabeError as error:
                counts["refused"] += 1
                _say(flags, path, f"{error} {error.hint}")
                continue
            for table in tables[:MOST]:
                begun = time.perf_counter()
                label = path if len(tables) == 1 else f"{path}{table[len(Path(path).name) :]}"
                try:
                    found = propose(probe, table, id=_id(label), owner="amt", system="s", known=known)
                except NabeError as error:
                    counts["refused"] += 1
                    _say(flags, label, f"{error} {error.hint}")
                    continue
                known += found.sketch
                counts["tables"] += 1
                seconds = time.perf_counter() - begun
                if "--table" in flags:
                    _line(label, probe, table, found, seconds)
                else:
                    _full(label, adapter, found, seconds, "--brief" in flags, len(tables))
    print(f"\n{counts}", file=sys.stderr)


def _everything() -> Iterator[str]:
    for path in sorted(DATA.rglob("*")):
        if path.is_file() and path.suffix.lower() not in BESIDE and path.name != "SOURCES.md":
            yield path.relative_to(DATA).as_posix()


def _id(label: str) -> str:
    return "".join(char if char.isalnum() and char.isascii() else "_" for char in label.lower())


def _say(flags: set[str], path: str, text: str) -> None:
    print(f"| {path} | - | | | | | | {text} | |" if "--table" in flags else f"\n## {path}\n{text}")


def _line(label: str, probe: Probe, table: str, found: Proposal, seconds: float) -> None:
    data = found.dataset
    described: Any = probe.describe(table)
    source = {name: value for name, value in data.source.items() if name not in ("path", "columns")}
    said = "; ".join(described.notes)
    rest = [f"{item.kind} {item.field}".strip() for item in found.findings if item.severity != "info"]
    about = " · ".join(filter(None, [said[:600], ", ".join(rest[:6])])).replace("|", "\\|").replace("\n", " ")
    place = data.crs if any(field.type == "geometry" for field in data.fields) else ""
    print(
        f"| {label} | {str(source or '')[:160]} | {described.rows} | {len(data.fields)} | {', '.join(data.key)} "
        f"| {data.time or ''} | {place} | {about} | {seconds:.1f} |"
    )


def _full(label: str, adapter: Any, found: Proposal, seconds: float, brief: bool, tables: int) -> None:
    data = found.dataset
    print(f"\n## {label} ({seconds:.1f} s, {tables} tables)")
    print(f"access {data.access}, key {data.key}, time {data.time!r}, subject {data.subject!r}, crs {data.crs!r}")
    print(f"source {dict(data.source)}, problems {adapter.check_dataset(None, data)}")
    for field in data.fields:
        marks = [field.unit, "personal" if field.personal else "", str(field.references or "")]
        if not brief or any(marks):
            print(f"  {field.name} {field.type} {field.title.in_('de')!r} {' '.join(filter(None, marks))}")
    for item in found.findings:
        if not brief or item.kind not in ("unit", "values"):
            print(f"  - {item.kind}/{item.severity} {item.field}: {item.text('de')}")


if __name__ == "__main__":
    main()
