"""Commands to devices: a Task on a TaskingCapability of a device becomes a downlink, and what came of it is noted in the Task.

Who may make the Task was decided when it was made, and is in the ledger. `taskingParameters.downlink` of the Task says how it
stands: `{"status": "sent", "at": "…", "id": "…"}`; status is one of `queued` (handed to the network), `sent` (left a gateway),
`acknowledged` (the device confirmed it), `failed` (with `why`).
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from nabe.devices.builtin import codec_text
from nabe.devices.entities import fitting
from nabe.devices.fleet import Fleet
from nabe.devices.intake import now_micros
from nabe.devices.timing import iso
from nabe.errors import Invalid, NabeError, SourceUnavailable, Unknown
from nabe.model.device import Command, Device, Downlink, Notice, NoticeKind, Profile
from nabe.model.entities import EntityType
from nabe.model.party import DEVICE_JOB
from nabe.sandbox import Codec, Sandbox

_LOG = logging.getLogger("nabe.devices")
#: Seconds before a network that does not answer is asked again.
_AGAIN_S: Final = (1.0, 5.0, 25.0)
_REMEMBERED: Final = 10_000
_TOLD = {NoticeKind.SENT: "sent", NoticeKind.ACKNOWLEDGED: "acknowledged", NoticeKind.FAILED: "failed"}
#: What a status may be followed by: notices may come in any order.
_ORDER = ("queued", "sent", "failed", "acknowledged")


class Commands:
    """Sends what Tasks say; thread-safe."""

    def __init__(self, sensing: Any, fleet: Fleet, sandbox: Sandbox, send: Callable[[str, Downlink], str]) -> None:
        """`send`: (system, downlink) -> its id at the network; raises `SourceUnavailable`, `SourceRefused`."""
        self._sensing, self._fleet, self._sandbox, self._send = sensing, fleet, sandbox, send
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="nabe-commands")
        self._tasks: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._standing: OrderedDict[int, dict[str, Any]] = OrderedDict()

    def close(self) -> None:
        """Finish what is at work."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def tasked(self, task: int, capability: int, dataset: str, parameters: Mapping[str, Any]) -> None:
        """A Task was made. Returns at once."""
        self._threads.submit(self._begin, task, capability, dataset, dict(parameters))

    def told(self, system: str, notice: Notice) -> None:
        """A network server tells what became of a downlink."""
        status = _TOLD.get(notice.kind)
        if status is None or not notice.downlink:
            return
        task = self._tasks.get((system, notice.downlink))
        if task is not None:
            self._threads.submit(self._note, task, status, {"why": notice.text} if notice.text else {})

    def downlink(self, device: Device, profile: Profile, name: str, parameters: Mapping[str, Any]) -> Downlink:
        """The bytes of a command. `Invalid` says what is wrong with it."""
        command = next((item for item in profile.commands if item.name == name), None)
        if command is None:
            raise Invalid(f"Profile {profile.id!r} has no command {name!r}.", field="command")
        if wrong := fitting(command, parameters):
            raise Invalid(f"{wrong[:1].upper()}{wrong[1:]}.", field="taskingParameters")
        outcome = self._sandbox.encode(Codec(codec_text(profile.codec)), dict(parameters), command.port)
        if outcome.failure is not None:
            raise Invalid(
                f"The codec of {profile.id!r} makes no downlink of it ({outcome.failure}: {outcome.words}).",
                field="codec",
            )
        address = self._fleet.sighting((device.system, device.id)).address
        return Downlink(device.id, _port(outcome.port, command), outcome.bytes, command.confirmed, address)

    def _begin(self, task: int, capability: int, dataset: str, parameters: dict[str, Any]) -> None:
        for device in self._fleet.of_dataset(dataset):
            for name, id in device.capabilities.items():
                if id == capability:
                    self._run(task, device, name, parameters)
                    return

    def _run(self, task: int, device: Device, name: str, parameters: dict[str, Any]) -> None:
        parameters.pop("downlink", None)
        self._remember(task, {"parameters": parameters})
        try:
            profile = self._fleet.profile(device.profile)
            if profile is None:
                raise Unknown(f"There is no profile {device.profile!r}.")
            made = self.downlink(device, profile, name, parameters)
            id = self._sent(device.system, made, str(task))
        except NabeError as error:
            self._note(task, "failed", {"why": error.detail})
        except Exception as error:
            _LOG.error("unexpected %s while a command was sent", type(error).__name__)
            self._note(task, "failed", {"why": type(error).__name__})
        else:
            self._note(task, "queued", {"id": id} if id else {})

    def _sent(self, system: str, made: Downlink, reference: str) -> str:
        made = Downlink(made.device, made.port, made.payload, made.confirmed, made.address, reference)
        self._tasks[(system, reference)] = int(reference)
        for rest in (*_AGAIN_S, None):
            try:
                id = self._send(system, made)
                break
            except SourceUnavailable:
                if rest is None:
                    raise
                time.sleep(rest)
        self._tasks[(system, id)] = int(reference)
        while len(self._tasks) > _REMEMBERED:
            self._tasks.popitem(last=False)
        return id

    def _note(self, task: int, status: str, more: Mapping[str, Any]) -> None:
        """Into the Task; a word that comes late does not undo a later state."""
        standing = self._standing.get(task, {})
        before = standing.get("downlink", {}).get("status", "")
        if before in _ORDER and _ORDER.index(before) > _ORDER.index(status):
            return
        told = {**standing.get("downlink", {}), "status": status, "at": iso(now_micros()), **more}
        self._remember(task, {**standing, "downlink": told})
        values = {"taskingParameters": {**standing.get("parameters", {}), "downlink": told}}
        try:
            self._sensing.update(DEVICE_JOB, EntityType.TASK, task, values, interface="devices")
        except NabeError as error:
            _LOG.warning("the state of a task cannot be noted: %s", error.code)

    def _remember(self, task: int, standing: dict[str, Any]) -> None:
        self._standing[task] = standing
        while len(self._standing) > _REMEMBERED:
            self._standing.popitem(last=False)


def _port(told: int | None, command: Command) -> int:
    return told if told is not None else command.port
