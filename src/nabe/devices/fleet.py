"""Who the devices are: profiles, the registry, and what was last seen of each."""

from __future__ import annotations

import fnmatch
import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from nabe.devices.builtin import PROFILES
from nabe.errors import Invalid, Unknown
from nabe.model.catalogue import Snapshot
from nabe.model.dataset import Dataset, Mode
from nabe.model.device import Device, Notice, Profile, Sighting, Uplink
from nabe.model.periods import parse_period
from nabe.ports.devices import Devices, Key

#: Seconds after which sightings are written: a process that is killed forgets at most so much of them.
FLUSH_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class DeviceView:
    """A device and how it is. `silent`: no message for longer than its profile says; `low`: its battery is."""

    device: Device
    profile: Profile | None
    sighting: Sighting
    silent: bool
    low: bool


class Fleet:
    """The registry, with sightings kept in memory between writes. Thread-safe; `close` writes what is left."""

    def __init__(self, devices: Devices, snapshot: Callable[[], Snapshot]) -> None:
        self._devices, self._snapshot = devices, snapshot
        self._lock = threading.Lock()
        self._seen: dict[Key, Sighting] = {}
        self._fresh: set[Key] = set()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False

    # --- declarations -----------------------------------------------------------------------------------------------

    def profiles(self) -> Mapping[str, Profile]:
        """All profiles; the workspace's own before those that come with Nabe."""
        return {**PROFILES, **self._snapshot().profiles}

    def profile(self, id: str) -> Profile | None:
        """One of them."""
        return self._snapshot().profiles.get(id) or PROFILES.get(id)

    def datasets(self, system: str) -> list[Dataset]:
        """Stream datasets that devices of a system fill."""
        found = self._snapshot().datasets.values()
        return [item for item in found if item.system == system and item.mode is Mode.STREAM]

    def learner(self, system: str, told: Uplink) -> Dataset | None:
        """The dataset that takes in a device nobody listed, if one does."""
        said = {"name": told.name, "kind": told.kind, "group": told.group, "id": told.device}
        for dataset in self.datasets(system):
            match = dataset.source.get("match") or {}
            if dataset.source.get("learn") and all(
                fnmatch.fnmatchcase(said.get(key, "").lower(), str(wanted).lower()) for key, wanted in match.items()
            ):
                return dataset
        return None

    # --- the registry -----------------------------------------------------------------------------------------------

    def known(self, keys: Sequence[Key]) -> Mapping[Key, Device]:
        """Those of these that are known."""
        return self._devices.get(keys)

    def views(self, *, system: str = "", dataset: str = "", now: int) -> list[DeviceView]:
        """All devices and how they are at `now` (µs)."""
        self.flush()
        devices = self._devices.list(system=system, dataset=dataset)
        seen = self._devices.sightings([(item.system, item.id) for item in devices])
        return [self._view(item, seen.get((item.system, item.id), Sighting()), now) for item in devices]

    def view(self, system: str, id: str, now: int) -> DeviceView:
        """One device. `Unknown`."""
        self.flush()
        device = self._devices.get([(system, id)]).get((system, id))
        if device is None:
            raise Unknown(f"There is no device {id!r} of {system!r}.", hint="nabe devices list", device=id)
        return self._view(device, self._devices.sightings([(system, id)]).get((system, id), Sighting()), now)

    def of_dataset(self, dataset: str) -> list[Device]:
        """Devices that fill a dataset."""
        return self._devices.list(dataset=dataset)

    def put(self, devices: Iterable[Device]) -> tuple[int, int]:
        """Take in devices, keeping the entities of those known; how many are new, and how many changed.

        `Invalid` names a system, dataset or profile that does not fit; then none is taken in.
        """
        given = list(devices)
        for item in given:
            self._check(item)
        before = self._devices.get([(item.system, item.id) for item in given])
        changed = []
        new = 0
        for item in given:
            old = before.get((item.system, item.id))
            if old is None:
                new += 1
                changed.append(item)
                continue
            same = old.dataset == item.dataset
            kept = replace(item, thing=old.thing, streams=old.streams, capabilities=old.capabilities) if same else item
            if kept != old:
                changed.append(kept)
        self._devices.put(changed)
        return new, len(changed) - new

    def bind(self, device: Device) -> None:
        """Keep a device with the entities that were made for it."""
        self._devices.put([device])

    def remove(self, system: str, id: str) -> int:
        """Forget a device; its entities and observations stay."""
        with self._lock:
            self._seen.pop((system, id), None)
            self._fresh.discard((system, id))
        return self._devices.remove([(system, id)])

    def shared(self, dataset: str) -> Mapping[tuple[str, str], int]:
        """Entities that devices of a dataset have in common."""
        return self._devices.shared(dataset)

    def share(self, dataset: str, kind: str, key: str, entity: int) -> None:
        """Remember one."""
        self._devices.share(dataset, kind, key, entity)

    def unshare(self, dataset: str) -> None:
        """Forget them all: some are gone."""
        self._devices.unshare(dataset)

    # --- sightings --------------------------------------------------------------------------------------------------

    def sighting(self, key: Key) -> Sighting:
        """What was last seen of a device."""
        with self._lock:
            found = self._seen.get(key)
        if found is None:
            found = self._devices.sightings([key]).get(key, Sighting())
            with self._lock:
                found = self._seen.setdefault(key, found)
        return found

    def change(self, key: Key, change: Callable[[Sighting], Sighting]) -> Sighting:
        """Note something; in the registry within `FLUSH_S`."""
        self.sighting(key)
        with self._lock:
            found = self._seen[key] = change(self._seen.get(key, Sighting()))
            self._fresh.add(key)
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="nabe-fleet", daemon=True)
                self._thread.start()
        return found

    def flush(self) -> None:
        """Write what was seen."""
        with self._lock:
            fresh = {key: self._seen[key] for key in self._fresh if key in self._seen}
            self._fresh.clear()
        try:
            self._devices.saw(fresh)
        except Exception:
            with self._lock:
                self._fresh |= fresh.keys()
            raise

    def close(self) -> None:
        """Write what is left."""
        self._closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(5.0)
        self.flush()

    def _run(self) -> None:
        while not self._wake.wait(FLUSH_S):
            try:
                self.flush()
            except Exception:  # a store that does not answer now is asked again
                time.sleep(FLUSH_S)

    def _view(self, device: Device, sighting: Sighting, now: int) -> DeviceView:
        profile = self.profile(device.profile)
        longest = silence(profile) if profile else None
        silent = longest is not None and (sighting.last_seen is None or now - sighting.last_seen > longest * 1_000_000)
        low = profile is not None and sighting.battery is not None and sighting.battery <= profile.battery_low
        return DeviceView(device, profile, sighting, silent, low)

    def _check(self, device: Device) -> None:
        snapshot = self._snapshot()
        if device.system not in snapshot.systems:
            raise Invalid(
                f"Device {device.id!r}: there is no system {device.system!r}.", field="system", device=device.id
            )
        dataset = snapshot.datasets.get(device.dataset)
        if dataset is None or dataset.mode is not Mode.STREAM or dataset.system != device.system:
            able = ", ".join(item.id for item in self.datasets(device.system)) or "none"
            raise Invalid(
                f"Device {device.id!r}: {device.dataset!r} is no stream dataset of {device.system!r}.",
                hint=f"There are: {able}.",
                field="dataset",
                device=device.id,
            )
        allowed: Any = dataset.source.get("profiles") or ()
        if self.profile(device.profile) is None or (allowed and device.profile not in allowed):
            hint = f"Right would be one of {', '.join(allowed or sorted(self.profiles()))}."
            raise Invalid(
                f"Device {device.id!r}: {device.profile!r} is no profile here.",
                hint=hint,
                field="profile",
                device=device.id,
            )


def silence(profile: Profile) -> float | None:
    """Seconds without a message after which a device counts as silent; None: its profile does not say how often it sends."""
    period = parse_period(profile.every) if profile.every else None
    if period is None:
        return None
    return (period.months * 30 * 86_400 + period.days * 86_400 + period.seconds) * profile.silent_after


def seen(sighting: Sighting, uplink: Uplink, at: int, battery: float | None) -> Sighting:
    """A message came. A counter that starts anew within a session begins a new epoch (see `key_of`)."""
    epoch, since = sighting.epoch, sighting.epoch_since
    last, counter = sighting.counter, uplink.counter
    newer = sighting.last_seen is None or at > sighting.last_seen
    lost = sighting.lost
    if last is not None and counter is not None and uplink.session == sighting.session and newer:
        if counter < last:
            epoch, since = epoch + 1, at
        elif counter > last + 1:
            lost += counter - last - 1
    return replace(
        sighting,
        last_seen=at if newer else sighting.last_seen,
        counter=counter if newer and counter is not None else last,
        session=uplink.session if newer else sighting.session,
        epoch=epoch,
        epoch_since=since,
        battery=battery if newer and battery is not None else sighting.battery,
        link=uplink.link if newer else sighting.link,
        messages=sighting.messages + 1,
        lost=lost,
        address=dict(uplink.address) if uplink.address else sighting.address,
    )


def noticed(sighting: Sighting, notice: Notice) -> Sighting:
    """A network server told something."""
    return replace(sighting, battery=notice.battery if notice.battery is not None else sighting.battery)


def key_of(system: str, uplink: Uplink, sighting: Sighting, at: int) -> str:
    """What is the same for a message however often it comes: the delivery's key in the store.

    DevEUI, session and counter name a frame (LoRaWAN 1.0.4, 4.3.1.5); the epoch tells a restarted counter from an old frame;
    a message without a counter is named by what it says and when.
    """
    epoch = sighting.epoch
    if sighting.epoch_since is not None and at < sighting.epoch_since:
        epoch -= 1
    if uplink.counter is None:
        said = hashlib.sha256(uplink.payload + repr(sorted((uplink.decoded or {}).items())).encode("utf-8", "replace"))
        return f"device:{system}:{uplink.device}:{uplink.received or 0}:{said.hexdigest()[:24]}"
    return f"device:{system}:{uplink.device}:{uplink.session}:{epoch}:{uplink.counter}"
