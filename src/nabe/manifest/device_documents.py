"""Profiles of devices as Pydantic models, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from nabe.devices.builtin import PROFILES, codec_text
from nabe.devices.readings import steps
from nabe.manifest.basics import Document, Id, TextDoc, Word, Words, as_word
from nabe.manifest.problems import nearest
from nabe.manifest.reading import without_writing
from nabe.model import device as d
from nabe.model.dataset import Dataset
from nabe.sandbox.pool import LONGEST_CODEC

_DURATION = r"^(P[0-9YMWDTHS.]+)?$"


def _missing(value: Any) -> Any:
    """Numbers as numbers, texts as they are written."""
    items = [without_writing(item) for item in (value if isinstance(value, (list, tuple)) else [value])]
    return [item if isinstance(item, (int, float)) else as_word(item) for item in items]


def _words(value: Any) -> Any:
    """Keys and values as text: YAML takes `true`, `1` and `no` for other things."""
    if not isinstance(value, Mapping):
        return value
    return {_word(key): _word(item) for key, item in value.items()}


def _word(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return as_word(value)


class MeasureDoc(Document):
    """A field of a decoded message that becomes a Datastream."""

    field: Annotated[Word, Field(min_length=1, description="way into the decoded fields: temperature, wifi[0].rssi")]
    property: Annotated[Word, Field(min_length=1, description="name of what is observed")]
    definition: Annotated[Word, Field(description="address that defines it")] = ""
    unit: Annotated[Word, Field(description="UCUM code; empty: none")] = ""
    kind: Annotated[
        Literal["number", "integer", "boolean", "text", "any"], Field(description="what its values are")
    ] = "number"
    title: Words = TextDoc()
    factor: Annotated[float, Field(description="times this, to come into the unit")] = 1.0
    offset: Annotated[float, Field(description="plus this, afterwards")] = 0.0
    missing: Annotated[
        tuple[float | str, ...], BeforeValidator(_missing), Field(description='values that mean "no value"')
    ] = ()
    lowest: Annotated[float | None, Field(description="less is no value")] = None
    highest: Annotated[float | None, Field(description="more is no value")] = None
    words: Annotated[dict[str, str], BeforeValidator(_words), Field(description="value as text -> what is stored")] = (
        Field(default_factory=dict)
    )
    ports: Annotated[tuple[Annotated[int, Field(ge=0, le=255)], ...], Field(description="only of these FPorts")] = ()

    def noun(self) -> d.Measure:
        return d.Measure(**self.model_dump(exclude={"title"}), title=self.title.noun())


class CommandDoc(Document):
    """What can be sent to a device."""

    name: Id
    title: Words = TextDoc()
    port: Annotated[int, Field(ge=1, le=223, description="FPort, if the codec names none")] = 1
    confirmed: bool = False
    parameters: Annotated[
        dict[str, Literal["number", "integer", "boolean", "text"]], Field(description="name -> type")
    ] = Field(default_factory=dict)

    def noun(self) -> d.Command:
        return d.Command(self.name, self.title.noun(), self.port, self.confirmed, self.parameters)


class ProfileDoc(Document):
    """A kind of device: how its messages are read, and what becomes of their values."""

    kind: str = "profile"
    id: Id
    title: Words
    measures: Annotated[tuple[MeasureDoc, ...], Field(description="fields that become Datastreams")] = ()
    codec: Annotated[
        Word,
        Field(
            description="a file beside this one (codec.js), builtin:NAME, the JavaScript itself; empty: decoded elsewhere"
        ),
    ] = ""
    maker: Word = ""
    model: Word = ""
    description: Words = TextDoc()
    documentation: Annotated[Word, Field(description="address of the data sheet")] = ""
    every: Annotated[Word, Field(pattern=_DURATION, description="how often it sends: PT10M")] = ""
    silent_after: Annotated[int, Field(ge=1, le=1000, description="so many intervals without a message")] = 3
    battery: Annotated[Word, Field(description="way to the battery's state, percent or volts")] = ""
    battery_low: Annotated[float, Field(description="at or below this it is low")] = 0.0
    time: Annotated[Word, Field(description="way to the moment of measuring, if the message tells one")] = ""
    latitude: Word = ""
    longitude: Word = ""
    history: Annotated[Word, Field(description="way to a list of earlier readings")] = ""
    history_time: Annotated[Word, Field(description="their moment")] = "timestamp"
    commands: tuple[CommandDoc, ...] = ()

    def noun(self) -> d.Profile:
        plain = self.model_dump(exclude={"kind", "title", "description", "measures", "commands"})
        return d.Profile(
            **plain,
            title=self.title.noun(),
            description=self.description.noun(),
            measures=tuple(item.noun() for item in self.measures),
            commands=tuple(item.noun() for item in self.commands),
        )


def profile_problems(profile: d.Profile) -> Iterator[tuple[tuple[Any, ...], str, str]]:
    """(field, what is wrong, what would be right)."""
    ways: list[tuple[tuple[Any, ...], str]] = [
        (("measures", number, "field"), measure.field) for number, measure in enumerate(profile.measures)
    ]
    for name in ("battery", "time", "latitude", "longitude", "history"):
        if way := getattr(profile, name):
            ways.append(((name,), way))
    for path, way in ways:
        try:
            steps(way)
        except ValueError as error:
            yield path, str(error), ""
    fields = [measure.field for measure in profile.measures]
    for number, field in enumerate(fields):
        if field in fields[:number]:
            yield ("measures", number, "field"), f"{field!r} is there twice", "one measure per field"
    names = [command.name for command in profile.commands]
    for number, name in enumerate(names):
        if name in names[:number]:
            yield ("commands", number, "name"), f"{name!r} is there twice", "one name per command"
    if bool(profile.latitude) != bool(profile.longitude):
        yield ("latitude",), "latitude and longitude belong together", ""
    if len(profile.codec) > LONGEST_CODEC:
        yield ("codec",), f"it has more than {LONGEST_CODEC // 1000} kB", ""
    try:
        codec_text(profile.codec)
    except KeyError:
        yield ("codec",), f"{profile.codec!r} does not come with Nabe", ""


def dataset_profile_problems(
    dataset: Dataset, profiles: Mapping[str, d.Profile]
) -> Iterator[tuple[tuple[Any, ...], str, str]]:
    """Profiles that a dataset names and nobody declared."""
    known = {**PROFILES, **profiles}
    named = dataset.source.get("profiles", ())
    for number, name in enumerate(named if isinstance(named, (list, tuple)) else ()):
        if name not in known:
            yield ("source", "profiles", number), f"there is no profile {name!r}", nearest(str(name), known)
    learn = dataset.source.get("learn", "")
    if learn and learn not in known:
        yield ("source", "learn"), f"there is no profile {learn!r}", nearest(str(learn), known)
