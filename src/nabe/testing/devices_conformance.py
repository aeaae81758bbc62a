"""What every registry of devices must do; a store's tests subclass this with a `store` fixture (see `store_conformance`)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nabe.model.device import Device, Link, Sighting

KITA = Device(
    "funknetz",
    "24e124136b502217",
    "klima",
    "em300",
    "Kita Ost",
    "Küche",
    (7.4, 51.5),
    {"nr": "4711", "x": [1, None]},
    3,
    {"t": 2**53},
)


class DevicesConformance:
    """Devices, sightings, shared entities; in this process and in others."""

    def test_what_was_put_is_read_back_whole(self, store: Any) -> None:
        other = replace(KITA, id="ü/+#'", system="ttn", dataset="park", place=None, thing=None)
        store.devices.put([KITA, other])
        again = store.again().devices
        assert again.get([("funknetz", KITA.id), ("ttn", other.id), ("ttn", "x")]) == {
            ("funknetz", KITA.id): KITA,
            ("ttn", other.id): other,
        }
        assert again.list() == [KITA, other]
        assert again.list(system="ttn") == again.list(dataset="park") == [other]

    def test_the_latest_counts(self, store: Any) -> None:
        store.devices.put([KITA])
        store.devices.put([replace(KITA, name="anders", dataset="park")])
        assert [item.name for item in store.devices.list()] == ["anders"]
        assert store.devices.list(dataset="klima") == []

    def test_many_at_once(self, store: Any) -> None:
        many = [replace(KITA, id=f"{number:016x}") for number in range(1000)]
        store.devices.put(many)
        keys = [(item.system, item.id) for item in many]
        assert len(store.devices.get(keys)) == 1000
        store.devices.saw({key: Sighting(last_seen=1) for key in keys})
        assert len(store.devices.sightings(keys)) == 1000
        assert store.devices.remove(keys[:300]) == 300
        assert len(store.devices.list()) == 700 and len(store.devices.sightings(keys)) == 700

    def test_what_was_seen(self, store: Any) -> None:
        key = ("funknetz", KITA.id)
        assert store.devices.sightings([key]) == {}
        sighting = Sighting(
            5, 7, "s", 1, 4, 92.5, Link(-90.0, 5.5, 9, 2, "gw"), (7.0, 51.0), 3, 1, 2, "ü", {"application": "a"}
        )
        store.devices.saw({key: Sighting(last_seen=1)})
        store.devices.saw({key: sighting})
        assert store.again().devices.sightings([key]) == {key: sighting}
        store.devices.saw({})

    def test_what_devices_have_in_common(self, store: Any) -> None:
        store.devices.share("klima", "sensor", "em300", 5)
        store.devices.share("klima", "sensor", "em300", 6)
        store.devices.share("park", "property", "Occupied|", 7)
        assert store.again().devices.shared("klima") == {("sensor", "em300"): 6}
        store.devices.unshare("klima")
        assert store.devices.shared("klima") == {} and len(store.devices.shared("park")) == 1
