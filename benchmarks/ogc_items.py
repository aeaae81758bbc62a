"""OGC API items of 100,000 points: Nabe and pygeoapi over the same GeoPackage, one worker each, in one run.

Target: at least 5 x the requests per second of pygeoapi, at a lower p95. Needs wrk and libsqlite3-mod-spatialite
(`apt-get install wrk libsqlite3-mod-spatialite`) and a Python with pygeoapi and gunicorn (`--pygeoapi-python`):

    uv venv /tmp/pg --python /usr/bin/python3 && uv pip install -p /tmp/pg/bin/python pygeoapi gunicorn
    python benchmarks/ogc_items.py --pygeoapi-python /tmp/pg/bin/python
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyogrio
import shapely

POINTS = 100_000
#: Queries as Lua, so that boxes and values differ from request to request.
REQUESTS = {
    "limit=10": "'limit=10'",
    "limit=1000": "'limit=1000'",
    "bbox": "string.format('limit=10&bbox=%.3f,%.3f,%.3f,%.3f', x, y, x + 0.01, y + 0.01)",
    "property": "'limit=10&kind=k' .. math.random(0, 49)",
    "offset": "'limit=10&offset=' .. math.random(0, 99990)",
}
LUA = """
request = function()
  local x, y = 9.8 + math.random() * 0.19, 51.4 + math.random() * 0.19
  return wrk.format(nil, wrk.path .. '?f=json&' .. {query})
end
done = function(s, l, r) io.write(string.format('P95 %.3f ERR %d\\n', l:percentile(95) / 1000, s.errors.status)) end
"""


def make_points(path: Path) -> None:
    """Points of a city with a few attributes."""
    rng = random.Random(1)
    shapes = shapely.points([(9.8 + rng.random() * 0.2, 51.4 + rng.random() * 0.2) for _ in range(POINTS)])
    table = pa.table(
        {
            "id": pa.array(range(POINTS), pa.int64()),
            "name": [f"Punkt {number}" for number in range(POINTS)],
            "kind": [f"k{rng.randrange(50)}" for _ in range(POINTS)],
            "value": [round(rng.random() * 1000, 2) for _ in range(POINTS)],
            "geometry": pa.array(shapely.to_wkb(shapes).tolist(), pa.binary()),
        }
    )
    pyogrio.write_arrow(
        table, path, layer="points", driver="GPKG", geometry_name="geometry", geometry_type="Point", crs="EPSG:4326"
    )


def free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def served(command: list[str], url: str, cwd: Path, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    log = (cwd / "server.log").open("ab")
    process = subprocess.Popen(command, cwd=cwd, env=os.environ | env, stdout=log, stderr=log)
    try:
        for _ in range(300):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(url, timeout=20).read()
                break
            if process.poll() is not None:
                raise SystemExit((cwd / "server.log").read_text()[-3000:])
            time.sleep(0.2)
        yield process
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def nabe(folder: Path, data: Path) -> Iterator[str]:
    """Nabe over the file, open to all."""
    port = free_port()
    for name in ("systems", "datasets", "organisations"):
        (folder / name).mkdir(parents=True)
    (folder / "nabe.yaml").write_text("kind: city\nid: bench\ntitle: Bench\n")
    (folder / "organisations/a.yaml").write_text("id: a\ntitle: A\ntype: municipality\n")
    (folder / "systems/f.yaml").write_text(
        f"id: f\ntitle: F\nadapter: file\nowner: a\nconnection: {{location: {data.parent}}}\n"
    )
    (folder / "datasets/points.yaml").write_text(
        "id: points\ntitle: P\nowner: a\nsystem: f\naccess: open\nkey: [id]\n"
        f"source: {{path: {data.name}, layer: points}}\nfields:\n"
        "  - {name: id, type: integer}\n  - {name: name, type: string}\n  - {name: kind, type: string}\n"
        "  - {name: value, type: number}\n  - {name: geometry, type: geometry}\n"
    )
    command = [sys.executable, "-m", "nabe.cli"]
    subprocess.run([*command, "apply", "--yes", "-w", str(folder)], check=True, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/ogc/collections/points/items"
    with served(
        [*command, "serve", "--port", str(port), "-w", str(folder)],
        url + "?limit=1",
        folder,
        {"NABE_LOG_LEVEL": "warning"},
    ):
        yield url


@contextlib.contextmanager
def pygeoapi(folder: Path, data: Path, python: str) -> Iterator[str]:
    """pygeoapi with its SQLite/GeoPackage provider under gunicorn."""
    port = free_port()
    folder.mkdir()
    config = folder / "config.yml"
    config.write_text(PYGEOAPI.format(port=port, data=data))
    env = {"PYGEOAPI_CONFIG": str(config), "PYGEOAPI_OPENAPI": str(folder / "openapi.yml")}
    made = subprocess.run(
        [python, "-m", "pygeoapi", "openapi", "generate", str(config), "--output-file", env["PYGEOAPI_OPENAPI"]],
        env=os.environ | env,
        capture_output=True,
    )
    if made.returncode:
        cli = str(Path(python).with_name("pygeoapi"))
        subprocess.run(
            [cli, "openapi", "generate", str(config), "--output-file", env["PYGEOAPI_OPENAPI"]],
            env=os.environ | env,
            check=True,
        )
    gunicorn = str(Path(python).with_name("gunicorn"))
    command = [gunicorn, "--workers", "1", "--threads", "4", "--bind", f"127.0.0.1:{port}", "pygeoapi.flask_app:APP"]
    url = f"http://127.0.0.1:{port}/collections/points/items"
    with served(command, url + "?limit=1", folder, env):
        yield url


def load(url: str, query: str, seconds: int) -> tuple[float, float, int]:
    """Requests per second, p95 in ms, errors; 8 connections."""
    script = Path(tempfile.gettempdir()) / f"nabe-wrk-{os.getpid()}.lua"
    script.write_text(LUA.replace("{query}", query))
    command = ["wrk", "-t1", "-c8", f"-d{seconds}s", "--timeout", "30s", "-s", str(script), url]
    try:
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    finally:
        script.unlink()
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])  # type: ignore[index]
    p95, errors = re.search(r"P95 ([\d.]+) ERR (\d+)", text).groups()  # type: ignore[union-attr]
    return rate, float(p95), int(errors)


def warm_load(url: str, query: str, seconds: int) -> tuple[float, float, int]:
    """As `load`, right after a second of the same: while one server is asked the other's memory may be put aside."""
    load(url, query, 1)
    return load(url, query, seconds)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pygeoapi-python", required=True)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = folder / "points.gpkg"
        make_points(data)
        with nabe(folder / "nabe", data) as ours, pygeoapi(folder / "pygeoapi", data, given.pygeoapi_python) as theirs:
            print(f"{'request':15} {'Nabe/s':>9} {'p95 ms':>8} {'pygeoapi/s':>11} {'p95 ms':>8} {'ratio':>7}")
            for label, query in REQUESTS.items():
                pairs = [
                    (warm_load(ours, query, given.seconds), warm_load(theirs, query, given.seconds))
                    for _ in range(given.rounds)
                ]
                a, b = (np.median([pair[side][:2] for pair in pairs], axis=0) for side in (0, 1))
                errors = [sum(pair[side][2] for pair in pairs) for side in (0, 1)]
                note = f"   errors: Nabe {errors[0]}, pygeoapi {errors[1]}" if any(errors) else ""
                print(
                    f"{label:15} {a[0]:9.1f} {a[1]:8.1f} {b[0]:11.1f} {b[1]:8.1f} {a[0] / b[0]:6.1f}x{note}", flush=True
                )


PYGEOAPI = """\
server:
  bind: {{host: 127.0.0.1, port: {port}}}
  url: http://127.0.0.1:{port}
  mimetype: application/json; charset=UTF-8
  encoding: utf-8
  gzip: false
  languages: [en-US]
  pretty_print: false
  limits: {{default_items: 10, max_items: 10000}}
  map: {{url: "https://example.org/", attribution: none}}
logging: {{level: ERROR}}
metadata:
  identification:
    title: bench
    description: bench
    keywords: [bench]
    keywords_type: theme
    terms_of_service: none
    url: http://example.org
  license: {{name: none, url: http://example.org}}
  provider: {{name: none, url: http://example.org}}
  contact: {{name: none, email: none@example.org}}
resources:
  points:
    type: collection
    title: points
    description: points
    keywords: [points]
    links: []
    extents: {{spatial: {{bbox: [9, 51, 10, 52], crs: http://www.opengis.net/def/crs/OGC/1.3/CRS84}}}}
    providers:
      - type: feature
        name: SQLiteGPKG
        data: {data}
        id_field: fid
        table: points
"""

if __name__ == "__main__":
    main()
