"""Writing versions, and knowing which there are."""

from __future__ import annotations

import datetime as dt
import errno
import itertools
import os
import shutil
from pathlib import Path

from nabe.errors import NabeError, SourceRefused, SourceUnavailable
from nabe.model.dataset import Dataset, Snapshots
from nabe.model.lake import Standing, Version
from nabe.ports.lake import Written
from nabe.ports.source import Batches, Source
from nabe.query.memory import TableCache
from nabe.stores.lake.folder import GRACE, ROWS, Folder, Folders
from nabe.stores.lake.source import LakeSource
from nabe.stores.lake.writing import fill

_LAKE = "nabe-lake"
_COUNTER = itertools.count()


class ParquetLake:
    """Versions in folders below `root`."""

    def __init__(self, root: Path) -> None:
        self._folders = Folders(root)
        self._tables = TableCache()

    def write(self, dataset: Dataset, batches: Batches, *, at: dt.datetime) -> Written:
        """Keep all rows; see `nabe.ports.lake.Lake`."""
        folder = self._folders.of(dataset.id)
        newest = next(iter(folder.versions()), None)
        part: Path | None = None
        try:
            part = folder.part(f"{next(_COUNTER)}")
            filled = fill(part / ROWS, batches)
            allowed = (dataset.snapshots or Snapshots()).allow_empty
            if not filled.rows and newest is not None and newest.rows and not allowed:
                raise SourceRefused(
                    dataset.system,
                    f"it delivers no rows of {dataset.id!r}; the last copy has {newest.rows:,}.",
                    hint="If that is right, set snapshots.allow_empty.",
                    dataset=dataset.id,
                )
            fields = tuple(batches.schema.names)
            if newest is not None and (newest.digest, newest.fields) == (filled.digest, fields):
                return Written(newest, False)
            number = newest.number + 1 if newest is not None else 1
            version = Version(dataset.id, number, at, filled.rows, filled.bytes, filled.digest, fields)
            folder.publish(part, version)
            self._retire(folder, (dataset.snapshots or Snapshots()).keep, at)
            return Written(version, True)
        except FileExistsError:
            why = f"another process keeps {dataset.id!r} right now."
            raise SourceUnavailable(_LAKE, why, hint="It is tried again.") from None
        except OSError as error:
            raise _disk(error) from None
        finally:
            batches.close()
            if part is not None:
                shutil.rmtree(part, ignore_errors=True)

    def versions(self, dataset: str) -> list[Version]:
        """Newest first."""
        return self._folders.look(dataset)[0]

    def standing(self, dataset: str) -> Standing:
        """How the newest version stands for the silo."""
        return self._folders.look(dataset)[1]

    def stand(self, dataset: str, standing: Standing) -> None:
        """Remember how it stands."""
        try:
            self._folders.of(dataset).stand(standing)
        except OSError as error:
            raise _disk(error) from None

    def source(self, as_of: dt.datetime | None = None) -> Source:
        """All versions as a source."""
        return LakeSource(self._folders, self._tables, as_of)

    def forget(self, dataset: str, before: dt.datetime | None = None) -> int:
        """Remove versions that were read before this moment."""
        folder = self._folders.of(dataset)
        gone = [version for version in folder.versions() if before is None or version.at < before]
        for version in gone:
            folder.remove(version.number)
        if before is None:
            shutil.rmtree(folder.path, ignore_errors=True)
        return len(gone)

    def datasets(self) -> list[str]:
        """Ids of the datasets that have versions."""
        try:
            names = sorted(os.listdir(self._folders.root))
        except FileNotFoundError:
            return []
        return [name for name in names if self._folders.look(name)[0]]

    def _retire(self, folder: Folder, keep: int, now: dt.datetime) -> None:
        """Remove what is beyond `keep`, but nothing that was the newest only minutes ago: somebody may be reading it."""
        versions = folder.versions()
        for newer, older in itertools.pairwise(versions):
            if versions.index(older) >= keep and now - newer.at >= GRACE:
                folder.remove(older.number)


def _disk(error: OSError) -> NabeError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    why = "the disk is full." if full else f"it cannot be written: {error.strerror}."
    return SourceUnavailable(_LAKE, why, hint="It is Nabe's own store of copies (.nabe/lake): make room.")
