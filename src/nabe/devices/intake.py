"""The way of a message: whose, what it says, decoded, into Datastreams, stored once.

read (the silo's dialect) -> who is the device -> may it be written -> decode (sandbox) -> readings (profile) -> when (which
clock) -> entities, where some are missing -> `hub.sensing.observe`, which decides, minimises, stores -> what was seen. What
does not come to this end is an error of its message: whoever brought it parks it, as it came, to be tried again.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import pyarrow as pa

from nabe.devices.builtin import codec_text
from nabe.devices.fleet import Fleet, key_of, noticed, seen
from nabe.devices.making import Making
from nabe.devices.readings import Reading, at, readings
from nabe.devices.timing import Moments, earlier, iso, moment_of, moments
from nabe.errors import Denied, Invalid, NabeError, SourceUnavailable, Unknown
from nabe.model.device import Device, Notice, NoticeKind, Profile, Told, Uplink
from nabe.model.message import Message
from nabe.model.observation import INCOMING_SCHEMA
from nabe.model.party import Actor
from nabe.sandbox import Codec, Outcome, Sandbox

#: Messages begin with this over MQTT: `devices/<system>/...`.
PREFIX: Final = "devices/"
#: Deliveries to the store at a time: those that wait together are made durable together.
_AT_ONCE: Final = 8
_COLUMNS: Final = ("stream", "time", "result_time", "number", "text", "parameters")
_SCHEMA: Final = pa.schema([INCOMING_SCHEMA.field(name) for name in _COLUMNS])


class Speaks(Protocol):
    """A silo that knows its devices' dialect (`ports.source.TakesMessages`)."""

    def read_message(self, topic: str, body: bytes) -> Sequence[Told]: ...

    def topics(self) -> Sequence[str]: ...


@dataclass(slots=True)
class _Work:
    """One uplink on its way. `number`: of the message it came in."""

    number: int
    came: int
    system: str
    uplink: Uplink
    device: Device
    profile: Profile
    decoded: dict[str, Any] | None = None
    moments: Moments = Moments(0, 0)
    found: Sequence[Reading] = ()
    key: str = ""


class Intake:
    """Takes messages of one actor at a time, in order. Thread-safe."""

    def __init__(
        self,
        sensing: Any,
        fleet: Fleet,
        sandbox: Sandbox,
        speaks: Callable[[str], Speaks],
        systems: Callable[[], Sequence[str]],
        *,
        on_notice: Callable[[str, Notice], None] = lambda _s, _n: None,
    ) -> None:
        """`sensing`: the hub's. `speaks`: the dialect of a system; raises `NabeError`. `systems`: those that have one."""
        self._sensing, self._fleet, self._sandbox = sensing, fleet, sandbox
        self._speaks, self._systems, self._on_notice = speaks, systems, on_notice
        self._making = Making(sensing.create, fleet)
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="nabe-devices")

    def close(self) -> None:
        """Finish what is at work."""
        self._threads.shutdown(wait=True)
        self._fleet.close()

    def system_of(self, topic: str) -> tuple[str, str]:
        """The system that a topic belongs to, and what of the topic is its own. `Unknown` if there is none."""
        if topic.startswith(PREFIX):
            system, _, rest = topic.removeprefix(PREFIX).partition("/")
            return system, rest
        for system in self._systems():
            if any(topic_fits(wanted, topic) for wanted in self._speaks(system).topics()):
                return system, topic
        raise Unknown("No declared system takes messages of this topic.", field="topic")

    def takes(self, topic: str) -> bool:
        """Is this a topic of devices?"""
        try:
            return bool(self.system_of(topic)[0])
        except NabeError:
            return False

    def take(self, messages: Sequence[Message]) -> list[NabeError | None]:
        """What becomes of each: None when it is stored, or needs nothing; else why not.

        `SourceUnavailable` when the store does not answer: all may come again, nothing is stored twice.
        """
        errors: list[NabeError | None] = [None] * len(messages)
        if not messages:
            return errors
        actor = messages[0].actor
        writable = frozenset(self._sensing.writable(actor))
        told: list[tuple[int, str, Told]] = []
        for number, message in enumerate(messages):
            try:
                told += [(number, *item) for item in self._read(message, writable)]
            except SourceUnavailable:
                raise
            except NabeError as error:
                errors[number] = error
        work = self._found(messages, told, writable, errors)
        work = self._decoded(work, errors)
        work = self._measured(work)
        self._stored(actor, work, errors)
        return errors

    # --- steps ------------------------------------------------------------------------------------------------------

    def _read(self, message: Message, writable: frozenset[str]) -> list[tuple[str, Told]]:
        system, rest = self.system_of(message.topic)
        if not any(item.id in writable for item in self._fleet.datasets(system)):
            raise Denied(
                "You may not write into any dataset of this system.",
                reasons=(("may_write_nothing", {}),),
                hint="A dataset's owner names writers in its declaration (stream.writers).",
            )
        return [(system, item) for item in self._speaks(system).read_message(rest, message.payload)]

    def _found(
        self,
        messages: Sequence[Message],
        told: Sequence[tuple[int, str, Told]],
        writable: frozenset[str],
        errors: list[NabeError | None],
    ) -> list[_Work]:
        """Uplinks of known devices; notices are noted on the way."""
        known = dict(self._fleet.known([(system, item.device) for _, system, item in told]))
        work = []
        for number, system, item in told:
            key = (system, item.device)
            device = known.get(key)
            if device is None and isinstance(item, Uplink):
                device = self._learned(system, item, writable)
                if device is not None:
                    known[key] = device
            if isinstance(item, Notice):
                if device is not None and device.dataset in writable:
                    self._noticed(messages[number].actor, system, device, item)
                continue
            if device is None or device.dataset not in writable:
                errors[number] = _unknown(item)
                continue
            profile = self._fleet.profile(device.profile)
            if profile is None:
                errors[number] = Invalid(
                    f"Device {item.device}: there is no profile {device.profile!r}.",
                    field="profile",
                    code="device-profile",
                )
                continue
            work.append(_Work(number, messages[number].at, system, item, device, profile))
        return work

    def _learned(self, system: str, uplink: Uplink, writable: frozenset[str]) -> Device | None:
        dataset = self._fleet.learner(system, uplink)
        if dataset is None or dataset.id not in writable:
            return None
        profile = str(dataset.source["learn"])
        device = Device(system, uplink.device, dataset.id, profile, uplink.name, place=uplink.place)
        self._fleet.put([device])
        return device

    def _decoded(self, work: list[_Work], errors: list[NabeError | None]) -> list[_Work]:
        """Fields of each payload, by the profile's codec; else what the network server decoded."""
        waiting = [item for item in work if item.profile.codec and item.uplink.payload]
        calls = []
        for item in waiting:
            codec = Codec(codec_text(item.profile.codec))
            received = (item.uplink.received or item.came) // 1000
            calls.append((codec, item.uplink.payload, item.uplink.port or 0, received))
        outcomes = dict(zip(map(id, waiting), self._sandbox.decode_all(calls), strict=True)) if calls else {}
        done = []
        for item in work:
            outcome: Outcome | None = outcomes.get(id(item))
            if outcome is not None and outcome.failure is not None:
                said = f"{outcome.failure.value}{': ' if outcome.words else ''}{outcome.words}"
                errors[item.number] = Invalid(
                    f"Device {item.uplink.device}: the codec of profile {item.profile.id!r} failed ({said}).",
                    field="payload",
                    code="device-codec",
                )
                self._failed(item, said)
                continue
            item.decoded = outcome.data if outcome is not None else dict(item.uplink.decoded or {})
            if outcome is None and not item.uplink.decoded and item.uplink.payload and item.uplink.port:
                errors[item.number] = Invalid(
                    f"Device {item.uplink.device}: nobody decoded its payload.",
                    hint=f"Give profile {item.profile.id!r} a codec, or one to the network server.",
                    field="payload",
                    code="device-codec",
                )
                self._failed(item, "no codec")
                continue
            done.append(item)
        return done

    def _measured(self, work: list[_Work]) -> list[_Work]:
        """Readings, the time that counts, and what was seen of the device."""
        for item in work:
            decoded, uplink, profile = item.decoded or {}, item.uplink, item.profile
            device_time = moment_of(at(decoded, profile.time)) if profile.time else None
            item.moments = moments(item.came, uplink.received, uplink.heard, device_time)
            item.found, left_out = readings(profile, decoded, uplink.port)
            battery = uplink.battery
            if profile.battery and isinstance(told := at(decoded, profile.battery), (int, float)):
                battery = float(told)
            place = (item.system, uplink.device)
            sighting = self._fleet.change(
                place,
                lambda old, item=item, battery=battery, left_out=left_out: replace(  # type: ignore[misc]
                    seen(old, item.uplink, item.moments.received, battery),
                    last_failure="; ".join(left_out)[:300] if left_out else old.last_failure,
                ),
            )
            item.key = key_of(item.system, uplink, sighting, item.moments.received)
        return work

    def _stored(self, actor: Actor, work: list[_Work], errors: list[NabeError | None]) -> None:
        todo = [item for item in work if item.found or _place_of(item) is not None]
        if len(todo) == 1:
            outcomes = [self._store(actor, todo[0])]
        else:
            outcomes = list(self._threads.map(lambda item: self._store(actor, item), todo))
        for item, outcome in zip(todo, outcomes, strict=True):
            if isinstance(outcome, SourceUnavailable):
                raise outcome
            if outcome is not None and errors[item.number] is None:
                errors[item.number] = outcome

    def _store(self, actor: Actor, item: _Work) -> NabeError | None:
        fields = {reading.field for reading in item.found}
        try:
            device = self._making.complete(actor, item.device, item.profile, fields)
            if (place := _place_of(item)) is not None:
                device = self._making.moved(actor, device, place)
            try:
                self._observe(actor, device, item)
            except Unknown:
                device = self._making.anew(actor, device, item.profile, fields)
                self._observe(actor, device, item)
        except NabeError as error:
            return error
        return None

    def _observe(self, actor: Actor, device: Device, item: _Work) -> None:
        base, rows = item.moments, []
        parameters = self._parameters(item)
        for reading in item.found:
            if reading.time is not None and not earlier(reading.time, base.received):
                continue
            time = base.measured if reading.time is None else reading.time
            received = base.received if base.received != time else None
            told = parameters if reading.time is None else None
            rows.append((device.streams[reading.field], time, received, reading.number, reading.text, told))
        if rows:
            columns = [
                pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), _SCHEMA, strict=True)
            ]
            self._sensing.observe(actor, pa.table(columns, schema=_SCHEMA), key=item.key, interface="devices")

    def _parameters(self, item: _Work) -> str | None:
        told: dict[str, Any] = {}
        if item.moments.disbelieved is not None:
            told["told"] = iso(item.moments.disbelieved)
        dataset = next((one for one in self._fleet.datasets(item.system) if one.id == item.device.dataset), None)
        if dataset is not None and dataset.source.get("link"):
            uplink, link = item.uplink, item.uplink.link
            radio = {
                "fCnt": uplink.counter,
                "fPort": uplink.port,
                "rssi": link.rssi,
                "snr": link.snr,
                "sf": link.spreading,
            }
            told |= {name: value for name, value in radio.items() if value is not None}
        return json.dumps(told, separators=(",", ":")) if told else None

    def _noticed(self, actor: Actor, system: str, device: Device, notice: Notice) -> None:
        self._fleet.change((system, notice.device), lambda old: noticed(old, notice))
        if notice.place is not None and notice.kind is NoticeKind.PLACE:
            self._making.moved(actor, device, notice.place)
        self._on_notice(system, notice)

    def _failed(self, item: _Work, said: str) -> None:
        self._fleet.change(
            (item.system, item.uplink.device),
            lambda old: replace(
                old, failures=old.failures + 1, last_failure=said[:300], last_seen=max(old.last_seen or 0, item.came)
            ),
        )


def _place_of(item: _Work) -> tuple[float, float] | None:
    """Where the device says that it is, if it is one that moves."""
    if item.profile.latitude and item.profile.longitude:
        east, north = at(item.decoded or {}, item.profile.longitude), at(item.decoded or {}, item.profile.latitude)
        if isinstance(east, (int, float)) and isinstance(north, (int, float)) and (east or north):
            return (float(east), float(north)) if -180 <= east <= 180 and -90 <= north <= 90 else None
    return None


def _unknown(uplink: Uplink) -> Unknown:
    """The same words whether a device is not declared or belongs to a dataset that the sender may not write."""
    return Unknown(
        f"No device {uplink.device!r} is declared that you may write for.",
        hint="nabe devices unknown shows it; nabe devices add declares it, nabe devices replay takes its messages in.",
        device=uplink.device,
        code="device-unknown",
    )


def topic_fits(wanted: str, topic: str) -> bool:
    """Does a topic fit a filter (MQTT 3.1.1, 4.7)?"""
    levels, parts = wanted.split("/"), topic.split("/")
    for number, level in enumerate(levels):
        if level == "#":
            return True
        if number >= len(parts) or (level != "+" and level != parts[number]):
            return False
    return len(levels) == len(parts)


def now_micros() -> int:
    """This moment, µs since the epoch."""
    return (dt.datetime.now(dt.UTC) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
