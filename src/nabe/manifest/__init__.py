"""The city's declarations: a folder of YAML documents <-> nouns, with checks, differences and JSON Schemas."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nabe.manifest.adapter_settings import Setting, given_settings, models_of, settings_in, with_adapters
from nabe.manifest.basics import DATASET_ID
from nabe.manifest.changes import changed_fields, consents, difference, with_consents
from nabe.manifest.checks import check_snapshot
from nabe.manifest.documents import json_schemas
from nabe.manifest.loading import Loaded, load, no_workspace
from nabe.manifest.problems import Problem, Severity
from nabe.manifest.reading import read
from nabe.manifest.scaffold import init
from nabe.manifest.secrets import clear_secrets
from nabe.manifest.updating import Updated, update
from nabe.manifest.writing import document, write

__all__ = [
    "DATASET_ID",
    "Loaded",
    "Problem",
    "Setting",
    "Severity",
    "Updated",
    "changed_fields",
    "check_snapshot",
    "clear_secrets",
    "consents",
    "difference",
    "document",
    "given_settings",
    "init",
    "json_schemas",
    "load",
    "models_of",
    "server_block",
    "settings_in",
    "update",
    "with_adapters",
    "with_consents",
    "write",
]


def server_block(root: Path) -> Mapping[str, Any]:
    """The settings in nabe.yaml; empty if there are none or the file cannot be read (`check` says why)."""
    if not (root / "nabe.yaml").is_file():
        raise no_workspace(root)
    raws, _ = read(root / "nabe.yaml", root)
    server = raws[0].data.get("server", {}) if raws else {}
    return server if isinstance(server, Mapping) else {}
