"""Results of single tests of any suite, and how they are summed up and written down."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

OUTCOMES = ("passed", "failed", "skipped")


@dataclass(frozen=True)
class Result:
    """One test: `group` is its class or level, `outcome` one of `OUTCOMES`, `message` why it did not pass."""

    suite: str
    group: str
    test: str
    outcome: str
    message: str = ""
    seconds: float = 0.0


def from_testng(report: Path, suite: str) -> list[Result]:
    """Tests (not set-up methods) of a testng-results.xml."""
    names = {"PASS": "passed", "FAIL": "failed", "SKIP": "skipped"}
    found = []
    for group in ET.parse(report).iter("class"):
        for method in group.iter("test-method"):
            if method.get("is-config") == "true":
                continue
            found.append(
                Result(
                    suite,
                    (group.get("name") or "").rpartition(".")[2],
                    method.get("name") or "",
                    names.get(method.get("status") or "", "failed"),
                    _short(method.findtext(".//message") or ""),
                    int(method.get("duration-ms") or 0) / 1000,
                )
            )
    return found


def from_junit(report: Path, suite: str) -> list[Result]:
    """Tests of a JUnit XML report."""
    found = []
    for case in ET.parse(report).iter("testcase"):
        bad = case.find("failure") if case.find("failure") is not None else case.find("error")
        skipped = case.find("skipped")
        why = bad if bad is not None else skipped
        found.append(
            Result(
                suite,
                (case.get("classname") or "").rpartition(".")[2],
                (case.get("name") or "").removesuffix("()"),
                "failed" if bad is not None else "skipped" if skipped is not None else "passed",
                "" if why is None else _short(why.get("message") or why.text or ""),
                float(case.get("time") or 0),
            )
        )
    return found


def counts(results: Iterable[Result]) -> dict[str, int]:
    """How many passed, failed and were skipped."""
    counted = Counter(result.outcome for result in results)
    return {outcome: counted[outcome] for outcome in OUTCOMES}


def table(results: Sequence[Result]) -> str:
    """A Markdown table by group, then each test that did not pass."""
    lines = ["| tests | passed | failed | skipped |", "|---|---|---|---|"]
    for group in sorted({result.group for result in results}):
        counted = counts(result for result in results if result.group == group)
        lines.append(f"| {group} | {counted['passed']} | {counted['failed']} | {counted['skipped']} |")
    total = counts(results)
    lines.append(f"| **all** | **{total['passed']}** | **{total['failed']}** | **{total['skipped']}** |")
    bad = [result for result in results if result.outcome != "passed"]
    lines += ["", *(f"- {result.outcome} {result.group}.{result.test}: {result.message}" for result in bad)]
    return "\n".join(lines).strip()


def write(results: Sequence[Result], path: Path) -> None:
    """All results as JSON."""
    path.write_text(json.dumps([asdict(result) for result in results], indent=1, ensure_ascii=False), "utf-8")


def _short(text: str) -> str:
    return " ".join(text.split())[:400]
