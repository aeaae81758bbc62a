"""Print what is detected in real files, for docs/reference/connect-detection.md (run by hand, then judged by a person).

python benchmarks/detection_table.py [--brief] path [path ...]     (paths below the folder of real city data)
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from importlib.metadata import entry_points
from pathlib import Path

from nabe.errors import NabeError
from nabe.ports.source import AdapterContext
from nabe.profile import KeySketch, propose

DATA = Path(os.environ.get("NABE_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")


def main() -> None:
    (adapter,) = [entry.load()() for entry in entry_points(group="nabe.adapters") if entry.name == "file"]
    known: list[KeySketch] = []
    brief = "--brief" in sys.argv
    with tempfile.TemporaryDirectory() as cache:
        for path in (item for item in sys.argv[1:] if not item.startswith("--")):
            context = AdapterContext(cache, cache)
            begun = time.perf_counter()
            try:
                probe = adapter.probe(adapter.sniff(str(DATA / path), context), lambda _: "", context)
                tables = probe.discover()
                name = Path(path).name.split(".")[0].replace("-", "_").lower()
                found = propose(probe, tables[0], id=name, owner="amt", system="s", known=known)
            except NabeError as error:
                print(f"\n## {path}\n{type(error).__name__}: {error}")
                continue
            known += found.sketch
            data = found.dataset
            print(f"\n## {path} ({time.perf_counter() - begun:.1f} s, {len(tables)} tables)")
            print(
                f"access {data.access}, key {data.key}, time {data.time!r}, subject {data.subject!r}, crs {data.crs!r}"
            )
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
