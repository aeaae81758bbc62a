"""A new adapter as a Python package of its own, made of the templates beside this file."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from nabe import __version__
from nabe.app import adapter_entries
from nabe.errors import Conflict, Invalid

_TEMPLATES = Path(__file__).with_name("adapter_templates")
_ENDING = ".tmpl"


def kinds() -> list[str]:
    """How silos of a new adapter may be reached."""
    return sorted(path.name for path in _TEMPLATES.iterdir() if path.is_dir() and path.name != "common")


def write(name: str, folder: Path, kind: str) -> list[Path]:
    """Write the package. `Invalid` if name or kind does not fit, `Conflict` if something is in the folder."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,30}", name) or name.endswith("_") or keyword.iskeyword(name):
        hint = "Lower-case letters, digits and _, a letter first, 2 to 31 signs: ical, sap_rfc."
        raise Invalid(f"{name!r} is no id for an adapter.", hint=hint, field="NAME")
    taken = next((entry for entry in adapter_entries() if entry.name == name), None)
    if taken is not None:
        raise Conflict(f"An adapter {name!r} is installed already ({taken.value}).", hint="Take another name.")
    if kind not in kinds():
        raise Invalid(f"There is no kind {kind!r}.", hint=f"Kinds: {', '.join(kinds())}.", field="--kind")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Conflict(f"{folder} is there already.", hint="--dir names another folder.")
    values = {
        "name": name,
        "dist": f"nabe-adapter-{name.replace('_', '-')}",
        "package": f"nabe_adapter_{name}",
        "Class": "".join(part.capitalize() for part in name.split("_")),
        "title": name.replace("_", " ").capitalize(),
        "kind": kind,
        "nabe": __version__,
    }
    written = []
    for base in (_TEMPLATES / "common", _TEMPLATES / kind):
        for template in sorted(path for path in base.rglob(f"*{_ENDING}") if path.is_file()):
            way = template.relative_to(base).as_posix().removesuffix(_ENDING)
            path = folder / _filled(way, values)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_filled(template.read_text("utf-8"), values), "utf-8")
            written.append(path)
    return written


def _filled(text: str, values: dict[str, str]) -> str:
    """`@@name@@` by its value: signs that neither Python nor YAML, TOML or Markdown use."""
    return re.sub(r"@@(\w+)@@", lambda found: values[found[1]], text)
