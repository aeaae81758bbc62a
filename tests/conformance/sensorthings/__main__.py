"""Run a suite by hand and print its results as Markdown.

python -m tests.conformance.sensorthings ets --root http://127.0.0.1:8080/sta/v1.1
python -m tests.conformance.sensorthings frost --frost
python -m tests.conformance.sensorthings differential --root …   (against FROST)
"""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path

from . import differential, ets, frost_tests, results
from .frost import Frost
from .targets import Target, address


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser("python -m tests.conformance.sensorthings", description=__doc__)
    parser.add_argument("suite", choices=("ets", "ets-lenient", "frost", "differential"))
    parser.add_argument("--root", help="root URL, with version")
    parser.add_argument("--mqtt", default="", help="host:port")
    parser.add_argument("--frost", action="store_true", help="start FROST and test it instead")
    parser.add_argument("--tasking", action="store_true", help="start FROST with Tasking")
    parser.add_argument("--without", default="", help="tasking, multidatastream: take these as absent")
    parser.add_argument("--level", type=int, default=3, help="of ets")
    parser.add_argument("--group", action="append", default=[], help="of frost or differential; may be repeated")
    parser.add_argument("--only", action="append", default=[], help="one test class of frost, or class#method")
    parser.add_argument("--settle", type=int, default=0, help="milliseconds until an MQTT subscription counts as live")
    parser.add_argument("--json", type=Path, help="write all results there")
    chosen = parser.parse_args()
    if not chosen.frost and not chosen.root:
        parser.error("--root or --frost")
    with contextlib.ExitStack() as stack:
        if chosen.frost:
            frost = stack.enter_context(Frost(tasking=chosen.tasking))
            target = Target(frost.root, frost.mqtt, chosen.without, chosen.settle or 200)
        else:
            target = Target(chosen.root.rstrip("/"), address(chosen.mqtt), chosen.without, chosen.settle)
        if chosen.suite == "differential":
            oracle = stack.enter_context(Frost())
            print(differential.table(differential.compare(oracle.root, target.root, groups=chosen.group)))
            return
        if chosen.suite == "frost":
            found = frost_tests.run(
                target.base,
                target.mqtt,
                groups=chosen.group,
                only=chosen.only,
                without=target.without,
                settle=target.settle,
            )
        else:
            ets.seed(target.root)
            found = ets.run(target.root, level=chosen.level, lenient=chosen.suite == "ets-lenient")
    print(results.table(found))
    if chosen.json:
        results.write(found, chosen.json)


if __name__ == "__main__":
    main()
