"""A snapshot of a large CSV against bare DuckDB's COPY of the same file to Parquet, in turns, each in a process of its own.

    python benchmarks/snapshot.py [--mb 1000] [--rounds 3]

The file is an invented meter-reading export (`benchmarks/connect.py`): semicolons, decimal commas, German dates, keys with
leading zeros. DuckDB gets the types spelled out and writes zstd, as the lake does. Nabe opens a workspace, decides, reads
through the file adapter, writes the version, its manifest and the run. Target: time <= 1.3 x. "again" is a snapshot of
the unchanged file. "cpu" is the processor time of the whole process, imports and all: steadier where others work too.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from connect import generate

FIELDS = {
    "Zähler-ID": "string", "Stadtteil-Nr.": "string", "Straße": "string", "Hausnr.": "string", "PLZ": "string",
    "Ablesedatum": "date", "Verbrauch in kWh": "number", "Temperatur [°C]": "number", "Träger": "string",
    "Bemerkung": "string", "lon": "number", "lat": "number",
}  # fmt: skip
DUCKDB = {"string": "VARCHAR", "date": "DATE", "number": "DOUBLE"}


def workspace(root: Path) -> None:
    """Declarations for the file in `root/daten`."""
    for name in ("organisations", "systems", "datasets"):
        (root / name).mkdir()
    (root / "nabe.yaml").write_text("kind: city\nid: stadt\ntitle: Stadt\n")
    (root / "organisations/stadt.yaml").write_text("id: stadt\ntitle: Stadt\ntype: municipality\n")
    (root / "systems/akte.yaml").write_text(
        "id: akte\ntitle: Akte\nadapter: file\nowner: stadt\nconnection: {location: daten, max_mb: 20000}\nlimits: {timeout_s: 600}\n"
    )
    fields = "".join(
        f"  - {{name: f{number}, type: {kind}, column: {json.dumps(name, ensure_ascii=False)}}}\n"
        for number, (name, kind) in enumerate(FIELDS.items())
    )
    source = "{path: readings.csv, delimiter: ';', decimal: ',', date_format: '%d.%m.%Y'}"
    (root / "datasets/readings.yaml").write_text(
        f"id: readings\ntitle: Ablesungen\nowner: stadt\nsystem: akte\naccess: open\nsource: {source}\n"
        f"mode: snapshot\nsnapshots: {{every: P1D}}\nfields:\n{fields}"
    )


def nabe(root: Path) -> dict[str, float]:
    """Two snapshots, the second of the unchanged file."""
    from nabe.app import open_workspace
    from nabe.model.party import JOBS

    with open_workspace(root) as opened:
        begun = time.perf_counter()
        run = opened.hub.snapshot(JOBS, "readings")
        took = time.perf_counter() - begun
        assert run.state.value in ("done", "unchanged") and (run.rows > 0 or run.state.value == "unchanged"), run
        begun = time.perf_counter()
        opened.hub.snapshot(JOBS, "readings")
        again = time.perf_counter() - begun
    return {"seconds": took, "again": again, "bytes": run.bytes}


def duckdb(root: Path) -> dict[str, float]:
    """COPY to Parquet, and fsync."""
    import os

    import duckdb

    columns = ", ".join(f"'{name}': '{DUCKDB[kind]}'" for name, kind in FIELDS.items())
    source = (
        f"read_csv('{root}/daten/readings.csv', delim=';', header=true, decimal_separator=',', "
        f"dateformat='%d.%m.%Y', columns={{{columns}}})"
    )
    target = root / "bare.parquet"
    begun = time.perf_counter()
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT * FROM {source}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
    handle = os.open(target, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
    took = time.perf_counter() - begun
    size = target.stat().st_size
    target.unlink()
    return {"seconds": took, "again": took, "bytes": size}


def child(kind: str, root: Path) -> None:
    """Runs in the subprocess."""
    found = {"nabe": nabe, "duckdb": duckdb}[kind](root)
    used = resource.getrusage(resource.RUSAGE_SELF)
    figures = {"cpu": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1000}
    sys.stdout.write(json.dumps(found | figures))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mb", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", nargs=2)
    given = parser.parse_args()
    if given.child:
        child(given.child[0], Path(given.child[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "daten").mkdir()
        rows = generate(root / "daten" / "readings.csv", given.mb)
        workspace(root)
        from nabe.app import load, open_workspace
        from nabe.cli.workspace import apply_files
        from nabe.model.party import JOBS

        load(root)
        with open_workspace(root) as opened:
            apply_files(opened)
        print(f"{given.mb} MB, {rows:,} rows")
        found: dict[str, list[dict[str, float]]] = {"nabe": [], "duckdb": []}
        for _ in range(given.rounds):
            for kind in found:
                if kind == "nabe":
                    with open_workspace(root) as opened:
                        from nabe.cli.common import operator

                        if opened.lake.datasets():
                            opened.hub.forget(operator(opened.catalogue.snapshot()), "readings")
                        assert JOBS
                words = [sys.executable, __file__, "--child", kind, str(root)]
                done = subprocess.run(words, capture_output=True, text=True, check=False)
                if done.returncode:
                    sys.exit(done.stderr)
                found[kind].append(json.loads(done.stdout))
        middle = {
            kind: {name: statistics.median(run[name] for run in runs) for name in runs[0]}
            for kind, runs in found.items()
        }
        for kind, figures in middle.items():
            said = "  ".join(f"{name} {value:,.3f}" for name, value in figures.items())
            print(f"{kind:7} {said}   all: {[round(run['seconds'], 2) for run in found[kind]]}")
        ratios = {name: middle["nabe"][name] / middle["duckdb"][name] for name in ("seconds", "cpu")}
        print(f"ratio {ratios['seconds']:.2f} (target 1.3), of processor time {ratios['cpu']:.2f}")


if __name__ == "__main__":
    main()
