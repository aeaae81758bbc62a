"""Write docs/reference: policies.md from the policies' docstrings and the cases in tests/governance/cases, adapters.md
from the settings of the built-in adapters.

`python scripts/reference.py` writes, `--check` only says whether the pages are up to date (a test does).
"""

from __future__ import annotations

import inspect
import sys
import tomllib
from pathlib import Path

from nabe.app import adapter_entries
from nabe.governance.policies import POLICIES
from nabe.manifest import Setting, models_of, settings_in
from nabe.testing.adapter_rules import manifest_of

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "reference"
CASES = ROOT / "tests" / "governance" / "cases"


def policies_page() -> str:
    """The policies as Markdown."""
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


def adapters_page() -> str:
    """Every setting of the built-in adapters as Markdown."""
    lines = [
        "# Settings of the adapters",
        "",
        "Made by `scripts/reference.py` from the adapters' settings; do not edit. `connection` stands in a system's document,",
        "`source` in a dataset's. `nabe adapter settings ID` prints the same for every installed adapter, `nabe schema` as JSON",
        "Schema. `NAME` is the name of a column or field.",
        "",
    ]
    for entry in adapter_entries():
        if not entry.value.startswith("nabe.adapters."):
            continue
        title = manifest_of(entry)["title"]["en"]
        guide = f"../guides/adapters-{entry.name.replace('_', '-')}.md"
        lines += [f"## {entry.name}", "", f"{title}. [Guide]({guide})", ""]
        for where, model in zip(("connection", "source"), models_of(entry.load()()), strict=True):
            lines += [f"### {entry.name}: `{where}`", "", "| setting | type | default | |", "|---|---|---|---|"]
            lines += [_line(item) for item in settings_in(model)] if model is not None else []
            lines.append("")
    return "\n".join(lines)


def _line(item: Setting) -> str:
    default = "needed" if item.required else f"`{item.default}`" if item.default else ""
    cells = (f"`{item.name}`", item.type, default, item.description)
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


PAGES = {"policies.md": policies_page, "adapters.md": adapters_page}


def main() -> None:
    """Write or check."""
    late = []
    for name, page in PAGES.items():
        path = FOLDER / name
        if "--check" not in sys.argv:
            path.write_text(page(), "utf-8")
        elif not path.exists() or path.read_text("utf-8") != page():
            late.append(str(path.relative_to(ROOT)))
    if late:
        sys.exit(f"out of date, `python scripts/reference.py` writes anew: {', '.join(late)}")


if __name__ == "__main__":
    main()
