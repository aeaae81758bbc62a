"""What a source knows of its tables, trusted for a minute; names come from the dataset and are checked against it."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable
from typing import Any

from nabe.adapters.sql.databases.base import Database
from nabe.adapters.sql.settings import TableSettings, Target
from nabe.adapters.sql.translate import Native, Relation
from nabe.errors import SourceRefused
from nabe.model.dataset import Dataset, Field

#: Seconds for which a table's description is trusted.
_TRUST_S = 60.0
_SHOWN = 40


class Tables:
    """Descriptions of tables. `ask` runs a function with a connection and raises the hub's errors."""

    def __init__(self, system: str, ask: Callable[[Callable[[Any], Any]], Any], database: Database, target: Target):
        self._system = system
        self._ask = ask
        self._database = database
        self._target = target
        self._known: dict[tuple[str, str], tuple[float, Relation]] = {}

    def forget(self) -> None:
        """A table turned out to be otherwise."""
        self._known.clear()

    def settings(self, dataset: Dataset) -> TableSettings:
        """The dataset's `source`. `SourceRefused` if it does not fit (`nabe check` tells more)."""
        try:
            return TableSettings.model_validate(dict(dataset.source))
        except ValueError:
            raise SourceRefused(
                self._system,
                f"the source settings of dataset {dataset.id!r} do not fit.",
                hint="`nabe check` says which.",
                dataset=dataset.id,
            ) from None

    def relation(self, dataset: Dataset) -> Relation:
        """The dataset's table as it is now. `SourceRefused` if it is gone."""
        settings = self.settings(dataset)
        key = (settings.schema_, settings.table)
        known = self._known.get(key)
        if known is not None and time.monotonic() < known[0]:
            return known[1]
        found: Relation | None = self._ask(lambda connection: self._database.relation(connection, self._target, *key))
        if found is None:
            names = self._ask(lambda connection: self._database.tables(connection, self._target))
            raise SourceRefused(
                self._system,
                f"there is no table {settings.table!r} (any more).",
                hint=_there(settings.table, names),
                dataset=dataset.id,
                table=settings.table,
            )
        self._known[key] = (time.monotonic() + _TRUST_S, found)
        return found

    def column(self, dataset: Dataset, name: str) -> tuple[Native, Field]:
        """A field and its column. `SourceRefused` if the column is gone."""
        field = dataset.field(name)
        assert field is not None
        relation = self.relation(dataset)
        native = relation.columns.get(field.source_column)
        if native is None:
            self.forget()  # it may be back in a moment
            raise SourceRefused(
                self._system,
                f"the table {relation.name!r} has no column {field.source_column!r} (any more).",
                hint=_there(field.source_column, list(relation.columns)),
                dataset=dataset.id,
                column=field.source_column,
            )
        return native, field

    def unfit(self, dataset: Dataset, native: Native, field: Field) -> SourceRefused:
        """The error for a column whose type is not what the dataset says."""
        return SourceRefused(
            self._system,
            f"the column {native.name!r} ({native.native or 'no type'}) cannot be read as {field.type.value}.",
            hint=f"Declare the field {field.name!r} of {dataset.id!r} as {native.type.value}, or let the owner offer a view.",
            dataset=dataset.id,
            column=native.name,
        )


def _there(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, 1)
    listed = ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
    return (f"Did you mean {near[0]!r}? " if near else "") + (f"There are: {listed}." if names else "There is none.")
