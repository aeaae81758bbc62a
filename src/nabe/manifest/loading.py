"""A workspace folder -> nouns, with every problem of every document."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nabe.config import Settings
from nabe.config import flat as flat_settings
from nabe.config import load as load_settings
from nabe.errors import Invalid, NabeError
from nabe.manifest.basics import Document
from nabe.manifest.checks import check
from nabe.manifest.documents import DOCUMENTS, UseCaseDoc
from nabe.manifest.problems import Problem, Severity, nearest
from nabe.manifest.reading import Raw, read
from nabe.manifest.secrets import clear_secrets
from nabe.model.catalogue import Noun, kind_of
from nabe.model.dataset import Dataset, Field
from nabe.model.device import Profile

#: folder or file of the workspace -> kind of its documents, where they do not say.
PLACES = {
    "nabe.yaml": "city",
    "goals.yaml": "goal",
    "organisations": "organisation",
    "vocabulary": "vocabulary",
    "profiles": "profile",
    "systems": "system",
    "datasets": "dataset",
    "usecases": "usecase",
}

#: SQL and the datasets it may read -> the fields of the answer; raises `NabeError` for SQL that is not possible.
Describe = Callable[[str, Mapping[str, Dataset]], tuple[Field, ...]]


@dataclass(slots=True)
class Loaded:
    """What a workspace declares. `server`: the settings block of nabe.yaml; `places`: kind and id -> file."""

    nouns: list[Noun] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    server: dict[str, Any] = field(default_factory=dict)
    places: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def errors(self) -> list[Problem]:
        """The problems that stop `apply`."""
        return [problem for problem in self.problems if problem.severity is Severity.ERROR]


def load(
    root: Path,
    adapters: Mapping[str, Any],
    *,
    parse_filter: Callable[[str, Dataset], object] | None = None,
    describe: Describe | None = None,
) -> Loaded:
    """All documents of the workspace in `root`. `Invalid` only if it is no workspace at all."""
    if not (root / "nabe.yaml").is_file():
        raise no_workspace(root)
    loaded = Loaded()
    placed: dict[tuple[str, str], Raw] = {}
    products: list[tuple[Raw, UseCaseDoc, Path]] = []
    for path in files(root):
        raws, problems = read(path, root)
        loaded.problems += problems
        for raw in raws:
            _one(raw, path, root, loaded, placed, products)
    loaded.problems += _misplaced(root)
    _products(products, loaded, placed, root, describe)
    loaded.places = {key: raw.file for key, raw in placed.items()}

    def where(noun: Noun, path: tuple[Any, ...]) -> tuple[str, int]:
        raw = placed.get((kind_of(noun), noun.id))
        return (raw.file, raw.line(path)) if raw else ("", 0)

    loaded.problems += check(loaded.nouns, adapters, parse_filter, describe, where)
    loaded.problems.sort(key=lambda problem: (problem.file, problem.line))
    return loaded


def no_workspace(root: Path) -> Invalid:
    """The error for a folder without nabe.yaml."""
    return Invalid(
        f"{root.name or root} is not a workspace: it has no nabe.yaml.",
        hint="`nabe init FOLDER` makes one; -w FOLDER names one.",
        field="workspace",
    )


def files(root: Path) -> list[Path]:
    """The declaring files of a workspace, in the order in which kinds build on each other."""
    found: list[Path] = []
    for place in PLACES:
        here = root / place
        if here.is_file():
            found.append(here)
        elif here.is_dir():
            found += sorted(path for path in here.rglob("*") if path.suffix in (".yaml", ".yml") and path.is_file())
    return found


def _misplaced(root: Path) -> Iterable[Problem]:
    """Folders and files whose names are nearly right: what stands there would be overlooked in silence."""
    for path in sorted(root.iterdir()):
        known = [place for place in PLACES if place.endswith(".yaml") == path.is_file()]
        if path.name in known or path.name.startswith("."):
            continue
        near = difflib.get_close_matches(path.name.lower().replace(".yml", ".yaml"), known, 1, 0.8)
        if near:
            yield Problem(path.name, 0, "", "is not read", f"did you mean {near[0]!r}?", Severity.WARNING)


def _one(
    raw: Raw,
    path: Path,
    root: Path,
    loaded: Loaded,
    placed: dict[tuple[str, str], Raw],
    products: list[tuple[Raw, UseCaseDoc, Path]],
) -> None:
    implied = PLACES.get(raw.file.split("/", 1)[0], "")
    kind = raw.data.get("kind", implied)
    if not isinstance(kind, str) or kind not in DOCUMENTS:
        loaded.problems.append(
            Problem(raw.file, raw.line(("kind",)), "kind", f"{kind!r} is no kind", nearest(kind, DOCUMENTS))
        )
        return
    try:
        document = DOCUMENTS[kind].model_validate(raw.data)
    except ValidationError as error:
        loaded.problems += _explained(error, raw, DOCUMENTS[kind])
        return
    noun: Noun = document.noun()  # type: ignore[attr-defined]
    if isinstance(noun, Profile) and noun.codec.endswith(".js") and "\n" not in noun.codec:
        text, problem = _beside(noun.codec, path, root, Raw(raw.file, {}, {(): raw.line(("codec",))}), "codec")
        if problem is not None:
            loaded.problems.append(problem)
            return
        noun = dataclasses.replace(noun, codec=text)
    if (first := placed.get((kind, noun.id))) is not None:
        message = f"{kind} {noun.id!r} is declared twice, also in {first.file}:{first.line(('id',))}"
        loaded.problems.append(Problem(raw.file, raw.line(("id",)), "id", message))
        return
    placed[(kind, noun.id)] = raw
    loaded.nouns.append(noun)
    if kind == "city":
        loaded.server = document.server  # type: ignore[attr-defined]
        loaded.problems += _settings(raw, loaded.server)
    if isinstance(document, UseCaseDoc) and document.products:
        products.append((raw, document, path))


def _settings(raw: Raw, server: Mapping[str, Any]) -> Iterable[Problem]:
    """What is wrong with the settings of the server."""
    hint = "write ${NAME_OF_AN_ENVIRONMENT_VARIABLE} or file:path"
    for path in clear_secrets(server, ("server",)):
        yield Problem(raw.file, raw.line(path), _path(path), "a secret must not stand in a declaration", hint)
    known = [item.name for item in dataclasses.fields(Settings)]
    for name, value in flat_settings(server).items():
        if name not in known:
            message, hint = f"{name!r} is no setting", nearest(name, known)
        else:
            try:
                load_settings({name: value}, {})
                continue
            except NabeError as error:
                message, hint = error.detail, error.hint
        yield Problem(raw.file, raw.line(("server", name)), f"server.{name}", message, hint)


def _products(
    waiting: list[tuple[Raw, UseCaseDoc, Path]],
    loaded: Loaded,
    placed: dict[tuple[str, str], Raw],
    root: Path,
    describe: Describe | None,
) -> None:
    """Products become datasets. One may read another, so those that cannot be described yet get another turn."""
    datasets = {noun.id: noun for noun in loaded.nouns if isinstance(noun, Dataset)}
    left: list[tuple[Raw, int, UseCaseDoc, str]] = []
    for raw, document, path in waiting:
        for number, product in enumerate(document.products):
            sql, problem = _sql(product.sql, path, root, raw, number)
            if problem is not None:
                loaded.problems.append(problem)
                continue
            left.append((raw, number, document, sql))
    while left:
        again: list[tuple[Raw, int, UseCaseDoc, str]] = []
        failed: list[Problem] = []
        for raw, number, document, sql in left:
            product = document.products[number]
            fields = tuple(item.noun() for item in product.fields)
            line = raw.line(("products", number, "sql"))
            if not fields:
                try:
                    fields = describe(sql, datasets) if describe else ()
                except NabeError as error:
                    failed.append(Problem(raw.file, line, f"products[{number}].sql", error.detail, error.hint))
                    again.append((raw, number, document, sql))
                    continue
            if product.id in datasets:
                loaded.problems.append(
                    Problem(raw.file, line, f"products[{number}].id", f"dataset {product.id!r} is declared twice")
                )
                continue
            noun = product.noun(document.id, document.owner, sql, fields)
            datasets[noun.id] = noun
            loaded.nouns.append(noun)
            placed[("dataset", noun.id)] = _within(raw, ("products", number))
        if len(again) == len(left):
            loaded.problems += failed
            return
        left = again


def _within(raw: Raw, path: tuple[Any, ...]) -> Raw:
    lines = {key[len(path) :]: line for key, line in raw.lines.items() if key[: len(path)] == path}
    return Raw(raw.file, {}, lines)


def _sql(sql: str, path: Path, root: Path, raw: Raw, number: int) -> tuple[str, Problem | None]:
    if not sql.strip().lower().endswith(".sql"):
        return sql, None
    at = Raw(raw.file, {}, {(): raw.line(("products", number, "sql"))})
    return _beside(sql.strip(), path, root, at, f"products[{number}].sql")


def _beside(name: str, path: Path, root: Path, raw: Raw, field: str) -> tuple[str, Problem | None]:
    """The text of a file that a document names, beside it or below."""
    file, line = (path.parent / name).resolve(), raw.line(())
    if not file.is_relative_to(root.resolve()):
        return "", Problem(raw.file, line, field, f"{name!r} is outside the workspace")
    try:
        return file.read_text("utf-8").strip(), None
    except (OSError, UnicodeDecodeError):
        return "", Problem(raw.file, line, field, f"the file {name!r} cannot be read", f"expected beside {path.name}")


def _explained(error: ValidationError, raw: Raw, document: type[Document]) -> list[Problem]:
    """Pydantic's findings in our words."""
    problems = []
    for item in error.errors(include_url=False):
        path = tuple(part for part in item["loc"] if part not in ("function-before", "str"))
        field = _path(path)
        message, hint = item["msg"].removeprefix("Value error, "), ""
        if item["type"] == "extra_forbidden":
            message, hint = f"{path[-1]!r} is no field here", nearest(path[-1], _names(document, path[:-1]))
        elif item["type"] == "missing":
            message = f"{path[-1]!r} is missing"
        elif item["type"] == "enum":
            known = str(item["ctx"]["expected"]).replace(" or ", ", ").replace("'", "").split(", ")
            message, hint = f"{item['input']!r} is not possible", nearest(item["input"], known)
        elif item["type"] == "string_pattern_mismatch":
            message = f"{item['input']!r} does not fit {item['ctx']['pattern']}"
        problems.append(Problem(raw.file, raw.line(path), field, message, hint))
    return problems


def _names(document: type[Any], path: Iterable[Any]) -> list[str]:
    """Field names at a path of a document kind."""
    for part in path:
        if isinstance(part, int):
            continue
        info = document.model_fields.get(part)
        found = next((item for item in _models(info.annotation if info else None)), None)
        if found is None:
            return []
        document = found
    return list(document.model_fields)


def _models(annotation: Any) -> Iterable[type[Document]]:
    if isinstance(annotation, type) and issubclass(annotation, Document):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _models(part)


def _path(path: tuple[Any, ...]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else str(part))
    return text
