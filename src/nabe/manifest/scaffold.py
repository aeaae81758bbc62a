"""A new workspace: a few commented files to begin with."""

from __future__ import annotations

import json
import re
from pathlib import Path

from nabe.errors import Conflict, Invalid
from nabe.manifest.basics import ID

_CITY = """\
# Die Stadt und diese Nabe. Jede Einstellung unter `server` gibt es auch als Umgebungsvariable NABE_….
kind: city
id: {id}
title:
  de: {title}
ags: "{ags}"          # amtlicher Gemeindeschlüssel, 8 Ziffern
land: "{land}"             # Bundesland nach ISO 3166-2, z. B. NW
base_uri: http://localhost:8080
# allow_hosts: [intern.example]   # Rechner in privaten Netzen, die Quellen nennen dürfen
# server:
#   port: 8080
#   storage: postgresql://nabe:${{NABE_DB_PASSWORD}}@db/nabe
#   mqtt: {{port: 1883}}             # oder: mqtt: off
"""

_ORGANISATION = """\
# Organisationen des „Konzerns Stadt“ als Baum; type: municipality, department, owned_enterprise,
# municipal_company, partner, other_municipality.
kind: organisation
id: {id}
title:
  de: {title}
type: municipality
"""

_USECASE = """\
# Ein Anwendungsfall ist der Zweck, für den nicht offene Daten gelesen werden dürfen. Solange er ein Entwurf ist
# (state: draft), liest niemand etwas damit. Freigaben (grants) zählen, wenn die Daten-Owner sie erteilt haben.
kind: usecase
id: beispiel
title:
  de: Beispiel für einen Anwendungsfall
  en: Example of a use case
purpose:
  de: Wofür werden die Daten gebraucht? Ein Satz, den Bürgerinnen und Bürger verstehen.
owner: {id}
legal_basis: ""
state: draft
members: []
# members:
#   - person: erika.mustermann
#   - role: employee
#     organisation: {id}
grants: []
# grants:
#   - dataset: sozialhilfe_faelle
#     columns: [stadtteil]
#     min_group: 5
"""

#: State and secrets stay out of git.
_IGNORED = (".nabe/", "*.secret", ".env")


def init(root: Path, id: str, title: str, ags: str = "", land: str = "") -> list[Path]:
    """Write the first files. `Conflict` if there is a workspace already; other files that are there stay as they are."""
    _must_fit(id, ags, land)
    if (root / "nabe.yaml").exists():
        raise Conflict(f"{root} is a workspace already.", hint="`nabe check` says how it is.")
    quoted = json.dumps(" ".join(title.split()), ensure_ascii=False)  # a JSON string is a YAML string
    values = {"id": id, "title": quoted, "ags": ags, "land": land}
    texts = {
        f"organisations/{id}.yaml": _ORGANISATION.format(**values),
        "usecases/beispiel/usecase.yaml": _USECASE.format(**values),
        "nabe.yaml": _CITY.format(**values),
    }
    for folder in ("systems", "datasets", "vocabulary"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    written = [path for name, text in texts.items() if (path := _new(root / name, text)) is not None]
    ignored = root / ".gitignore"
    there = ignored.read_text("utf-8") if ignored.exists() else ""
    if missing := [line for line in _IGNORED if line not in there.splitlines()]:
        separator = "" if not there or there.endswith("\n") else "\n"
        ignored.write_text(there + separator + "\n".join(missing) + "\n", "utf-8")
        written.append(ignored)
    return written


def _must_fit(id: str, ags: str, land: str) -> None:
    for field, value, pattern, words in (
        ("id", id, ID, "lower-case letters, digits, - and _, a letter first"),
        ("ags", ags, r"(\d{8})?", "8 digits"),
        ("land", land, r"([A-Z]{2})?", "two capital letters, e.g. NW"),
    ):
        if not re.fullmatch(pattern, value):
            raise Invalid(f"{field}: {value!r} does not fit.", hint=f"Expected: {words}.", field=field)


def _new(path: Path, text: str) -> Path | None:
    if path.exists():
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path
