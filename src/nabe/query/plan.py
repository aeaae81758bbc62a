"""Who computes what: the silo what it can, the engine the joins, the hub the rest.

 - rows of one dataset: the source reads, `evaluate` finishes;
 - SQL over one silo that means the same there: the whole question goes to the silo;
 - else the engine: plain scans mounted where it can read them itself, everything else streamed to it.

A narrowed scan is fenced: its sealed SELECT runs as a query of its own, and only finished rows meet the asker's SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, TypeVar

import pyarrow as pa
import sqlglot
from sqlglot import exp

from nabe.errors import Invalid, SourceRefused, SourceUnavailable
from nabe.model.dataset import Dataset, FieldType
from nabe.model.expr import ALL_ROWS, conjuncts
from nabe.model.query import SealedProduct, SealedQuery, SealedScan
from nabe.model.result import SourceState
from nabe.ports.engine import Budget, Engine, Input, Mounted, Streamed
from nabe.ports.lake import Lake
from nabe.ports.source import Batches, CanCount, CanMount, CanRunSql, Capabilities, DatabaseMount, Mount, Source
from nabe.query import budget as costs
from nabe.query.answering import Answering
from nabe.query.converting import conversions, converted
from nabe.query.evaluate import finish, scan_schema
from nabe.query.needs import left_over
from nabe.query.portable import is_portable, translated
from nabe.query.reach import Reach
from nabe.query.sql import condition

_FENCE = "nabe_fence"


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows, how many there are in all (if asked for and known), and how each silo answered."""

    batches: Batches
    total: int | None
    sources: tuple[SourceState, ...]


def run(sealed: SealedQuery, reach: Reach, engine: Engine, budget: Budget, lake: Lake | None = None) -> Answer:
    """The rows of a sealed query, streamed. Raises any error of `nabe.errors`.

    A silo that does not answer, or answers with something else than declared, is replaced by its last copies where the
    datasets allow that, before the first row is out.
    """
    down: frozenset[str] = frozenset()
    while True:
        answering = Answering(reach, lake, sealed.as_of, down)
        try:
            batches, total = _Planner(reach, engine, budget, answering).query(sealed)
            if answering.may_stand_in():
                batches = _begun(batches)
            return Answer(costs.capped(batches, budget.rows), total, tuple(answering.states.values()))
        except (SourceUnavailable, SourceRefused) as error:
            more = answering.replaceable(error) - down
            if not more:
                raise
            down |= more


def explain(sealed: SealedQuery, reach: Reach, engine: Engine, budget: Budget, lake: Lake | None = None) -> list[str]:
    """What `run` would do, line by line, without reading data."""
    answering = Answering(reach, lake, sealed.as_of, frozenset())
    return _Planner(reach, engine, budget, answering).explained(sealed)


T = TypeVar("T")


class _Planner:
    """One run."""

    def __init__(self, reach: Reach, engine: Engine, budget: Budget, answering: Answering) -> None:
        self._reach = reach
        self._engine = engine
        self._budget = budget
        self._answering = answering

    # --- rows of a query --------------------------------------------------------------------------------------------

    def query(self, sealed: SealedQuery) -> tuple[Batches, int | None]:
        """Rows of a query and, if asked for, their number."""
        if not sealed.sql:
            ((_, item),) = sealed.inputs
            return self._single(item, sealed.count)
        pushed = self._pushed(sealed)
        if pushed is not None:
            return pushed, None
        inputs = {alias: self._input(item) for alias, item in sealed.inputs}
        return self._joined(sealed, inputs), None

    def _single(self, item: SealedScan | SealedProduct, count: bool) -> tuple[Batches, int | None]:
        if isinstance(item, SealedScan):
            source, total = self._source(item), None
            if count and isinstance(source, CanCount):
                counter: CanCount = source
                total = self._ask(item, source, lambda: counter.count(item))
            self._within(item, source)
            return self._read(item, source), total
        if not count:
            return self._product(item), None
        table = _whole(self._product(_unlimited(item)))
        offset, limit = item.scan.offset, item.scan.limit
        part = table.slice(offset, limit) if limit is not None else table.slice(offset)
        return Batches(table.schema, iter(part.to_batches())), table.num_rows

    def _read(self, scan: SealedScan, source: Source) -> Batches:
        return finish(self._answering.read(scan, source), scan, source.capabilities)

    def _product(self, item: SealedProduct) -> Batches:
        inner, _ = self.query(item.query)
        return finish(_named(inner, item.scan.dataset), item.scan, Capabilities())

    # --- a whole question to one silo -------------------------------------------------------------------------------

    def _pushed(self, sealed: SealedQuery) -> Batches | None:
        plan = self._pushable(sealed)
        if plan is None:
            return None
        scan, source, text = plan
        schema = self._schema(sealed)
        return self._reach.stream(
            scan.dataset.system, self._timeout(scan), lambda: _runner(source).run_sql(text, schema)
        )

    def _pushable(self, sealed: SealedQuery) -> tuple[SealedScan, Source, str] | None:
        """The silo and the SQL for it, if the whole question can go there."""
        items = [item for _, item in sealed.inputs]
        plain = [item for item in items if isinstance(item, SealedScan) and not item.narrowed]
        if not plain or len(plain) < len(items) or len({item.dataset.system for item in plain}) > 1:
            return None
        sources = [self._source(item) for item in plain]
        source = sources[0]
        if any(other is not source for other in sources):  # one of them is answered from a copy
            return None
        if any(conversions(item.dataset) for item in plain):
            return None  # the silo would compute with its own units
        dialect = source.capabilities.sql
        types = {alias: _types(item.dataset) for alias, item in sealed.inputs if isinstance(item, SealedScan)}
        if not isinstance(source, CanRunSql) or not dialect or not is_portable(sealed.sql, types, dialect):
            return None
        if not _shrinks(sealed.sql):
            for item in plain:
                self._within(item, source)
        relations = {alias: source.relation(item) for alias, item in sealed.inputs if isinstance(item, SealedScan)}
        return plain[0], source, translated(sealed.sql, relations, dialect)

    def _schema(self, sealed: SealedQuery) -> pa.Schema:
        """Types of the answer, as the engine would give them: from the same SQL over empty tables."""
        shapes = tuple((alias, scan_schema(item)) for alias, item in sealed.inputs if isinstance(item, SealedScan))
        return _described(self._engine, sealed.sql, shapes)

    # --- the engine -------------------------------------------------------------------------------------------------

    def _joined(self, sealed: SealedQuery, inputs: Mapping[str, Input]) -> Batches:
        databases = [
            item for item in inputs.values() if isinstance(item, Mounted) and isinstance(item.mount, DatabaseMount)
        ]
        if not databases:
            return self._engine.run(sealed.sql, inputs, self._budget)
        # The engine waits for the silo's own server here, which cannot be interrupted from outside: cut it off.
        systems = " and ".join(dict.fromkeys(item.scan.dataset.system for item in databases))
        seconds = min(self._timeout(item.scan) for item in databases)
        return self._reach.stream(systems, seconds, lambda: self._engine.run(sealed.sql, inputs, self._budget))

    def _input(self, item: SealedScan | SealedProduct) -> Input:
        if isinstance(item, SealedProduct):
            geometry = _geometry(item.scan)
            return Streamed(lambda: self._product(item), geometry)
        source = self._source(item)
        self._within(item, source)
        mount = self._mount(item, source)
        if mount is None:
            return Streamed(lambda: self._read(item, source), _geometry(item))
        if not item.narrowed:
            return Mounted(item, mount)
        fenced = SealedQuery(((_FENCE, item),), f"SELECT * FROM {_FENCE}")
        return Streamed(lambda: self._joined(fenced, {_FENCE: Mounted(item, mount)}), _geometry(item))

    def _mount(self, scan: SealedScan, source: Source) -> Mount | None:
        if not isinstance(source, CanMount):
            return None
        mounter: CanMount = source
        return self._ask(scan, source, lambda: mounter.mount(scan))

    # --- asking a silo ----------------------------------------------------------------------------------------------

    def _source(self, scan: SealedScan) -> Source:
        return converted(self._answering.source(scan), scan)

    def _ask(self, scan: SealedScan, source: Source, ask: Callable[[], T]) -> T:
        return self._answering.ask(scan, source, ask)

    def _within(self, scan: SealedScan, source: Source) -> None:
        if source.capabilities.instant:
            return
        estimate = self._ask(scan, source, lambda: source.estimate(scan))
        costs.within(scan, estimate, costs.limits_of(scan.dataset).rows)

    def _timeout(self, scan: SealedScan) -> float:
        return self._answering.timeout(scan)

    # --- explaining -------------------------------------------------------------------------------------------------

    def explained(self, sealed: SealedQuery, depth: int = 0) -> list[str]:
        """The plan of a query in English lines."""
        indent = "  " * depth
        pushed = self._pushable(sealed) if sealed.sql else None
        if pushed is not None:
            scan, source, text = pushed
            return [
                f"{indent}system {scan.dataset.system!r} computes the whole answer ({source.capabilities.sql}):",
                f"{indent}  {text}",
            ]
        lines = []
        for _, item in sealed.inputs:
            if isinstance(item, SealedProduct):
                lines.append(f"{indent}product {item.scan.dataset.id!r}, made under its own use case:")
                lines += self.explained(item.query, depth + 1)
                lines += [f"{indent}  then {step}" for step in _steps(item.scan, Capabilities())]
            else:
                lines += [indent + line for line in self._scan_lines(item, joined=bool(sealed.sql))]
        if sealed.sql:
            lines += [f"{indent}the engine joins:", f"{indent}  {sealed.sql}"]
        return lines

    def _scan_lines(self, scan: SealedScan, *, joined: bool) -> list[str]:
        source = self._source(scan)
        estimate = self._ask(scan, source, lambda: source.estimate(scan))
        most = costs.limits_of(scan.dataset).rows
        mount = self._mount(scan, source) if joined else None
        how = "the engine reads it in place" if mount is not None else "it delivers rows"
        fence = ", behind a fence" if mount is not None and scan.narrowed else ""
        head = f"{scan.dataset.id!r} from system {scan.dataset.system!r}: {how}{fence}; about {estimate:,} rows (limit {most:,})"
        lines = [head, f"  fields: {', '.join(scan.fields)}"]
        asked = getattr(source, "explain", None)
        if mount is None and asked is not None:
            lines.append(f"  asked: {self._ask(scan, source, lambda: str(asked(scan)))}")
        done = _engine_does(source.capabilities) if mount is not None else source.capabilities
        lines += [f"  by the silo: {step}" for step in _steps_done(scan, done)]
        lines += [f"  by the hub: {step}" for step in _steps(scan, done)]
        return lines


def _engine_does(capabilities: Capabilities) -> Capabilities:
    """The engine that reads a mounted table does every step."""
    return replace(capabilities, filter=True, bbox=True, order=True, limit=True, floor=True)


def _steps(scan: SealedScan, done: Capabilities) -> list[str]:
    """The steps that the hub does, in words."""
    left = left_over(scan, done)
    return [text for step, text in _words(scan) if step in left]


def _steps_done(scan: SealedScan, done: Capabilities) -> list[str]:
    left = left_over(scan, done)
    return [text for step, text in _words(scan) if step not in left]


def _words(scan: SealedScan) -> list[tuple[str, str]]:
    words: list[tuple[str, str]] = []
    if scan.allowed != ALL_ROWS:
        words.append(("allowed", "only the rows that the grant allows"))
    words += [("rounding", f"{name} rounded to {step:g}") for name, step in scan.rounding]
    if scan.floor is not None:
        words.append(("floor", f"cells of {', '.join(scan.floor.cells)} with fewer than {scan.floor.size} hidden"))
    words += [("where", f"filter {condition(part, str, 'duckdb', bbox=str)}") for part in conjuncts(scan.where)]
    if scan.order:
        words.append(("order", "ordered by " + ", ".join(order.field for order in scan.order)))
    if scan.limit is not None:
        words.append(("order", f"at most {scan.limit} rows from {scan.offset}"))
    return words


def _begun(batches: Batches) -> Batches:
    """The same rows, the first of them there already: what fails, fails now."""
    try:
        first = next(batches.batches, None)
    except BaseException:
        batches.close()
        raise
    rows = iter(()) if first is None else chain((first,), batches.batches)
    return replace(batches, batches=rows)


def _unlimited(item: SealedProduct) -> SealedProduct:
    return replace(item, scan=replace(item.scan, limit=None, offset=0))


def _named(inner: Batches, product: Dataset) -> Batches:
    """A product's columns under the names of its fields."""
    names = {field.source_column.lower(): field.name for field in product.fields}
    schema = pa.schema([field.with_name(names.get(field.name.lower(), field.name)) for field in inner.schema])
    missing = [field.name for field in product.fields if field.name not in schema.names]
    if missing:
        inner.close()
        raise Invalid(
            f"The SQL of product {product.id!r} gives no column for its field {missing[0]!r}.",
            hint=f"It gives: {', '.join(schema.names)}.",
            dataset=product.id,
            field=missing[0],
        )
    rows = (pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in inner.batches)
    return Batches(schema, rows, inner.close)


def _whole(batches: Batches) -> pa.Table:
    try:
        return pa.Table.from_batches(list(batches.batches), batches.schema)
    finally:
        batches.close()


def _types(dataset: Dataset) -> dict[str, FieldType]:
    return {field.name: field.type for field in dataset.fields}


def _geometry(scan: SealedScan) -> tuple[str, ...]:
    types = _types(scan.dataset)
    return tuple(name for name in scan.fields if types[name] is FieldType.GEOMETRY)


def _runner(source: Source) -> CanRunSql:
    assert isinstance(source, CanRunSql)
    return source


def _shrinks(sql: str) -> bool:
    """Does the question hand out aggregates or a few rows, so that little is pulled out of the silo?"""
    tree: Any = sqlglot.parse_one(sql, dialect="duckdb")
    grouped = tree.args.get("group") is not None or any(item.find(exp.AggFunc) for item in tree.selects)
    return grouped or tree.args.get("limit") is not None


_DESCRIBED: dict[tuple[str, tuple[tuple[str, str], ...]], pa.Schema] = {}


def _described(engine: Engine, sql: str, shapes: tuple[tuple[str, pa.Schema], ...]) -> pa.Schema:
    key = (sql, tuple((alias, str(shape)) for alias, shape in shapes))
    found = _DESCRIBED.get(key)
    if found is None:
        inputs: dict[str, Input] = {alias: Streamed(_empty(shape)) for alias, shape in shapes}
        batches = engine.run(sql, inputs, Budget())
        batches.close()
        if len(_DESCRIBED) > 1000:
            _DESCRIBED.clear()
        found = _DESCRIBED[key] = batches.schema
    return found


def _empty(shape: pa.Schema) -> Callable[[], Batches]:
    return lambda: Batches(shape, iter(()))
