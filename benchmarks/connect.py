"""`nabe connect` of a 100 MB CSV: describe + propose, wall time and peak memory of a process of its own.

    python benchmarks/connect.py [--mb 100] [--repeat 3]

Writes an invented meter-reading export (keys with leading zeros, German decimals, dates, free text) into a temporary
folder, then opens it through the adapter registered as `file`, exactly as `nabe connect` does. The measured process
imports nothing but the adapter and the profile. Targets: propose <= 4 s beyond describe, 300 MB in total.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import city

HEADER = (
    "Zähler-ID;Stadtteil-Nr.;Straße;Hausnr.;PLZ;Ablesedatum;Verbrauch in kWh;Temperatur [°C];Träger;Bemerkung;lon;lat\n"
)


def comma(value: float, places: int) -> str:
    """A number as German software writes it."""
    return f"{value:.{places}f}".replace(".", ",")


def generate(path: Path, megabytes: int) -> int:
    """Write rows until the file has the size; the number of rows."""
    import numpy as np

    rng = np.random.default_rng(7)
    streets = [f"Musterstraße {chr(65 + at % 26)}{at}" for at in range(5_000)]
    notes = ["", "", "", "Zählerstand geschätzt", "Ablesung durch Hausverwaltung", "Zähler getauscht, siehe Protokoll"]
    rows, size = 0, 0
    with path.open("w", encoding="utf-8", newline="") as file:
        size += file.write(HEADER)
        while size < megabytes * 1_000_000:
            count = 20_000
            district, street, house = (
                rng.integers(101, 910, count),
                rng.integers(0, 5_000, count),
                rng.integers(1, 180, count),
            )
            day, month, year = rng.integers(1, 29, count), rng.integers(1, 13, count), rng.integers(2010, 2025, count)
            used, temperature = rng.random(count) * 9000, rng.normal(10, 8, count)
            place, note = rng.random((2, count)) * 0.3, rng.integers(0, len(notes), count)
            lines = [
                f"{rows + at:09d};{district[at]};{streets[street[at]]};{house[at]};{50667 + district[at] % 400};"
                f"{day[at]:02d}.{month[at]:02d}.{year[at]};{comma(used[at], 2)};{comma(temperature[at], 1)};"
                f"{'Gas' if note[at] % 2 else 'Strom'};{notes[note[at]]};"
                f"{comma(6.8 + place[0, at], 6)};{comma(50.8 + place[1, at], 6)}"
                for at in range(count)
            ]
            size += file.write("\n".join(lines) + "\n")
            rows += count
    return rows


def measure(path: str) -> dict[str, float]:
    """Runs in the subprocess."""
    from importlib.metadata import entry_points

    from nabe.ports.source import AdapterContext, Table
    from nabe.profile import propose

    adapter = next(entry for entry in entry_points(group="nabe.adapters") if entry.name == "file").load()()
    with tempfile.TemporaryDirectory() as cache:
        context = AdapterContext(str(Path(path).parent), cache)
        begun = time.perf_counter()
        connection = adapter.sniff(path, context)
        probe = adapter.probe(connection, lambda _: "", context)
        told: list[tuple[float, float]] = []
        described: list[float] = []
        described_as: list[Table] = []
        describe = probe.describe

        def timed(*args: object, **options: object) -> Table:
            start = time.perf_counter()
            try:
                described_as.append(describe(*args, **options))
                return described_as[0]
            finally:
                described.append(time.perf_counter() - start)

        probe.describe = timed
        name = probe.discover()[0]
        found = propose(
            probe,
            name,
            id="bench",
            owner="o",
            system="s",
            progress=lambda share: told.append((share, time.perf_counter())),
        )
        total = time.perf_counter() - begun
        begun = time.perf_counter()
        rows = probe.sample(described_as[0])
        for _ in rows.batches:
            pass
        rows.close()
        read = time.perf_counter() - begun
    peak = city.memory()
    return {
        "total_s": total,
        "describe_s": sum(described),
        "propose_s": total - sum(described),
        "read_s": read,
        "peak_mb": peak,
        "fields": len(found.dataset.fields),
        "findings": len(found.findings),
        "progress_calls": len(told),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--measure", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ablesungen.csv"
        rows = generate(path, options.mb)
        print(f"{path.stat().st_size / 1e6:.0f} MB, {rows} rows, {HEADER.count(';') + 1} columns")
        runs = []
        for _ in range(options.repeat):
            done = subprocess.run(
                [sys.executable, __file__, "--measure", str(path)], capture_output=True, text=True, check=False
            )
            if done.returncode:
                sys.exit(done.stderr)
            runs.append(json.loads(done.stdout))
    print("| run | describe s | propose s | of which reading s | total s | peak MB |\n|---|---|---|---|---|---|")
    for at, run in enumerate(runs, 1):
        times = " | ".join(f"{run[name]:.2f}" for name in ("describe_s", "propose_s", "read_s", "total_s"))
        print(f"| {at} | {times} | {run['peak_mb']:.0f} |")
    best = min(runs, key=lambda run: run["total_s"])
    for what, value, limit in (
        ("propose, s", best["propose_s"], 4),
        ("total, s", best["total_s"], 10),
        ("peak, MB", max(run["peak_mb"] for run in runs), 300),
    ):
        print(f"{what}: {value:.2f} (target <= {limit}): {'met' if value <= limit else 'MISSED'}")


if __name__ == "__main__":
    main()
