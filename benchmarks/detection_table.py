"""What is detected in every file of real city data, as docs/reference/detection-table.md.

    python benchmarks/detection_table.py [--write] [--seconds 60] [path ...]

Paths lie below the folder of real city data; none: every file and folder there. Each is offered to all installed adapters
as `nabe connect` does, in a worker process that is ended and started anew when a file takes too long or breaks it; so run
it again when there are more adapters. What a person found wrong stands in `detection_judged.toml` beside this script.
"""

from __future__ import annotations

import json
import os
import re
import selectors
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

DATA = Path(os.environ.get("NABE_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")
PAGE = Path(__file__).parents[1] / "docs" / "reference" / "detection-table.md"
JUDGED = Path(__file__).with_name("detection_judged.toml")
#: What belongs to another file of the same name and is no source by itself.
BESIDE = {".dbf": ".shp", ".shx": ".shp", ".prj": ".shp", ".cpg": ".shp"}
#: Tables looked at in one file.
MOST = 6
#: Findings that say: this field's type or reading needs a person.
_DOUBT = ("values.mixed", "key.as_number", "key.zeros_lost", "time.day", "time.unix", "geometry.elsewhere", "unit.text")
_READ = ("time.day_read", "time.unix_read", "values.mixed_missing")
HEAD = (
    "source",
    "adapter",
    "rows",
    "fields",
    "types doubted",
    "key",
    "official keys",
    "units",
    "personal",
    "place",
    "what is wrong",
)


def main() -> None:
    options = [item for item in sys.argv[1:] if item.startswith("--")]
    if "--worker" in options:
        work()
        return
    plain = [item for item in sys.argv[1:] if not item.startswith("--")]
    seconds = 60.0
    if "--seconds" in options:
        seconds = float(plain.pop(0))
    begun = time.perf_counter()
    rows = [row for path in (plain or everything()) for row in asked(path, seconds)]
    STAFF.end()
    text = page(rows, time.perf_counter() - begun, "" if not plain else " **Only a part of the files so far.**")
    if "--write" in options:
        PAGE.write_text(text, "utf-8")
    else:
        print(text)


def everything() -> Iterator[str]:
    """Every file, and every folder that an adapter may take as a whole."""
    for path in sorted(DATA.rglob("*")):
        if path.is_dir() or path.name != "SOURCES.md":
            yield path.relative_to(DATA).as_posix()


class Staff:
    """The worker process."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def ask(self, path: str, seconds: float) -> list[dict[str, Any]]:
        """What it says of a path; what came of it if it does not."""
        if self._process is None or self._process.poll() is not None:
            command = [sys.executable, __file__, "--worker"]
            self._process = subprocess.Popen(
                command, stdin=-1, stdout=-1, stderr=subprocess.DEVNULL, text=True, bufsize=1
            )
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(path + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            self.end()
            return [{"source": path, "error": "the reader broke"}]
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if not selector.select(seconds):
                self.end()
                return [{"source": path, "error": f"no answer within {seconds:g} s"}]
        line = process.stdout.readline()
        if not line:
            self.end()
            return [{"source": path, "error": "the reader broke"}]
        found: list[dict[str, Any]] = json.loads(line)
        return found

    def end(self) -> None:
        """Stop it; the next question starts another."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


STAFF = Staff()


def asked(path: str, seconds: float) -> list[dict[str, Any]]:
    """Rows of the table for one file or folder."""
    suffix = Path(path).suffix.lower()
    if suffix in BESIDE and (DATA / path).with_suffix(BESIDE[suffix]).exists():
        return [{"source": path, "beside": Path(path).with_suffix(BESIDE[suffix]).name}]
    return STAFF.ask(path, seconds)


def work() -> None:
    """The worker: a path a line, an answer a line. Whatever libraries print goes nowhere."""
    from nabe.app import adapters
    from nabe.ports.source import AdapterContext

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory() as cache:
        context = AdapterContext(cache, cache)
        for line in sys.stdin:
            path = line.strip()
            print(json.dumps(looked_at(path, adapters(), context), default=str), file=answers, flush=True)


def looked_at(path: str, adapters: Any, context: Any) -> list[dict[str, Any]]:
    from nabe.errors import NabeError

    # As `nabe connect`: what says itself what it is first, plain files last.
    for id, adapter in sorted(adapters.items(), key=lambda item: item[0] == "file"):
        try:
            connection = adapter.sniff(str(DATA / path), context)
            if connection is None:
                continue
            if (DATA / path).is_dir() and id == "file":
                return []
            probe = adapter.probe(connection, lambda _: "", context)
            tables = probe.discover()
            made = [table_row(path, id, probe, name) for name in tables[:MOST]]
        except NabeError as error:
            return [{"source": path, "adapter": id, "error": f"{error.detail} {error.hint}".strip()}]
        if len(tables) > MOST:
            made.append({"source": path, "adapter": id, "error": f"and {len(tables) - MOST} more tables"})
        return made
    return [] if (DATA / path).is_dir() else [{"source": path, "error": "no adapter takes it"}]


def table_row(path: str, adapter: str, probe: Any, table: str) -> dict[str, Any]:
    from nabe.errors import NabeError
    from nabe.profile import propose

    label = path if table in (Path(path).name, path) else f"{path} › {table.rsplit('/', 1)[-1]}"
    try:
        found = propose(probe, table, id="t", owner="amt", system="s")
        described = probe.describe(table)
    except NabeError as error:
        return {"source": label, "adapter": adapter, "error": f"{error.detail} {error.hint}".strip()}
    data = found.dataset
    told = [item for item in found.findings if item.key.startswith("profile.")]
    short = [(item.key.removeprefix("profile."), item) for item in told]
    doubted = {item.field for key, item in short if key.startswith(_DOUBT) and key not in _READ}
    place = [key for key, _ in short if key.startswith("geometry.")]
    return {
        "source": label,
        "adapter": adapter,
        "rows": described.rows,
        "fields": dict(Counter(field.type.value for field in data.fields)),
        "doubted": sorted(doubted),
        "key": list(data.key),
        "official": sorted({item.params["kind"].rsplit(".", 1)[-1] for key, item in short if "kind" in item.params}),
        "units": sorted({field.unit for field in data.fields if field.unit}),
        "personal": [field.name for field in data.fields if field.personal],
        "crs": data.crs if data.geometry else "",
        "place": [key.removeprefix("geometry.") for key in place],
        "wrong": [
            key for key, item in short if item.severity == "warning" and item.kind not in ("personal", "geometry")
        ],
    }


def page(rows: list[dict[str, Any]], seconds: float, part: str) -> str:
    """The page: series of files of one shape are one line."""
    judged = tomllib.loads(JUDGED.read_text("utf-8")) if JUDGED.exists() else {}
    lines = []
    for (_, shape), members in groupby(rows, key=lambda row: (folder(row), shape_of(row))):
        group = list(members)
        lines.append(line_of(group, judged, shape))
    answered = [row for row in rows if "fields" in row]
    refused = [row for row in rows if "error" in row]
    adapters = Counter(row["adapter"] for row in answered)
    fields = sum(sum(row["fields"].values()) for row in answered)
    doubted = sum(len(row["doubted"]) for row in answered)
    head = f"""# Every file of real city data, and what is detected in it

Made by `python benchmarks/detection_table.py --write` (run it again when there are more adapters), from the profile alone:
no file was declared by hand. Series of files of one shape are one line. "Types doubted" are fields of which the findings say
that a person should look (numbers mixed with text, keys as numbers, times not read); "what is wrong" is what a person found,
and what the reader warns of. [How it judges](connect-detection.md).{part}

{len({source_of(row) for row in rows})} sources, {len(answered)} tables with {fields:,} fields ({doubted} doubted), {len(refused)} not read; by adapter: \
{", ".join(f"{name} {count}" for name, count in adapters.most_common())}. {seconds:.0f} seconds.

| {" | ".join(HEAD)} |
|{"---|" * len(HEAD)}
"""
    return head + "\n".join(lines) + "\n"


def source_of(row: dict[str, Any]) -> str:
    return str(row["source"].split(" › ")[0])


def folder(row: dict[str, Any]) -> str:
    return re.sub(r"/(ChirpStack|LORIOT|ThingsStackCommunity)$", "", source_of(row).rpartition("/")[0])


def shape_of(row: dict[str, Any]) -> str:
    """Equal for files of one series: the name without its numbers, and what was detected but the rows."""
    name = re.sub(r"[\d_.-]+", "#", row["source"].rsplit("/", 1)[-1])
    rest = {key: value for key, value in row.items() if key not in ("source", "rows")}
    if "beside" in rest:
        rest["beside"], name = "", ""
    return json.dumps([name if "fields" in row else Path(name).suffix, rest], sort_keys=True, default=str)


def line_of(group: list[dict[str, Any]], judged: dict[str, Any], shape: str) -> str:
    first, last = group[0], group[-1]
    name = (
        first["source"]
        if len(group) == 1
        else f"{first['source']} … {last['source'].rsplit('/', 1)[-1]} ({len(group)})"
    )
    wrong = [text for start, text in judged.items() if source_of(first).startswith(start)]
    if "beside" in first:
        cells = [
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            f"belongs to {first['beside']}" if len(group) == 1 else "belong to the shapefiles",
        ]
        return row_of([name, *cells])
    if "error" in first:
        return row_of([name, first.get("adapter", ""), *[""] * 8, "; ".join([first["error"][:200], *wrong])])
    kinds = ", ".join(f"{count} {kind}" for kind, count in first["fields"].items())
    counts = [row["rows"] for row in group if row["rows"] is not None]
    rows = "" if not counts else str(counts[0]) if min(counts) == max(counts) else f"{min(counts)}–{max(counts)}"
    place = " ".join(
        [short_crs(first["crs"]), *(f"({key})" for key in first["place"] if key not in ("crs", "columns"))]
    )
    return row_of([
        name, first["adapter"], rows, kinds, few(first["doubted"]), few(first["key"]), ", ".join(first["official"]),
        ", ".join(first["units"]), few(first["personal"]), place.strip(), "; ".join([*wrong, *sorted(set(first["wrong"]))]),
    ])  # fmt: skip


def short_crs(crs: str) -> str:
    found = re.match(r'[A-Z]+\["([^"]+)"', crs)
    return f"{found[1]} (own definition)" if found else crs


def few(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def row_of(cells: list[str]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


if __name__ == "__main__":
    main()
