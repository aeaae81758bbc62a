"""The history of runs in a relational database; a row at work is a lease that other processes see."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from nabe.model.lake import Run, RunState
from nabe.stores.relational.database import reading, writing
from nabe.stores.relational.tables import RUN

_LONGEST = 1000


class RelationalRuns:
    """Runs, newest last."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def begin(self, kind: str, system: str, dataset: str, *, at: dt.datetime, until: dt.datetime) -> int | None:
        """Number of a new run; None while another one of this kind and dataset is at work."""
        same = (RUN.c.kind == kind) & (RUN.c.system == system) & (RUN.c.dataset == dataset)
        open_ = same & (RUN.c.state == RunState.RUNNING.value)
        with writing(self._engine) as connection:
            if connection.execute(sa.select(RUN.c.number).where(open_ & (RUN.c.until > _text(at)))).first():
                return None
            lost = {"state": RunState.INTERRUPTED.value, "ended": RUN.c.until}
            connection.execute(sa.update(RUN).where(open_).values(**lost))
            row = {"kind": kind, "system": system, "dataset": dataset, "started": _text(at), "until": _text(until)}
            state = {"state": RunState.RUNNING.value, "rows": -1, "bytes": -1, "detail": "", "version": 0}
            made = connection.execute(sa.insert(RUN).values(**row, **state))
            number: int = made.inserted_primary_key[0]  # type: ignore[index]
            return number

    def extend(self, number: int, until: dt.datetime) -> None:
        """The run is still at work."""
        with writing(self._engine) as connection:
            connection.execute(sa.update(RUN).where(RUN.c.number == number).values(until=_text(until)))

    def end(
        self,
        number: int,
        state: RunState,
        *,
        at: dt.datetime,
        rows: int = -1,
        bytes: int = -1,
        detail: str = "",
        version: int = 0,
    ) -> Run:
        """The run is over."""
        values = {"state": state.value, "ended": _text(at), "rows": rows, "bytes": bytes, "version": version}
        with writing(self._engine) as connection:
            connection.execute(sa.update(RUN).where(RUN.c.number == number).values(**values, detail=detail[:_LONGEST]))
            return _run(connection.execute(sa.select(RUN).where(RUN.c.number == number)).one())

    def list(self, *, system: str = "", dataset: str = "", limit: int = 100) -> list[Run]:
        """Runs, newest first."""
        query = sa.select(RUN).order_by(RUN.c.number.desc()).limit(limit)
        if system:
            query = query.where(RUN.c.system == system)
        if dataset:
            query = query.where(RUN.c.dataset == dataset)
        with reading(self._engine) as connection:
            return [_run(row) for row in connection.execute(query)]

    def latest(self) -> Mapping[tuple[str, str, str], Run]:
        """The newest run of each (kind, system, dataset)."""
        newest = sa.select(sa.func.max(RUN.c.number)).group_by(RUN.c.kind, RUN.c.system, RUN.c.dataset)
        with reading(self._engine) as connection:
            rows = connection.execute(sa.select(RUN).where(RUN.c.number.in_(newest)))
            return {(row.kind, row.system, row.dataset): _run(row) for row in rows}

    def prune(self, keep: int) -> int:
        """Forget all but the newest `keep` runs of each system."""
        ranked = sa.select(
            RUN.c.number,
            sa.func.row_number().over(partition_by=RUN.c.system, order_by=RUN.c.number.desc()).label("place"),
        ).subquery()
        old = sa.select(ranked.c.number).where(ranked.c.place > keep)
        with writing(self._engine) as connection:
            return connection.execute(sa.delete(RUN).where(RUN.c.number.in_(old))).rowcount


def _text(at: dt.datetime) -> str:
    """Moments as text of one length, so that they can be compared."""
    return at.astimezone(dt.UTC).isoformat(timespec="microseconds")


def _run(row: Any) -> Run:
    ended = dt.datetime.fromisoformat(row.ended) if row.ended else None
    started = dt.datetime.fromisoformat(row.started)
    return Run(
        row.number, row.kind, row.system, row.dataset, started, ended, RunState(row.state), row.rows, row.bytes,
        row.detail, row.version,
    )  # fmt: skip
