"""Settings of systems and datasets, validated; messages name the field and what would be right, never the value."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError, WithJsonSchema

from nabe.errors import SourceRefused
from nabe.model.dataset import Dataset


class Settings(BaseModel):
    """A set of settings; one that it does not know is an error, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError("not a time zone; for example Europe/Berlin or UTC") from None
    return value


def _encoding(value: str) -> str:
    try:
        codecs.getincrementaldecoder(value or "utf-8")().decode(b"").encode()
    except (LookupError, AttributeError, TypeError):
        raise ValueError("not an encoding; for example utf-8 or cp1252") from None
    return value


def _crs(value: str) -> str:
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        if value:
            CRS.from_user_input(value)
    except CRSError:
        raise ValueError("not a coordinate reference system; for example EPSG:25832") from None
    return value


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


TimeZone = Annotated[str, AfterValidator(_zone)]
#: A codec of Python that gives text; may be empty.
Encoding = Annotated[str, AfterValidator(_encoding)]
#: Anything that PROJ reads: EPSG:25832, WKT, ...; may be empty.
ReferenceSystem = Annotated[str, AfterValidator(_crs)]
#: Several texts; YAML writes one where a list of one is meant.
Texts = Annotated[
    tuple[str, ...],
    BeforeValidator(_listed),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]

S = TypeVar("S", bound=BaseModel)


def problems(kind: type[BaseModel], values: Mapping[str, Any], prefix: str) -> list[str]:
    """What is wrong, one sentence each, fields named below `prefix` (`connection`, `source`); empty if nothing."""
    try:
        kind.model_validate(dict(values))
    except ValidationError as error:
        return [_sentence(kind, item, prefix) for item in error.errors(include_input=False, include_url=False)]
    return []


def parsed(kind: type[S], values: Mapping[str, Any], system: str, prefix: str) -> S:
    """Settings as an object; `SourceRefused` naming the field that is wrong."""
    try:
        return kind.model_validate(dict(values))
    except ValidationError:
        why = problems(kind, values, prefix)[0]
        raise SourceRefused(system, why, hint="Correct the declaration and apply it.") from None


def _sentence(kind: type[BaseModel], item: Any, prefix: str) -> str:
    where = ".".join([prefix, *(str(part) for part in item["loc"])])
    if item["type"] == "extra_forbidden":
        known = ", ".join(setting.alias or name for name, setting in kind.model_fields.items())
        return f"{where} is not a setting" + (f"; known: {known}." if len(item["loc"]) == 1 else ".")
    return f"{where}: {str(item['msg']).removeprefix('Value error, ')}."


def column_problems(dataset: Dataset, parse: Callable[[str], object]) -> list[str]:
    """The columns of fields that `parse` does not take: it raises ValueError with what is wrong."""
    found = []
    for field in dataset.fields:
        try:
            parse(field.source_column)
        except ValueError as error:
            found.append(f"fields.{field.name}.column: {field.source_column!r} {error}.")
    return found


def unused_columns(dataset: Dataset, names: Iterable[str], setting: str = "columns") -> list[str]:
    """Columns that `source` says something about, but no field has."""
    known = {field.source_column for field in dataset.fields}
    return [f"source.{setting}: no field has the column {name!r}." for name in names if name not in known]
