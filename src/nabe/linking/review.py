"""The review list: what the machine was not sure of, for a person to decide, and what was decided."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from nabe.errors import Invalid
from nabe.linking.matching import Link, Outcome
from nabe.linking.names import normalised
from nabe.linking.register import Register

_COLUMNS = ("name", "postcode", "district", "number", "decision", "candidates")
#: What a person writes who is sure that the register has no such street.
NONE = "-"


def read_review(path: Path, register: Register) -> dict[tuple[str, str, str], str]:
    """Decisions by (normalised name, postcode, district): a key of the register, or `-` for none.

    Lines without a decision are skipped. `Invalid` names the line and what would be right.
    """
    if not path.exists():
        return {}
    known = {entry.key for entry in register.entries}
    made: dict[tuple[str, str, str], str] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.DictReader(file, delimiter=";")
        missing = [name for name in ("name", "decision") if name not in (lines.fieldnames or ())]
        if missing:
            raise Invalid(
                f"{path.name} has no column {missing[0]!r}.", hint=f"Columns: {'; '.join(_COLUMNS)}.", file=path.name
            )
        for number, line in enumerate(lines, 2):
            decision = (line["decision"] or "").strip()
            if not decision:
                continue
            if decision != NONE and decision not in known:
                raise Invalid(
                    f"{path.name}, line {number}: the register has no key {decision[:40]!r}.",
                    hint="A key of the register, or - if it has no such street.",
                    file=path.name,
                    line=number,
                )
            made[(normalised(line["name"] or ""), line.get("postcode") or "", line.get("district") or "")] = decision
    return made


def write_review(
    path: Path, links: Iterable[Link], register: Register, decided: Mapping[tuple[str, str, str], str]
) -> int:
    """Write what is unsure, each case once, with its candidates; decisions made before stay. How many are open."""
    rows: dict[tuple[str, str, str], dict[str, str]] = {}
    for link in links:
        record = link.record
        case = (normalised(record.name), record.postcode, record.district)
        if case in rows or (link.outcome is not Outcome.UNSURE and case not in decided):
            continue
        shown = [f"{candidate.key} {candidate.name} ({candidate.score:.0f})" for candidate in link.candidates]
        rows[case] = {
            "name": record.name,
            "postcode": record.postcode,
            "district": record.district,
            "number": str(record.number or ""),
            "decision": decided.get(case, ""),
            "candidates": " | ".join(shown),
        }
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS, delimiter=";")
        writer.writeheader()
        writer.writerows(rows.values())
    draft.replace(path)
    return sum(1 for row in rows.values() if not row["decision"])
