"""Results of quality checks in a relational database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import sqlalchemy as sa

from nabe.model.quality import Result
from nabe.stores.relational.database import reading, writing
from nabe.stores.relational.tables import QUALITY

_TABLE = QUALITY.c


class RelationalQuality:
    """The newest results of each rule; older ones go."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def add(self, results: Sequence[Result], *, keep: int) -> None:
        """Keep these, and of each rule the newest `keep` that say something and `keep` that do not."""
        if not results:
            return
        with writing(self._engine) as connection:
            connection.execute(sa.insert(QUALITY), [_row(result) for result in results])
            datasets = sorted({result.dataset for result in results})
            ranked = _ranked(datasets, _TABLE.known)
            old = sa.select(ranked.c.number).where(ranked.c.rank > keep)
            connection.execute(sa.delete(QUALITY).where(_TABLE.number.in_(old)))

    def results(self, datasets: Sequence[str], *, limit: int) -> list[Result]:
        """The newest `limit` of each rule, newest first, and the newest that says something."""
        found: list[Result] = []
        with reading(self._engine) as connection:
            for start in range(0, len(datasets), 500):
                part = datasets[start : start + 500]
                every, telling = _ranked(part), _ranked(part, _TABLE.known)
                wanted = sa.union(
                    sa.select(every.c.number).where(every.c.rank <= limit),
                    sa.select(telling.c.number).where(telling.c.rank <= 1, telling.c.known == 1),
                ).subquery()
                query = sa.select(_TABLE.body).where(_TABLE.number.in_(sa.select(wanted.c.number)))
                found += [_result(row.body) for row in connection.execute(query.order_by(*_NEWEST))]
        return sorted(found, key=lambda result: result.at, reverse=True) if len(datasets) > 500 else found


#: Of two results of one moment the later one written is the newer.
_NEWEST = (_TABLE.at.desc(), _TABLE.number.desc())


def _ranked(datasets: Sequence[str], *by: sa.ColumnElement[int]) -> sa.Subquery:
    """Results of these datasets, numbered from the newest on, per rule (and whatever else)."""
    rank = sa.func.row_number().over(partition_by=(_TABLE.dataset, _TABLE.rule, *by), order_by=_NEWEST)
    query = sa.select(_TABLE.number, _TABLE.known, rank.label("rank"))
    return query.where(_TABLE.dataset.in_(list(datasets))).subquery()


def _row(result: Result) -> dict[str, object]:
    return {
        "dataset": result.dataset,
        "rule": result.rule,
        "at": result.at.astimezone(dt.UTC).isoformat(timespec="microseconds"),
        "known": int(result.known),
        "body": msgspec.json.encode(_clean(result)).decode(),
    }


def _clean(result: Result) -> Result:
    """Keys come from silos: no signs that a database refuses."""
    keys = tuple(key.encode("utf-8", "replace").decode().replace("\0", "\ufffd") for key in result.keys)
    return replace(result, keys=keys)


def _result(body: str) -> Result:
    result: Result = msgspec.json.decode(body, type=Result)
    return result
