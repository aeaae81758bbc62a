"""What is expected of an adapter, checked without a silo: files, manifest, quality sheet, settings, capabilities, guide.

`nabe adapter check ID` prints the findings; an adapter's own tests assert that there are none.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import pkgutil
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml
from pydantic import BaseModel
from sqlglot import Dialect

from nabe.app import adapter_entries
from nabe.manifest import models_of, settings_in
from nabe.ports.source import Capabilities

#: Rules that the quality sheet of every adapter answers; each: done, todo, or exempt with the reason.
REQUIRED_RULES: dict[str, str] = {
    "conformance": "a test class inherits nabe.testing.source_conformance.SourceConformance",
    "outage_test": "a silo that is gone, hangs, breaks off or answers nonsense ends in SourceUnavailable or SourceRefused",
    "recorded_payloads": "real answers or files of a silo, kept with the tests, are read to asserted values",
    "bounded_memory": "what is held of a large answer is limited; the note says to what",
    "time_out": "every wait keeps to limits.timeout_s",
    "secrets": "only references are accepted; none is in an error or log",
}
#: Rules that are asked where they apply.
OTHER_RULES: dict[str, str] = {
    "private_networks": "addresses are judged by nabe.outbound, redirects included",
    "push_down": "what the silo filters itself, and what is promised of it",
    "connect": "nabe connect finds tables, columns and types",
    "stale_answers": "what is delivered while the silo is down",
    "read_only": "nothing is ever written into the silo",
    "endless_paging": "an answer that never ends is ended",
    "no_values_in_errors": "errors name places and settings, not data",
}
_STATES = ("done", "todo", "exempt")
_FILES = ("__init__.py", "manifest.toml", "quality.yaml")
_METHODS = ("open", "check_system", "check_dataset", "sniff", "probe")
_RISKS = ("none", "low", "medium", "high")
_FORBIDDEN = re.compile(r"nabe\.(hub|web|apis|portal|stores|governance|manifest|profile|cli|app|config)\b")
_CHECKOUT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Finding:
    """`rule` and what is wrong, with what would be right. A `remark` is worth a look and fails nothing."""

    rule: str
    message: str
    remark: bool = False

    def __str__(self) -> str:
        return f"{self.rule}: {self.message}"


def entry_of(id: str) -> EntryPoint | None:
    """The entry point of an installed adapter."""
    return next((entry for entry in adapter_entries() if entry.name == id), None)


def folder_of(entry: EntryPoint) -> Path | None:
    """The folder of the adapter's package: where its manifest stands, upwards from the module of the entry point."""
    name = entry.module
    while name:
        try:
            module = importlib.import_module(name)
        except Exception:
            return None
        for place in getattr(module, "__path__", ()):
            if (Path(place) / "manifest.toml").is_file():
                return Path(place)
        name = name.rpartition(".")[0]
    return None


def manifest_of(entry: EntryPoint) -> dict[str, Any]:
    """What the adapter's manifest says; empty if it cannot be read."""
    folder = folder_of(entry)
    try:
        return tomllib.loads((folder / "manifest.toml").read_text("utf-8")) if folder else {}
    except (OSError, ValueError):
        return {}


def findings(id: str, checkout: Path = _CHECKOUT) -> list[Finding]:
    """Everything that is wrong with the installed adapter `id`. `checkout`: where docs and tests of Nabe are, if they are."""
    entry = entry_of(id)
    if entry is None:
        known = ", ".join(item.name for item in adapter_entries())
        return [
            Finding("entry point", f"no adapter {id!r} is installed in the group nabe.adapters; there are: {known}")
        ]
    try:
        adapter = entry.load()()
    except Exception as error:
        return [Finding("entry point", f"{entry.value} cannot be loaded: {type(error).__name__}: {error}")]
    folder = folder_of(entry)
    found = list(_adapter(entry, adapter))
    if folder is None:
        return [*found, Finding("files", f"the package of {entry.value} has no manifest.toml")]
    built_in = entry.value.startswith("nabe.adapters.")
    found += [
        Finding("files", f"{name} is missing in {folder.name}/") for name in _FILES if not (folder / name).is_file()
    ]
    found += _manifest(id, folder / "manifest.toml")
    tests = checkout if built_in else folder.parents[1]
    found += _quality(folder / "quality.yaml", tests)
    found += _settings(adapter)
    found += _capabilities(folder, entry.module)
    found += _imports(folder)
    if built_in and (checkout / "docs" / "guides").is_dir():
        found += _guide(id, checkout)
    return found


def _adapter(entry: EntryPoint, adapter: Any) -> Iterator[Finding]:
    if getattr(adapter, "id", None) != entry.name:
        yield Finding("adapter", f"id is {getattr(adapter, 'id', None)!r}, the entry point calls it {entry.name!r}")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", entry.name):
        yield Finding("adapter", f"{entry.name!r} is no id: lower-case letters, digits and _")
    for name in _METHODS:
        if not callable(getattr(adapter, name, None)):
            yield Finding("adapter", f"it has no method {name}; see nabe.ports.source.Adapter")


def _manifest(id: str, path: Path) -> Iterator[Finding]:
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except OSError:
        return
    except ValueError as error:
        yield Finding("manifest", f"manifest.toml cannot be read: {error}")
        return
    if given.get("id") != id:
        yield Finding("manifest", f"id is {given.get('id')!r}; right would be {id!r}")
    for name in ("title", "description"):
        words = given.get(name)
        for lang in ("de", "en"):
            if not (isinstance(words, Mapping) and str(words.get(lang, "")).strip()):
                yield Finding("manifest", f"{name}.{lang} is missing")
    if given.get("mode") not in ("pull", "push"):
        yield Finding("manifest", f"mode is {given.get('mode')!r}; right would be pull (asked when needed) or push")
    risk = str(given.get("personal_data_risk", ""))
    if not risk:
        yield Finding("manifest", f"personal_data_risk is missing: one of {', '.join(_RISKS)}, or a sentence")
    extras = given.get("extras", [])
    if not (isinstance(extras, list) and all(isinstance(item, str) for item in extras)):
        yield Finding("manifest", "extras is no list of names of optional dependencies")


def _quality(path: Path, checkout: Path) -> Iterator[Finding]:
    try:
        given = yaml.safe_load(path.read_text("utf-8"))
    except OSError:
        return
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        yield Finding("quality", f"quality.yaml cannot be read{f' in line {mark.line + 1}' if mark else ''}")
        return
    if not isinstance(given, Mapping):
        yield Finding("quality", "quality.yaml holds no rules; each is `rule: {state: done, note: …}`")
        return
    known = {**REQUIRED_RULES, **OTHER_RULES}
    for rule, meaning in REQUIRED_RULES.items():
        if rule not in given:
            yield Finding("quality", f"the rule {rule} is not answered ({meaning})")
    for rule, answer in given.items():
        near = difflib.get_close_matches(str(rule), [item for item in known if item not in given], 1, 0.8)
        if rule not in known and near:
            yield Finding("quality", f"{rule}: is {near[0]!r} meant?")
        state = answer.get("state") if isinstance(answer, Mapping) else None
        if state not in _STATES:
            yield Finding("quality", f"{rule}: state is {state!r}; right would be {', '.join(_STATES)}")
        note = str(answer.get("note") or "").strip() if isinstance(answer, Mapping) else ""
        if not note:
            yield Finding("quality", f"{rule}: the note is missing; it says where it is tested, or why not")
        if (checkout / "tests").is_dir():
            for name in re.findall(r"tests/[\w/.-]+\.py", note):
                if not (checkout / name).is_file():
                    yield Finding("quality", f"{rule}: the note names {name}, which is not there")


def _settings(adapter: Any) -> Iterator[Finding]:
    for attribute, what, model in zip(
        ("system_settings", "dataset_settings"), ("connection", "source"), models_of(adapter), strict=True
    ):
        if model is None:
            hint = f"set `{attribute} = <pydantic model>` on the adapter's class"
            yield Finding("settings", f"nobody can say what may stand in `{what}`: {hint}")
            continue
        for setting in settings_in(model):
            if not setting.description.strip():
                yield Finding("settings", f"{what}.{setting.name} has no description ({model.__name__})")
        if model.model_config.get("extra") != "forbid":
            yield Finding("settings", f'{model.__name__} swallows unknown settings; right would be extra="forbid"')


def _capabilities(folder: Path, package: str) -> Iterator[Finding]:
    """Promises that contradict themselves. Whether they are kept only the conformance tests can show."""
    classes = list(_classes(package if _is_package(package) else package.rpartition(".")[0]))
    runs_sql = any(hasattr(item, "run_sql") and hasattr(item, "relation") for item in classes)
    for item in classes:
        promised = vars(item).get("capabilities")
        if not isinstance(promised, Capabilities):
            continue
        name = item.__name__
        if promised.bbox and not promised.filter:
            yield Finding("capabilities", f"{name}: bbox without filter; a box is part of a filter")
        if promised.floor and not promised.filter:
            yield Finding("capabilities", f"{name}: floor without filter; the grant's rows come before minimum groups")
        if promised.limit and not promised.order:
            yield Finding("capabilities", f"{name}: limit without order; pages would not hold every row once")
        if promised.sql and not runs_sql:
            yield Finding("capabilities", f"{name}: sql={promised.sql!r}, but no class has run_sql and relation")
        if promised.sql and promised.sql not in Dialect.classes:
            yield Finding("capabilities", f"{name}: sqlglot knows no dialect {promised.sql!r}")


def _is_package(name: str) -> bool:
    return hasattr(importlib.import_module(name), "__path__")


def _classes(package: str) -> Iterator[type]:
    """Classes defined in the adapter's own modules, as far as these can be imported here."""
    seen = set()
    for module in _modules(importlib.import_module(package)):
        for item in vars(module).values():
            own = isinstance(item, type) and item.__module__.startswith(package) and not issubclass(item, BaseModel)
            if own and item not in seen:
                seen.add(item)
                yield item


def _modules(package: ModuleType) -> Iterable[ModuleType]:
    yield package
    for info in pkgutil.walk_packages(getattr(package, "__path__", ()), f"{package.__name__}."):
        try:
            yield importlib.import_module(info.name)
        except ImportError:  # the driver of an extra
            continue


def _imports(folder: Path) -> Iterator[Finding]:
    for path in sorted(folder.rglob("*.py")):
        try:
            tree = ast.parse(path.read_text("utf-8"))
        except (SyntaxError, ValueError):
            yield Finding("code", f"{path.name} cannot be read as Python")
            continue
        where = path.relative_to(folder)
        for node in ast.walk(tree):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                if _FORBIDDEN.match(name):
                    yield Finding("code", f"{where} imports {name}: adapters are called, they do not call in")
                if name.partition(".")[0] in ("requests", "httpx", "aiohttp", "urllib3") or name == "urllib.request":
                    hint = "ask through nabe.outbound, which judges addresses and keeps limits"
                    yield Finding("code", f"{where} imports {name}: {hint}", remark=True)


def _guide(id: str, checkout: Path) -> Iterator[Finding]:
    name = f"docs/guides/adapters-{id.replace('_', '-')}.md"
    if not (checkout / name).is_file():
        yield Finding("guide", f"{name} is missing")
