"""devices: what sends by itself; who it is, how it is, what cannot be placed yet."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any

import typer

from nabe.app import Nabe
from nabe.cli.common import AsJson, Workspace, actor_named, done, line, opened, operator, plain, say, show
from nabe.devices import lists
from nabe.devices.builtin import PROFILES, codec_text
from nabe.devices.fleet import DeviceView
from nabe.devices.intake import now_micros
from nabe.devices.readings import readings
from nabe.devices.timing import iso
from nabe.errors import Invalid, Unknown
from nabe.model.dataset import Mode
from nabe.model.device import Device
from nabe.sandbox import Codec

As = Annotated[str, typer.Option("--as", help="Account on whose behalf.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Devices that send by themselves (LoRaWAN, MQTT, webhooks).", no_args_is_help=True)
    for name, command in (
        ("list", listed),
        ("show", shown),
        ("add", add),
        ("import", imported),
        ("remove", remove),
        ("unknown", unknown),
        ("profiles", profiles),
        ("try", tried),
    ):
        group.command(name)(command)
    app.add_typer(group, name="devices")


def listed(
    system: Annotated[str, typer.Option(help="Only devices of this system.")] = "",
    silent: Annotated[bool, typer.Option("--silent", help="Only those that stopped sending.")] = False,
    low: Annotated[bool, typer.Option("--low", help="Only those whose battery is low.")] = False,
    actor: As = "operator",
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Devices, when they were last heard, how well, and their batteries.

    [dim]nabe devices list --silent[/dim]
    """
    with opened(workspace) as nabe:
        found = nabe.devices.views(actor_named(nabe, actor), system=system, now=now_micros())
    rows = [_row(item) for item in found if (not silent or item.silent) and (not low or item.low)]
    columns = (
        "system",
        "id",
        "name",
        "dataset",
        "profile",
        "last_seen",
        "state",
        "battery",
        "rssi",
        "snr",
        "messages",
        "lost",
    )
    show(rows, columns, as_json=as_json)


def _row(view: DeviceView) -> dict[str, Any]:
    device, seen = view.device, view.sighting
    state = [
        word
        for word, so in (("silent", view.silent), ("battery low", view.low), ("failing", bool(seen.failures)))
        if so
    ]
    return {
        "system": device.system,
        "id": device.id,
        "name": device.name,
        "dataset": device.dataset,
        "profile": device.profile,
        "last_seen": iso(seen.last_seen)[:19] + "Z" if seen.last_seen is not None else None,
        "state": ", ".join(state) or ("ok" if seen.last_seen is not None else "never heard"),
        "battery": seen.battery,
        "rssi": seen.link.rssi,
        "snr": seen.link.snr,
        "messages": seen.messages,
        "lost": seen.lost,
    }


def shown(
    device: Annotated[str, typer.Argument(help="DevEUI or id.")],
    system: Annotated[str, typer.Option(help="Its system, if several have such an id.")] = "",
    actor: As = "operator",
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """One device: its entities, its last message, what was wrong.

    [dim]nabe devices show 24e124136b502217[/dim]
    """
    with opened(workspace) as nabe:
        found = nabe.devices.views(actor_named(nabe, actor), system=system, now=now_micros())
        view = next((item for item in found if item.device.id == lists.identity(device)), None)
    if view is None:
        raise Unknown(f"There is no device {device!r}.", hint="nabe devices list; nabe devices unknown", device=device)
    one, seen = view.device, view.sighting
    body = _row(view) | {
        "place": list(one.place) if one.place else None,
        "properties": dict(one.properties),
        "thing": one.thing,
        "datastreams": dict(one.streams),
        "commands": dict(one.capabilities),
        "spreading_factor": seen.link.spreading,
        "gateways": seen.link.gateways,
        "gateway": seen.link.gateway,
        "counter": seen.counter,
        "failures": seen.failures,
        "last_failure": seen.last_failure,
    }
    if as_json:
        say(body)
        return
    for name, value in body.items():
        if value not in (None, "", {}, []):
            line(f"[bold]{name:17}[/bold]", plain(value))


def add(
    device: Annotated[str, typer.Argument(help="DevEUI or id.")],
    dataset: Annotated[str, typer.Option(help="Dataset that it fills.")],
    profile: Annotated[str, typer.Option(help="Kind of device: nabe devices profiles")],
    name: Annotated[str, typer.Option(help="What people call it.")] = "",
    latitude: Annotated[float | None, typer.Option(help="Degrees, WGS 84.")] = None,
    longitude: Annotated[float | None, typer.Option(help="Degrees, WGS 84.")] = None,
    actor: As = "operator",
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Declare a device. What it sent before is taken in by `nabe parked replay`.

    [dim]nabe devices add 24e124136b502217 --dataset kuehlung --profile milesight-em300-th --name "Kita 3"[/dim]
    """
    if (latitude is None) != (longitude is None):
        raise Invalid("Latitude and longitude belong together.", field="--latitude")
    place = (longitude, latitude) if longitude is not None and latitude is not None else None
    with opened(workspace) as nabe:
        system = _system_of(nabe, dataset)
        made = Device(system, lists.identity(device), dataset, profile, name, place=place)
        new, changed = nabe.devices.put(actor_named(nabe, actor), [made])
    done(
        f"{device} {'is declared' if new else 'was changed' if changed else 'was declared so already'}",
        {"new": new, "changed": changed},
        as_json,
    )


def imported(
    file: Annotated[Path, typer.Argument(help="CSV or YAML with columns id, profile, name, latitude, longitude …")],
    dataset: Annotated[str, typer.Option(help="Dataset of rows that name none.")] = "",
    system: Annotated[str, typer.Option(help="System, if no dataset says it.")] = "",
    actor: As = "operator",
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Declare many devices, all or none. Columns that are not known become properties of the Thing.

    [dim]nabe devices import kuehlgeraete.csv --dataset kuehlung[/dim]
    """
    with opened(workspace) as nabe:
        datasets = nabe.catalogue.snapshot().datasets
        found = lists.read(file, system or _system_of(nabe, dataset), datasets, dataset)
        new, changed = nabe.devices.put(actor_named(nabe, actor), found)
    done(
        f"{len(found)} devices: {new} new, {changed} changed",
        {"devices": len(found), "new": new, "changed": changed},
        as_json,
    )


def remove(
    device: Annotated[str, typer.Argument(help="DevEUI or id.")],
    system: Annotated[str, typer.Option(help="Its system, if several have such an id.")] = "",
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Forget a device. Its Thing and observations stay.

    [dim]nabe devices remove 24e124136b502217[/dim]
    """
    with opened(workspace) as nabe:
        found = nabe.devices.views(operator(nabe.catalogue.snapshot()), system=system, now=now_micros())
        gone = [item.device for item in found if item.device.id == lists.identity(device)]
        if len(gone) != 1:
            raise Unknown(
                f"There {'is no' if not gone else 'are several'} {device!r}.", hint="--system names its system."
            )
        nabe.devices.fleet.remove(gone[0].system, gone[0].id)
    done(f"{device} is forgotten", {"removed": 1}, as_json)


def unknown(actor: As = "operator", workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Devices that send and are not declared; their messages are parked.

    [dim]nabe devices unknown[/dim]
    """
    with opened(workspace) as nabe:
        found = nabe.devices.unknown(actor_named(nabe, actor))
    rows = [
        {
            "system": item.system,
            "device": item.device,
            "name": item.name,
            "kind": item.kind,
            "parked": item.parked,
            "first": f"{dt.datetime.fromtimestamp(item.first / 1e6, dt.UTC):%Y-%m-%dT%H:%M:%SZ}",
            "last": f"{dt.datetime.fromtimestamp(item.last / 1e6, dt.UTC):%Y-%m-%dT%H:%M:%SZ}",
        }
        for item in found
    ]
    show(rows, ("system", "device", "name", "kind", "parked", "first", "last"), as_json=as_json)


def profiles(workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Kinds of devices: those of the workspace, and those that come with Nabe.

    [dim]nabe devices profiles[/dim]
    """
    with opened(workspace) as nabe:
        found = nabe.devices.fleet.profiles()
    rows = [
        {
            "profile": item.id,
            "device": f"{item.maker} {item.model}".strip() or item.title.in_("en"),
            "measures": [
                f"{measure.property} ({measure.unit})" if measure.unit else measure.property
                for measure in item.measures
            ],
            "every": item.every,
            "from": "Nabe" if PROFILES.get(item.id) is item else "workspace",
        }
        for item in found.values()
    ]
    show(
        sorted(rows, key=lambda row: str(row["profile"])),
        ("profile", "device", "measures", "every", "from"),
        as_json=as_json,
    )


def tried(
    profile: Annotated[str, typer.Argument(help="A profile, or a file with a codec (JavaScript).")],
    payload: Annotated[str, typer.Argument(help="The payload's bytes as hex.")],
    port: Annotated[int, typer.Option(help="FPort.")] = 1,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Decode a payload and show what would be stored; nothing is.

    [dim]nabe devices try milesight-em300-th 01755C03673401046865 --port 85[/dim]
    """
    try:
        content = bytes.fromhex(payload)
    except ValueError:
        raise Invalid("The payload is no hex text.", hint="01755C03673401046865", field="payload") from None
    with opened(workspace) as nabe:
        kind = nabe.devices.fleet.profile(profile)
        if kind is not None:
            text = codec_text(kind.codec)
        elif Path(profile).is_file():
            text = Path(profile).read_text("utf-8")
        else:
            raise Unknown(f"There is no profile {profile!r}.", hint="nabe devices profiles", field="profile")
        outcome = nabe.devices.sandbox.decode(Codec(text), content, port)
    if outcome.failure is not None:
        raise Invalid(f"The codec failed: {outcome.failure.value} {outcome.words}".strip() + ".", field="codec")
    found, left_out = readings(kind, outcome.data, port) if kind is not None else ([], [])
    units = {measure.field: measure.unit for measure in kind.measures} if kind is not None else {}
    stored = [
        {"field": item.field, "result": item.number if item.text is None else item.text, "unit": units[item.field]}
        for item in found
    ]
    body = {"decoded": outcome.data, "warnings": outcome.warnings, "stored": stored, "left_out": left_out}
    if as_json:
        say(body)
        return
    for name, value in outcome.data.items():
        line(f"  {name:28}", plain(value))
    for warning in outcome.warnings:
        line("[yellow]![/yellow] ", plain(warning))
    if kind is not None:
        show(stored, ("field", "result", "unit"), "stored")
    for word in left_out:
        line("[dim]–[/dim] ", plain(word))


def declared_files(nabe: Nabe) -> list[str]:
    """Take in the devices that files of the workspace list (`source.devices` of datasets); what changed, in words."""
    snapshot = nabe.catalogue.snapshot()
    said = []
    for dataset in snapshot.datasets.values():
        name = str(dataset.source.get("devices") or "") if dataset.mode is Mode.STREAM else ""
        if not name:
            continue
        found = lists.read(nabe.root / name, dataset.system, snapshot.datasets, dataset.id)
        new, changed = nabe.devices.put(operator(snapshot), found)
        if new or changed:
            said.append(f"{name}: {len(found)} devices, {new} new, {changed} changed")
    return said


def _system_of(nabe: Nabe, dataset: str) -> str:
    found = nabe.catalogue.snapshot().datasets.get(dataset)
    if found is None or found.mode is not Mode.STREAM:
        streams = [item.id for item in nabe.catalogue.snapshot().datasets.values() if item.mode is Mode.STREAM]
        raise Invalid(
            f"There is no stream dataset {dataset!r}.",
            hint=f"There are: {', '.join(streams) or 'none'}.",
            field="--dataset",
        )
    return found.system
