"""Building the workspace of the model city: silo files, databases and declarations; skipped when it is there already."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, fields, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

from nabe.demo import making
from nabe.demo.nouns import nouns
from nabe.demo.nouns.systems import SERVICES, TOKEN, Silos
from nabe.demo.sensing import placing
from nabe.demo.silos import (
    council,
    databases,
    finance,
    geodata,
    geoportal,
    kita,
    neighbour,
    residents,
    rides,
    sensornet,
    sensors,
    services,
    traffic,
    works,
)
from nabe.demo.silos.writing import readme
from nabe.demo.town import Town
from nabe.errors import Invalid
from nabe.model.catalogue import Noun

#: Writes declarations as documents of a workspace (`nabe.manifest.write`; handed in, for rooms of one floor are blind
#: to each other).
Write = Callable[[Path, Sequence[Noun]], object]
#: Told what is being done and the share done, 0..1.
Progress = Callable[[str, float], None]


class Server(Protocol):
    """A running PostgreSQL server, as far as the model city needs it."""

    port: int
    database: str

    @property
    def dsn(self) -> str:
        """Connection string of its owner."""


#: Starts PostgreSQL with its data in this folder for a `with` block (`nabe.testing.servers.postgres`; handed in).
Postgres = Callable[[Path], AbstractContextManager[Server]]


@dataclass(frozen=True, slots=True)
class Demo:
    """A built model city. `social`: `postgresql` or `sqlite`; `why_sqlite`: what kept PostgreSQL from being used."""

    root: Path
    built: bool
    social: str
    why_sqlite: str = ""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What was built: by which generator, on which database, where that has its data, and the ports of services."""

    generator: str
    social: str
    data: str = ""
    ports: Mapping[str, int] = field(default_factory=dict)
    social_port: int = 0
    why_sqlite: str = ""


STAMP = Path(".nabe") / "demo.json"
SOCIAL = Path("silos") / "sozialhilfe"
SECRET = SOCIAL / "kennwort"


def build(root: Path, progress: Progress, *, write: Write, postgres: Postgres | None = None) -> Demo:
    """Make the workspace in `root`, or leave it as it is if this generator has made it before.

    `postgres`: how to start PostgreSQL; None: the social-assistance application becomes a SQLite file.
    Raises `Invalid` if `root` holds something else.
    """
    wanted = "postgresql" if postgres else "sqlite"
    stamp = read_stamp(root)
    if stamp is not None and stamp.generator == generator() and (stamp.social == wanted or stamp.why_sqlite):
        return Demo(root, False, stamp.social, stamp.why_sqlite)
    if stamp is None and root.exists() and any(root.iterdir()):
        raise Invalid(
            f"The folder {root.name!r} is not empty and no model city.",
            hint="Name another folder: nabe demo FOLDER.",
            field="folder",
        )
    progress("town", 0.0)
    before = stamp or Stamp("", "")
    save_stamp(root, replace(before, generator=""))  # begun: to be taken up again if it breaks off
    town = making.make()
    _write_files(town, root, progress)
    _secret(root / TOKEN)
    progress("social", 0.75)
    made = _social(town, root, postgres, before)
    progress("declarations", 0.95)
    write(root, nouns(town.districts, silos_of(made)))
    save_stamp(root, made)
    progress("done", 1.0)
    return Demo(root, True, made.social, made.why_sqlite)


def generator() -> str:
    """A fingerprint of everything that makes the city: another one means that it must be made anew."""
    digest = hashlib.sha256()
    for path in sorted(_sources(files("nabe.demo")), key=lambda item: str(item)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _sources(folder: Any) -> Iterator[Any]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _sources(entry)
        elif entry.name.endswith((".py", ".sql")):
            yield entry


def _write_files(town: Town, root: Path, progress: Progress) -> None:
    """All silos that are files, made beside and then put in place, so that a break leaves no half silo."""
    steps: tuple[tuple[str, str, Callable[[Town, Path], None]], ...] = (
        ("geodaten", "Geodaten des Vermessungsamts", geodata.write),
        ("einwohnerwesen", "Abzüge aus Einwohnerwesen und Statistik", residents.write),
        ("kita_verwaltung", "Datenbank der Kita-Verwaltung", kita.write),
        ("finanzen", "Excel-Exporte des Finanzverfahrens", finance.write),
        ("schulverwaltung", "Excel-Listen der Schulverwaltung", services.write_schools),
        ("gesundheit", "Arztregister des Gesundheitsamts", services.write_doctors),
        ("umwelt", "Sensorarchiv des Umweltamts", sensors.write),
        ("tiefbau", "Baustellen des Tiefbauamts", works.write_road_works),
        ("stadtwerke", "Exporte der Stadtwerke", works.write_utility),
        ("ordnungsamt", "Veranstaltungen des Ordnungsamts", works.write_events),
        ("nachbarstadt", "Was die Nachbarstadt Auental über HTTP anbietet", lambda _, folder: neighbour.write(folder)),
        ("geoportal", "Geoportal (OGC API Features)", geoportal.write),
        ("sensordienst", "Sensordienst (SensorThings)", sensornet.write),
        ("roller_anbieter", "Leihroller von Flitz (GBFS, MDS)", rides.write),
        ("baustellen_datex", "Baustellen der Landesstraßenbehörde (DATEX II)", traffic.write_state_works),
        ("ratsinformation", "Ratsinformationssystem (OParl)", council.write),
        ("parkleitsystem", "Parkleitsystem (JSON)", traffic.write_car_parks),
        ("sensornetz", "Geräte, die selbst senden (LoRaWAN, MQTT)", placing.write),
    )
    target = root / "silos"
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".bau-", dir=root) as scratch:
        for number, (name, about, make) in enumerate(steps):
            progress(name, 0.15 + 0.6 * number / len(steps))
            folder = Path(scratch) / name
            readme(folder, about)
            make(town, folder)
            shutil.rmtree(target / name, ignore_errors=True)
            folder.rename(target / name)


def _social(town: Town, root: Path, postgres: Postgres | None, before: Stamp) -> Stamp:
    folder = root / SOCIAL
    readme(folder, "Datenbank des Sozialhilfe-Fachverfahrens")
    why = ""
    if postgres is not None:
        try:
            return _in_postgres(town, root, postgres, before)
        except (RuntimeError, OSError) as error:  # it is there but cannot be used here; SQLite serves as well
            why = str(error)
    databases.social_sqlite(town, folder / "sozialhilfe.sqlite")
    return Stamp(generator(), "sqlite", why_sqlite=why, ports=before.ports)


def _in_postgres(town: Town, root: Path, postgres: Postgres, before: Stamp) -> Stamp:
    data = before.data if before.data and Path(before.data).exists() else str(_data_folder(root))
    password = root / SECRET
    if not password.exists():
        _secret(password)
    with postgres(Path(data)) as server:
        databases.social_postgres(town, server.dsn, password.read_text())
        port = server.port
    (root / SOCIAL / "sozialhilfe.sqlite").unlink(missing_ok=True)
    return Stamp(generator(), "postgresql", data, before.ports, port)


def _secret(path: Path) -> None:
    """A password or token made anew, for this account's eyes only."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(18))


def _data_folder(root: Path) -> Path:
    """Where PostgreSQL keeps its data: in the workspace, or, where the account that runs it cannot go there, aside."""
    inside = root.resolve() / SOCIAL / "postgresql"
    if os.geteuid() == 0 and not all(parent.stat().st_mode & 0o001 for parent in inside.parent.parents):
        aside = Path(tempfile.mkdtemp(prefix="nabe-musterstadt-", dir="/var/tmp"))
        aside.chmod(0o711)
        return aside / "postgresql"
    return inside


def silos_of(stamp: Stamp) -> Silos:
    """Connections of the silos that run as processes. The password stands in a file, not in a declaration."""
    if stamp.social == "postgresql":
        social: dict[str, Any] = {
            "driver": "postgresql",
            "host": "127.0.0.1",
            "port": stamp.social_port,
            "database": "nabe",
            "user": databases.READER,
            "password": f"file:{SECRET.as_posix()}",
        }
    else:
        social = {"path": f"{SOCIAL.as_posix()}/sozialhilfe.sqlite"}
    ports = {name: stamp.ports.get(name) or service.port for name, service in SERVICES.items()}
    return Silos(social, {name: f"http://127.0.0.1:{port}" for name, port in ports.items()})


def read_stamp(root: Path) -> Stamp | None:
    """What was built in this folder, or None."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        said = json.loads((root / STAMP).read_text("utf-8"))
        known = {item.name for item in fields(Stamp)}  # an older generator may have noted something else
        return Stamp(**{name: value for name, value in said.items() if name in known})
    return None


def save_stamp(root: Path, stamp: Stamp) -> None:
    """Note what was built."""
    path = root / STAMP
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(stamp), indent=1), "utf-8")
