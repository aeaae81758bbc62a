"""FROST-Server's own tests of SensorThings 1.1 against any server: our classes stand before the suite's own that start one.

They delete all data of the server. Its authorisation tests and the tests of FROST's own extensions (`f…`) are left out.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from . import artefacts
from .results import Result, from_junit

#: Test classes for version 1.1: of releases since 2.1, of 2.0, and those of MQTT that know one version only.
_OF_1_1 = re.compile(r"statests/c0\d\w+/(\w+Tests11|\w+Tests\$Implementation11|Mqtt\w+Tests)\.class$")
#: Seconds that the suite waits for messages.
SILENCE = 30
#: What these sets of tests are about, by the folder they lie in.
GROUPS = {
    "core": "c01sensingcore",
    "write": "c02cud",
    "filter": "c03filtering",
    "batch": "c04batch",
    "multi": "c05multidatastream",
    "array": "c06dataarrays",
    "mqtt-create": "c07mqttcreate",
    "mqtt-subscribe": "c08mqttsubscribe",
}


def classes(groups: Sequence[str] = ()) -> list[str]:
    """Names of the test classes of these groups (all)."""
    folders = [GROUPS[group] for group in groups] or list(GROUPS.values())
    with zipfile.ZipFile(artefacts.frost_tests()) as archive:
        names = [name for name in archive.namelist() if _OF_1_1.search(name)]
    return sorted(name.removesuffix(".class").replace("/", ".") for name in names if any(f in name for f in folders))


def run(
    base: str,
    mqtt: tuple[str, int] | None = None,
    *,
    groups: Sequence[str] = (),
    only: Sequence[str] = (),
    without: str = "",
    settle: int = 0,
    seconds: int = 2400,
) -> list[Result]:
    """The tests against `base` (the root without `/v1.1`).

    `only`: class names as of `classes()`, if need be with `#method`; `without`: "tasking", "multidatastream" or both, to be
    taken as absent; `settle`: milliseconds after which a subscription counts as live.
    """
    tests = artefacts.frost_tests()
    server = artefacts.frost_war() / "WEB-INF" / "lib"
    needed = artefacts.with_dependencies(artefacts.TESTS)
    libraries = [tests, f"{needed}/*", f"{server}/*"]
    compile_path = [tests, *sorted(needed.glob("*.jar")), *sorted(server.glob("*.jar"))]
    ours = artefacts.compiled(["TestSuite.java", "MqttManager.java"], compile_path)
    wanted = list(only) or classes(groups)
    with tempfile.TemporaryDirectory(prefix="nabe-frost-tests-") as name:
        work = Path(name)
        _resources(tests, work / "src" / "test" / "resources")
        address = f"tcp://{mqtt[0]}:{mqtt[1]}" if mqtt else "tcp://127.0.0.1:1"
        command = [
            artefacts.tool("java"),
            f"-Dsta.base={base}",
            f"-Dsta.mqtt={address}",
            f"-Dsta.without={without}",
            f"-Dsta.settle={settle}",
            *("-cp", artefacts.joined([ours, *libraries]), "org.junit.platform.console.ConsoleLauncher", "execute"),
            *("--disable-banner", "--details=none", f"--reports-dir={work}"),
            *(f"--select-method={name}" if "#" in name else f"--select-class={name}" for name in wanted),
        ]
        done = subprocess.run(
            command, cwd=work, capture_output=True, text=True, timeout=seconds, errors="replace", check=False
        )
        report = work / "TEST-junit-jupiter.xml"
        if not report.exists():
            raise RuntimeError("The suite left no report: " + (done.stderr + done.stdout)[-1500:])
        return [_noticed(result) for result in from_junit(report, "FROST-Server.Tests")]


def _noticed(result: Result) -> Result:
    """The suite waits for messages, but where it expects JSON it does not notice if none came; only its waiting tells."""
    if result.group.startswith("Mqtt") and result.outcome == "passed" and result.seconds >= SILENCE:
        return replace(result, outcome="failed", message="no message came, which the suite itself does not notice")
    return result


def _resources(tests: Path, folder: Path) -> None:
    """The suite reads what it posts first from files below the working folder; they lie in its archive."""
    folder.mkdir(parents=True)
    with zipfile.ZipFile(tests) as archive:
        for name in archive.namelist():
            if "/" not in name and name.endswith(".json"):
                archive.extract(name, folder)
