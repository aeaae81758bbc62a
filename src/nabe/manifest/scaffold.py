"""A new workspace: a few commented files to begin with."""

from __future__ import annotations

from pathlib import Path

from nabe.errors import Conflict, Invalid
from nabe.manifest.documents import ID

_CITY = """\
# Die Stadt und diese Nabe. Jede Einstellung unter `server` gibt es auch als Umgebungsvariable NABE_….
kind: city
id: {id}
title:
  de: "{title}"
ags: "{ags}"          # amtlicher Gemeindeschlüssel, 8 Ziffern
land: "{land}"             # Bundesland nach ISO 3166-2, z. B. NW
base_uri: http://localhost:8080
# allow_hosts: [intern.example]   # Rechner in privaten Netzen, die Quellen nennen dürfen
# server:
#   port: 8080
#   storage: postgresql://nabe:${{NABE_DB_PASSWORD}}@db/nabe
"""

_ORGANISATION = """\
# Organisationen des „Konzerns Stadt“ als Baum; type: municipality, department, owned_enterprise,
# municipal_company, partner, other_municipality.
kind: organisation
id: {id}
title:
  de: "{title}"
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

_IGNORED = ".nabe/\n*.secret\n"


def init(root: Path, id: str, title: str, ags: str = "", land: str = "") -> list[Path]:
    """Write the first files. `Conflict` if there is a workspace already."""
    import re

    if not re.fullmatch(ID, id):
        raise Invalid(f"{id!r} is no id: lower-case letters, digits, - and _.", field="id")
    if (root / "nabe.yaml").exists():
        raise Conflict(f"{root} is a workspace already.", hint="`nabe check` says how it is.")
    values = {"id": id, "title": title.replace('"', "'"), "ags": ags, "land": land}
    texts = {
        "nabe.yaml": _CITY.format(**values),
        f"organisations/{id}.yaml": _ORGANISATION.format(**values),
        "usecases/beispiel/usecase.yaml": _USECASE.format(**values),
        ".gitignore": _IGNORED,
    }
    for folder in ("systems", "datasets", "vocabulary"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        written.append(path)
    return written
