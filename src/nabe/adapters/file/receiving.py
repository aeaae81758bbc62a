"""Files delivered for a dataset: held aside, read as declared, and put in the old one's place in one step."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import os
import re
import secrets
import shutil
import threading
import time
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from nabe.adapters.file.examining import examine
from nabe.adapters.file.remote.walk import is_pattern, sound
from nabe.adapters.file.settings import TableSettings, is_url
from nabe.adapters.file.silo import Silo, table_settings
from nabe.adapting.places import Place
from nabe.errors import Conflict, Invalid, LimitExceeded, SourceRefused, SourceUnavailable, Unknown
from nabe.model.dataset import Dataset
from nabe.model.delivery import Delivery, Finding

#: Seconds that a delivered file waits for its word, and files that wait at a time.
_WAITS_S = 24 * 3600.0
_MOST_HELD = 20
#: MB that a packed delivery may become.
_MOST_UNPACKED_MB = 1000
_EXAMINE_S = 240.0
_ID = re.compile(r"[A-Za-z0-9_-]{16}")


@dataclass(frozen=True, slots=True)
class _Held:
    """What is kept beside a held file. `declared`: digest of how the dataset was declared; `before`: the version of the
    file that was there (mtime in ns and size), both to be the same when it is taken."""

    delivery: dict[str, Any]
    declared: str
    before: tuple[int, int] | None


class Receiver:
    """Deliveries to the folder of one system. `kept`: a folder of Nabe's own for held files and older versions."""

    def __init__(self, silo: Silo, kept: str) -> None:
        self._silo = silo
        self._folder = Path(kept)
        self._lock = threading.Lock()

    def receives(self, dataset: Dataset) -> str:
        """Why no file can be delivered for this dataset (a key of `locale/*/delivery.toml`); empty if one can."""
        if self._silo.folder is None or not self._silo.settings.location:
            return "elsewhere"
        path = self._path(table_settings(self._silo, dataset.source))
        if is_url(path) or not path:
            return "elsewhere"
        if is_pattern(path.rpartition("/")[0]):
            return "many_folders"
        # A shapefile is several files, which only an archive holds together.
        return "several_files" if path.lower().endswith(".shp") else ""

    def hold(self, dataset: Dataset, name: str, content: BinaryIO, by: str) -> Delivery:
        """Keep the file aside and read it as declared. One that does not fit is not kept."""
        settings = table_settings(self._silo, dataset.source)
        target, shown = self._target(settings, name)
        self._tidy()
        id = secrets.token_urlsafe(12)
        folder = self._held / id
        try:
            folder.mkdir(parents=True, mode=0o700)
            size, digest = self._write(content, folder / "file")
            delivery = Delivery(id, dataset.id, by, name[:200], size, digest)
            delivery = self._examined(dataset, settings, delivery, target, shown)
            if delivery.fits:
                before = _version(target)
                held = _Held(_plain(delivery), _declared(dataset), before)
                (folder / "delivery.json").write_text(json.dumps(asdict(held)), "utf-8")
                if delivery.first is not None:
                    with (
                        pa.OSFile(str(folder / "first.arrow"), "wb") as out,
                        pa.ipc.new_file(out, delivery.first.schema) as to,
                    ):
                        to.write_table(delivery.first)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise self._no_room(error) from None
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        if not delivery.fits:
            shutil.rmtree(folder, ignore_errors=True)
        return delivery

    def held(self, dataset: Dataset, id: str) -> Delivery:
        """A file that waits for its word; `Unknown` if there is none (any more)."""
        return self._load(dataset, id)[0]

    def take(self, dataset: Dataset, id: str) -> Delivery:
        """Put it in the old one's place in one step; the old one is kept among the versions.

        `Conflict` if the dataset was declared otherwise meanwhile, or another file was put there.
        """
        with self._lock:
            delivery, held = self._load(dataset, id)
            target, _ = self._target(table_settings(self._silo, dataset.source), delivery.name)
            if held.declared != _declared(dataset):
                raise Conflict("The dataset was declared otherwise meanwhile.", hint="Deliver the file anew.")
            before = _version(target)
            if before != held.before:
                raise Conflict("Another file was put there meanwhile.", hint="Deliver the file anew.")
            draft = target.with_name(f".{target.name}.{id}.part")
            try:
                _copied(self._held / id / "file", draft, target)
                if before is not None:
                    self._archive(dataset, target)
                os.replace(draft, target)
                _synced(target.parent)
            except OSError as error:
                raise self._no_room(error) from None
            finally:
                draft.unlink(missing_ok=True)
        shutil.rmtree(self._held / id, ignore_errors=True)
        return delivery

    def drop(self, dataset: Dataset, id: str) -> None:
        """Forget a file that waits."""
        self._load(dataset, id)
        shutil.rmtree(self._held / id, ignore_errors=True)

    @property
    def _held(self) -> Path:
        return self._folder / "held"

    def _path(self, settings: TableSettings) -> str:
        return settings.path or self._silo.settings.path

    def _target(self, settings: TableSettings, name: str) -> tuple[Path, str]:
        """The file to be replaced or added, and what messages call it. `Invalid` for a name that does not fit."""
        path = self._path(settings)
        own = re.split(r"[/\\]", name)[-1].strip()
        folder = self._silo.folder
        assert folder is not None, "receives() was not asked"
        if is_pattern(path):
            above, _, pattern = path.rpartition("/")
            if not sound(own) or len(own) > 150 or not fnmatchcase(own, pattern):
                raise Invalid(
                    f"The file's name must fit {pattern!r}.", hint="Rename it.", field="name", code="name-does-not-fit"
                )
            path = f"{above}/{own}" if above else own
        target = folder.target(path)
        return target, folder.shown(target)

    def _write(self, content: BinaryIO, to: Path) -> tuple[int, str]:
        most = self._silo.settings.max_mb * 1_000_000
        digest, size = hashlib.sha256(), 0
        with to.open("wb") as out:
            while chunk := content.read(1 << 20):
                size += len(chunk)
                if size > most:
                    raise LimitExceeded(f"The file is larger than {most // 1_000_000} MB.", field="file")
                digest.update(chunk)
                out.write(chunk)
        return size, digest.hexdigest()

    def _examined(
        self, dataset: Dataset, settings: TableSettings, delivery: Delivery, target: Path, shown: str
    ) -> Delivery:
        """The delivery with what is in it, read by a silo of its own whose copies go with the held file."""
        folder = self._held / delivery.id
        with (folder / "file").open("rb") as file:
            head = file.read(2)
        if head == b"\x1f\x8b" and not target.name.lower().endswith(".gz"):
            return replace(delivery, flaws=(Finding("packed", {"name": target.name}),))
        limits = self._silo.settings.model_copy(update={"max_mb": min(self._silo.settings.max_mb, _MOST_UNPACKED_MB)})
        stat = (folder / "file").stat()
        place = Place(folder / "file", shown, target.name, (stat.st_mtime_ns, stat.st_size))
        old = [item for item in self._there(settings) if item.path != target][:1]
        current = [item for item in self._there(settings) if item.path == target]
        aside = Silo(
            self._silo.system, limits, replace(self._silo.context, cache=str(folder / "work")), _none, _EXAMINE_S
        )
        try:
            return examine(aside, dataset, settings, delivery, place, current, old)
        finally:
            aside.close()
            shutil.rmtree(folder / "work", ignore_errors=True)

    def _there(self, settings: TableSettings) -> list[Place]:
        assert self._silo.folder is not None
        try:
            return self._silo.folder.find(self._path(settings))
        except (SourceRefused, SourceUnavailable):
            return []

    def _load(self, dataset: Dataset, id: str) -> tuple[Delivery, _Held]:
        folder = self._held / id
        gone = Unknown("There is no such delivery (any more).", hint="Deliver the file anew.")
        if not _ID.fullmatch(id):
            raise gone
        try:
            read = json.loads((folder / "delivery.json").read_text("utf-8"))
            before = read["before"]
            held = _Held(read["delivery"], read["declared"], tuple(before) if before else None)
            delivery = _restored(held.delivery)
            if (folder / "first.arrow").exists():
                with pa.OSFile(str(folder / "first.arrow")) as file:
                    delivery = replace(delivery, first=pa.ipc.open_file(file).read_all())
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
            raise gone from None
        if delivery.dataset != dataset.id:
            raise gone
        return delivery, held

    def _archive(self, dataset: Dataset, target: Path) -> None:
        most = self._silo.settings.keep_versions
        folder = self._folder / "versions" / dataset.id
        if most:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            now = dt.datetime.now(dt.UTC)
            shutil.copy2(target, folder / f"{now:%Y%m%dT%H%M%S%f}Z-{target.name}")
        for old in sorted(folder.glob("*"))[: -most or None]:
            old.unlink()

    def _tidy(self) -> None:
        """Files that waited too long go; of those that wait, only so many."""
        with contextlib.suppress(OSError):
            waiting = sorted(self._held.iterdir(), key=lambda item: item.stat().st_mtime, reverse=True)
            for number, item in enumerate(waiting):
                if number >= _MOST_HELD or time.time() - item.stat().st_mtime > _WAITS_S:
                    shutil.rmtree(item, ignore_errors=True)

    def _no_room(self, error: OSError) -> SourceUnavailable:
        why = os.strerror(error.errno) if error.errno else "writing failed"
        return SourceUnavailable(
            self._silo.system,
            f"the delivered file cannot be kept ({why}).",
            hint="The operator looks at rights and room of the folder.",
            file="delivery",
        )


def _none(text: str) -> str:
    return text


def _declared(dataset: Dataset) -> str:
    about = repr((sorted(dataset.source.items(), key=lambda item: item[0]), dataset.fields, dataset.key, dataset.crs))
    return hashlib.sha256(about.encode()).hexdigest()


def _version(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return (found.st_mtime_ns, found.st_size)


def _copied(source: Path, draft: Path, target: Path) -> None:
    """A durable copy beside the target, as readable as the file it replaces."""
    shutil.copyfile(source, draft)
    with contextlib.suppress(FileNotFoundError):
        shutil.copymode(target, draft)
    with draft.open("rb+") as file:
        os.fsync(file.fileno())


def _synced(folder: Path) -> None:
    """The folder's new entry survives a power cut, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _plain(delivery: Delivery) -> dict[str, Any]:
    return asdict(replace(delivery, first=None))


def _restored(read: dict[str, Any]) -> Delivery:
    told = {name: tuple(Finding(item["kind"], item["params"]) for item in read[name]) for name in ("flaws", "notes")}
    return Delivery(**{**read, **told})


__all__ = ["Receiver"]
