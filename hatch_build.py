"""Build hook: a wheel holds the portal's front-end files, also when it is built from a fresh clone."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Assets(BuildHookInterface):  # type: ignore[type-arg]
    """Runs `scripts/assets.py` before a wheel is packed; an editable install gets its files from `make setup`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling; `version` is `standard` or `editable`."""
        if self.target_name != "wheel" or version == "editable":
            return
        path = Path(self.root) / "scripts" / "assets.py"
        spec = importlib.util.spec_from_file_location("nabe_assets", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.main(Path(self.root))
