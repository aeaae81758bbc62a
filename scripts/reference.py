"""Write docs/reference/policies.md from the policies' docstrings and the cases in tests/governance/cases.

`python scripts/reference.py` writes, `--check` only says whether the page is up to date (a test does).
"""

from __future__ import annotations

import inspect
import sys
import tomllib
from pathlib import Path

from nabe.governance.policies import POLICIES

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "policies.md"
CASES = ROOT / "tests" / "governance" / "cases"


def page() -> str:
    """The whole page as Markdown."""
    lines = ["# Policies", "", "Made by `scripts/reference.py` from the policies and their cases; do not edit.", ""]
    for action, policies in POLICIES.items():
        lines += [f"## {action.value}", ""]
        for policy in policies:
            module = inspect.getdoc(inspect.getmodule(policy)) or ""
            lines += [f"### {policy.__name__}", "", module, "", inspect.getdoc(policy) or "", ""]
    lines += [
        "## Cases",
        "",
        "Who asks what, and what comes out. The city in which they play: `tests/governance/cases/world.toml`.",
        "",
    ]
    lines += ["| case | asks | comes out | because |", "|---|---|---|---|"]
    for path in sorted(CASES.glob("*.toml")):
        for case in tomllib.loads(path.read_text("utf-8")).get("case", []):
            asks, expects = case["asks"], case["expects"]
            words = [asks["actor"], asks.get("action", "read"), asks.get("dataset", ""), asks.get("use_case", "")]
            result = "permitted" if expects["permit"] else "denied"
            lines.append(
                f"| {case['title']} | {' · '.join(word for word in words if word)} | {result} | {', '.join(expects['because'])} |"
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write or check."""
    if "--check" in sys.argv:
        sys.exit(0 if PAGE.exists() and PAGE.read_text("utf-8") == page() else f"{PAGE} is out of date")
    PAGE.write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
