"""A small workspace for benchmarks: documents written, applied, opened."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def make(folder: Path, systems: Mapping[str, Any], datasets: Mapping[str, Any]) -> None:
    """Write and apply a workspace of open datasets. JSON is YAML."""
    for kind in ("organisations", "systems", "datasets"):
        (folder / kind).mkdir(parents=True)
    (folder / "nabe.yaml").write_text("kind: city\nid: bench\ntitle: Bench\n")
    write(folder / "organisations/a.yaml", {"id": "a", "title": "A", "type": "municipality"})
    for id, system in systems.items():
        write(folder / f"systems/{id}.yaml", {"id": id, "title": id, "owner": "a", **system})
    for id, dataset in datasets.items():
        write(folder / f"datasets/{id}.yaml", {"id": id, "title": id, "owner": "a", "access": "open", **dataset})
    subprocess.run(
        [sys.executable, "-m", "nabe.cli", "apply", "--yes", "-w", str(folder)], check=True, stdout=subprocess.DEVNULL
    )


def write(path: Path, document: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1), "utf-8")


def fields(**types: str) -> list[dict[str, str]]:
    """Fields of a dataset document by name and type."""
    return [{"name": name, "type": type} for name, type in types.items()]


def memory(what: str = "VmHWM") -> float:
    """MB of this process: `VmHWM` at its peak, `VmRSS` now. (`getrusage` would count the parent's before exec.)"""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(what))
    return int(line.split()[1]) / 1024


def median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
