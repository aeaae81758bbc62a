"""Nouns -> YAML, in the layout of a workspace. Defaults are left out; the same nouns give the same bytes."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import os
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from nabe.model.catalogue import City, Goal, Noun, Vocabulary, kind_of
from nabe.model.dataset import Dataset, Mode, System
from nabe.model.device import Profile
from nabe.model.flat import STREAM_FIELDS
from nabe.model.party import Organisation
from nabe.model.text import Text
from nabe.model.usecase import UseCase

#: Nouns whose field has another name in YAML (`kind` is the document's own).
_RENAMED = {Organisation: {"kind": "type"}}


def document(noun: Noun, products: Sequence[Dataset] = ()) -> str:
    """One document as YAML; a use case with its products."""
    return _dump(plain_document(noun, products))


def text_of(noun: Noun, products: Sequence[Dataset], server: Mapping[str, Any] | None) -> str:
    """One document as YAML; a use case with its products, the city with the settings of the server."""
    return _dump(body_of(noun, products, server))


def body_of(noun: Noun, products: Sequence[Dataset], server: Mapping[str, Any] | None) -> dict[str, Any]:
    """What `text_of` writes, as plain data."""
    body = plain_document(noun, sorted(products, key=lambda item: item.id))
    if isinstance(noun, City) and server:
        body["server"] = dict(server)
    return body


def plain_document(noun: Noun, products: Sequence[Dataset] = ()) -> dict[str, Any]:
    """A document as plain data without what is default."""
    body = {"kind": kind_of(noun)} | _object(noun)
    if isinstance(noun, Dataset) and noun.mode is Mode.STREAM and noun.fields == STREAM_FIELDS:
        del body["fields"]
    if products:
        body["products"] = [_product(item, noun) for item in products]
    return body


def _product(dataset: Dataset, case: Noun) -> dict[str, Any]:
    body = _object(dataset)
    body.pop("product", None)
    body.pop("system", None)
    if isinstance(case, UseCase) and body.get("owner") == case.owner:
        body.pop("owner")
    head = {key: body.pop(key) for key in ("id", "title") if key in body}
    return head | {"sql": f"products/{dataset.id}.sql"} | body


def write(root: Path, nouns: Sequence[Noun], server: Mapping[str, Any] | None = None) -> list[Path]:
    """Write all documents under `root`; each file is replaced whole. Returns what was written."""
    by_case: dict[str, list[Dataset]] = {}
    for noun in nouns:
        if isinstance(noun, Dataset) and noun.product is not None:
            by_case.setdefault(noun.product.use_case, []).append(noun)
    written = []
    goals = [noun for noun in nouns if isinstance(noun, Goal)]
    for noun in nouns:
        if isinstance(noun, Goal) or (isinstance(noun, Dataset) and noun.product is not None):
            continue
        products = by_case.get(noun.id, []) if isinstance(noun, UseCase) else []
        written.append(put(root / default_file(noun), text_of(noun, products, server)))
        for product in products:
            assert product.product is not None
            path = root / "usecases" / noun.id / "products" / f"{product.id}.sql"
            written.append(put(path, product.product.sql.strip() + "\n"))
    if goals:
        written.append(put(root / "goals.yaml", "".join("---\n" + document(goal) for goal in goals)))
    return written


def default_file(noun: Noun) -> str:
    """Where a document stands if nobody put it elsewhere."""
    match noun:
        case Goal():
            return "goals.yaml"
        case City():
            return "nabe.yaml"
        case Organisation():
            return f"organisations/{noun.id}.yaml"
        case Vocabulary():
            return f"vocabulary/{noun.id}.yaml"
        case System():
            return f"systems/{noun.id}.yaml"
        case Profile():
            return f"profiles/{noun.id}.yaml"
        case UseCase():
            return f"usecases/{noun.id}/usecase.yaml"
        case _:
            return f"datasets/{noun.id}.yaml"


def put(path: Path, text: str) -> Path:
    """A file is replaced whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text, "utf-8")
    os.replace(fresh, path)
    return path


def _object(value: Any) -> dict[str, Any]:
    """A dataclass as a mapping without what is default."""
    made: dict[str, Any] = {}
    renamed = _RENAMED.get(type(value), {})
    for item in dataclasses.fields(value):
        content = getattr(value, item.name)
        default = item.default
        if item.default_factory is not dataclasses.MISSING:
            default = item.default_factory()
        if content == default and item.name != "id":
            continue
        made[renamed.get(item.name, item.name)] = _value(content)
    return made


def _value(content: Any) -> Any:
    if isinstance(content, Text):
        return content.de if content.de and not content.en else {"de": content.de, "en": content.en}
    if dataclasses.is_dataclass(content):
        return _object(content)
    if isinstance(content, Enum):
        return content.value
    if isinstance(content, (dt.datetime, dt.date)):
        return content.isoformat()
    if isinstance(content, Mapping):
        return {key: _value(item) for key, item in content.items()}
    if isinstance(content, (tuple, list)):
        return [_value(item) for item in content]
    return content


def _dump(body: dict[str, Any]) -> str:
    out = io.StringIO()
    emitter().dump(styled(body), out)
    return out.getvalue()


def emitter(width: int = 110) -> YAML:
    """How we write YAML; also reads it so that comments are kept."""
    yaml = YAML()
    yaml.version = None
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.preserve_quotes = True
    yaml.width = width
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def styled(value: Any) -> Any:
    """Text that YAML could take for something else, or would fold, is quoted or kept as lines."""
    if isinstance(value, dict):
        return {_key(key): styled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [styled(item) for item in value]
    if isinstance(value, str):
        lines = value.split("\n")
        plain = all(sign == "\t" or sign >= " " for line in lines for sign in line) and "\x7f" not in value
        tidy = all(line == line.rstrip() for line in lines) and bool(lines[0]) and not lines[0].startswith(" ")
        if len(lines) > 1 and plain and tidy and lines[-1] and not _odd(value):
            return LiteralScalarString(value)
        if _odd(value) or not _safe(value):
            return DoubleQuotedScalarString(value)
    return value


def _key(key: Any) -> Any:
    return key if isinstance(key, str) and key.isidentifier() else DoubleQuotedScalarString(str(key))


def _odd(value: str) -> bool:
    """Signs that only an escape carries through YAML."""
    return any(sign in "\x85\xa0\u2028\u2029\ufeff\r" or (sign < " " and sign not in "\n\t") for sign in value)


def _safe(value: str) -> bool:
    """Plain words need no quotes: they begin with a letter and are no YAML word."""
    if not value or not (value[0].isalpha() or value[0] == "_") or value != value.strip():
        return False
    if value.lower() in ("true", "false", "null", "yes", "no", "on", "off", "y", "n"):
        return False
    return not any(sign in value for sign in ":#\n\t\"'{}[],&*!|>%@`\\") and value.isprintable()
