"""What may be set in `connection` and `source`: told by the adapters' own models, as JSON Schema, table and check."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticUndefined

from nabe.errors import Invalid
from nabe.manifest.problems import nearest

#: Values that cannot be seen.
_SIGNS = {" ": "blank", "\t": "tab", "": "nothing"}
_SYSTEM = ("SystemSettings", "ConnectionSettings")
_DATASET = ("TableSettings", "DatasetSettings", "SourceSettings")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: `name` is its path (`page.type`), `default` as written in YAML (empty: none)."""

    name: str
    type: str
    default: str
    required: bool
    description: str


def models_of(adapter: Any) -> tuple[type[BaseModel] | None, type[BaseModel] | None]:
    """The models of `connection` and `source`: as the adapter says, else by their usual names in its module."""
    module = sys.modules.get(type(adapter).__module__)

    def found(attribute: str, names: Sequence[str]) -> type[BaseModel] | None:
        candidates = [getattr(adapter, attribute, None), *(getattr(module, name, None) for name in names)]
        return next((item for item in candidates if isinstance(item, type) and issubclass(item, BaseModel)), None)

    return found("system_settings", _SYSTEM), found("dataset_settings", _DATASET)


def settings_in(model: type[BaseModel], prefix: str = "", above: tuple[type, ...] = ()) -> Iterator[Setting]:
    """Every setting of a model, those of models inside it after the one that holds them."""
    for name, info in model.model_fields.items():
        shown = f"{prefix}{info.alias or name}"
        inner = [item for item in _models(info.annotation) if item not in (*above, model)]
        default = info.get_default(call_default_factory=True) if not info.is_required() else PydanticUndefined
        yield Setting(shown, _type_name(info.annotation), _written(default), info.is_required(), info.description or "")
        keyed = ".NAME" if str(info.annotation).startswith(("dict", "typing.Dict")) else ""
        for item in inner:
            yield from settings_in(item, f"{shown}{keyed}.", (*above, model))


def with_adapters(schemas: Mapping[str, dict[str, Any]], adapters: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The schemas of documents, those of systems and datasets with what the installed adapters take.

    A system's settings are those of its adapter. A dataset names only its system, so any adapter's may be meant.
    """
    system, dataset = dict(schemas["system"]), dict(schemas["dataset"])
    system_defs, dataset_defs = dict(system.get("$defs", {})), dict(dataset.get("$defs", {}))
    choices: list[dict[str, Any]] = []
    ways: list[dict[str, Any]] = []
    told_all = True
    for id, adapter in sorted(adapters.items()):
        connection, source = models_of(adapter)
        if connection is not None:
            place = _defined(system_defs, connection, f"{id}.connection")
            when = {"properties": {"adapter": {"const": id}}, "required": ["adapter"]}
            choices.append({"if": when, "then": {"properties": {"connection": place}}})
        if source is not None:
            ways.append({"title": id, **_defined(dataset_defs, source, f"{id}.source")})
        else:
            told_all = False
    if choices:
        system |= {"$defs": system_defs, "allOf": choices}
    if ways and told_all:
        properties = dict(dataset["properties"])
        properties["source"] = {**properties["source"], "anyOf": ways}
        dataset |= {"$defs": dataset_defs, "properties": properties}
    return {**schemas, "system": system, "dataset": dataset}


def given_settings(adapter: Any, pairs: Sequence[str]) -> dict[str, Any]:
    """`["rows_path=data.items", "columns.Wert.decimal=,"]` as settings of `source`, in their types.

    Raises `Invalid` naming the setting and what would be right. What only a whole declaration can show (a setting that
    needs another) is left to the check of that.
    """
    wanted: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not all(name.split(".")):
            raise Invalid(f"--set {pair!r} is no setting.", hint="NAME=VALUE, e.g. --set header_row=3", field="--set")
        _put(wanted, name.split("."), _value(value))
    _, model = models_of(adapter)
    if model is None or not wanted:
        return wanted
    required = {info.alias or name: "?" for name, info in model.model_fields.items() if info.is_required()}
    try:
        made = model.model_validate({**required, **wanted})
    except ValidationError as error:
        wrong = [item for item in error.errors(include_url=False, include_input=False) if _about(item, wanted)]
        if wrong:
            detail, hint = _sentence(wrong[0], model)
            raise Invalid(detail, hint=hint, field="--set") from None
        return wanted
    shown: dict[str, Any] = made.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return {name: shown.get(name, value) for name, value in wanted.items()}


def _about(item: Any, wanted: Mapping[str, Any]) -> bool:
    """Is it about what was given? (Values alone may be incomplete: a message without a place is not shown.)"""
    return bool(item["loc"]) and item["loc"][0] in wanted


def _sentence(item: Any, model: type[BaseModel]) -> tuple[str, str]:
    where = ".".join(str(part) for part in item["loc"])
    if item["type"] != "extra_forbidden":
        return (
            f"--set {where}: {str(item['msg']).removeprefix('Value error, ')}.",
            "`nabe adapter settings` tells more.",
        )
    for part in item["loc"][:-1]:
        info = next((info for name, info in model.model_fields.items() if part in (name, info.alias)), None)
        model = next(_models(info.annotation), model) if info else model
    hint = nearest(item["loc"][-1], [info.alias or name for name, info in model.model_fields.items()])
    return f"{where!r} is no setting of this adapter.", f"{hint[:1].upper()}{hint[1:]}"


def _put(into: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for part in path[:-1]:
        inner = into.setdefault(part, {})
        if not isinstance(inner, dict):
            raise Invalid(f"--set {part} is given twice, once as a whole.", field="--set")
        into = inner
    if path[-1] in into and isinstance(into[path[-1]], dict):
        raise Invalid(f"--set {path[-1]} is given twice, once as a whole.", field="--set")
    into[path[-1]] = value


def _value(text: str) -> Any:
    """Text, for the model to read as it needs; lists and objects as in YAML: `[-, k. A.]`, `{decimal: ","}`."""
    import yaml

    if text[:1] in ("[", "{"):
        try:
            return yaml.safe_load(text)
        except yaml.YAMLError:
            raise Invalid(
                f"--set: {text[:40]!r} is no list or object.", hint="As in YAML: [a, b]", field="--set"
            ) from None
    return text


def _defined(into: dict[str, Any], model: type[BaseModel], name: str) -> dict[str, Any]:
    """Put the model's schema among the definitions; a reference to it."""
    schema = model.model_json_schema(ref_template=f"#/$defs/{name}.{{model}}")
    into |= {f"{name}.{inner}": body for inner, body in schema.pop("$defs", {}).items()}
    into[name] = schema
    return {"$ref": f"#/$defs/{name}"}


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _models(part)


def _type_name(annotation: Any) -> str:
    """`str`, `one of csv, tsv`, `list of text`, in plain words."""
    args = [item for item in getattr(annotation, "__args__", ()) if item is not type(None) and item is not Ellipsis]
    origin = getattr(annotation, "__origin__", None)
    if str(annotation).startswith("typing.Literal"):
        return "one of " + ", ".join(_SIGNS.get(item, f"`{item}`") for item in args)
    if str(annotation).startswith("typing.Annotated"):
        return _type_name(args[0])
    if origin in (tuple, list, set, frozenset):
        return f"list of {_type_name(args[0])}"
    if origin is dict:
        return f"names with {_type_name(args[1])}"
    if args:
        return " or ".join(dict.fromkeys(_type_name(item) for item in args))
    names = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    if annotation in names:
        return names[annotation]
    return "settings" if isinstance(annotation, type) and issubclass(annotation, BaseModel) else "any"


def _written(default: Any) -> str:
    if default is PydanticUndefined or default is None or isinstance(default, BaseModel):
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, (tuple, list, dict, set, frozenset)):
        return ", ".join(map(str, default))
    return str(default)
