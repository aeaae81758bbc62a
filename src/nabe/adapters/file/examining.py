"""What is in a delivered file, measured by its dataset's declaration: what is missing, new, of another type."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa

from nabe.adapters.file.direct import WIDE
from nabe.adapters.file.loading import stream_all
from nabe.adapters.file.part import Part
from nabe.adapters.file.plan import MARK, Plan, column_of, make_plan
from nabe.adapters.file.settings import TableSettings
from nabe.adapters.file.silo import Files, Silo
from nabe.adapters.file.translate import name
from nabe.adapting.places import Place
from nabe.errors import NabeError, SourceRefused
from nabe.model.dataset import Dataset, FieldType
from nabe.model.delivery import Delivery, Finding

FIRST_ROWS = 10
_MOST_FINDINGS = 30


def examine(
    silo: Silo,
    dataset: Dataset,
    settings: TableSettings,
    delivery: Delivery,
    place: Place,
    current: list[Place],
    others: list[Place],
) -> Delivery:
    """The delivery with rows, findings and first rows. `current`: the file it would replace; `others`: of its series."""
    try:
        parts = silo.open_all(Files((place,), (), None), settings)
        plan = make_plan(silo.system, dataset, settings, parts)
        if others:
            # With a file of its series beside it: what only both together refuse is refused now.
            beside = silo.open_all(Files((others[0],), (), None), settings)
            make_plan(silo.system, dataset, settings, [*beside, *parts])
        told = _told(silo, plan, settings)
        first = _first(silo, plan)
        rows, flaws, notes = told
    except SourceRefused as error:
        return replace(delivery, flaws=(Finding("unreadable", {"why": error.params["why"], "hint": error.hint}),))
    before, known = _before(silo, dataset, settings, current)
    new = [item for item in _spare(plan, settings) if item not in known]
    notes += [Finding("new_column", {"column": item}) for item in new]
    return replace(
        delivery,
        rows=rows,
        rows_before=before,
        flaws=tuple(flaws[:_MOST_FINDINGS]),
        notes=tuple(notes[:_MOST_FINDINGS]),
        first=first,
    )


def _told(silo: Silo, plan: Plan, settings: TableSettings) -> tuple[int, list[Finding], list[Finding]]:
    """Number of rows, flaws and notes."""
    flaws: list[Finding] = []
    notes: list[Finding] = []
    for field in plan.dataset.fields:
        if not all(field.name in found for found in plan.sources):
            lacking = Finding("missing", {"column": field.source_column, "field": field.name})
            (notes if settings.missing == "empty" else flaws).append(lacking)
    rows, filled = _counts(silo, plan)
    if not rows:
        flaws.append(Finding("no_rows"))
    if rows:
        texts = tuple(
            replace(field, type=FieldType.STRING) if field.type is not FieldType.GEOMETRY else field
            for field in plan.dataset.fields
        )
        as_text = make_plan(silo.system, replace(plan.dataset, fields=texts), settings, plan.parts)
        _, written = _counts(silo, as_text)
        for field in plan.dataset.fields:
            lost = written.get(field.name, 0) - filled.get(field.name, 0)
            if lost > 0:
                about = {"column": field.source_column, "type": field.type.value, "count": lost}
                (notes if filled[field.name] else flaws).append(
                    Finding("some_unfit" if filled[field.name] else "none_fits", about)
                )
        double = _double(silo, plan)
        if double:
            notes.append(Finding("double_key", {"count": double, "fields": ", ".join(plan.dataset.key)}))
    return rows, flaws, notes


def _counts(silo: Silo, plan: Plan) -> tuple[int, dict[str, int]]:
    """Number of rows, and of values in each field but geometry."""
    there = [
        field.name
        for field in plan.dataset.fields
        if field.name not in plan.geometry and all(field.name in found for found in plan.sources)
    ]
    if not all(part.rescan for part in plan.parts):
        batches = stream_all(silo, plan)
        rows, filled = 0, dict.fromkeys(there, 0)
        for batch in batches.batches:
            rows += batch.num_rows
            for item in there:
                filled[item] += batch.num_rows - batch[item].null_count
        return rows, filled
    filled, rows = {}, 0
    for some in _some(there):
        with silo.desk.working(plan.parts[0].shown) as cursor:
            relation, columns = plan.relation(cursor, some)
            counted = ", ".join(["count(*)", *(f"count({columns[item]})" for item in some)])
            (row,) = cursor.execute(f"SELECT {counted} FROM {relation}").fetchall()
        rows = int(row[0])
        filled |= dict(zip(some, map(int, row[1:]), strict=True))
    return rows, filled


def _some(names: list[str]) -> Iterator[list[str]]:
    for at in range(0, max(len(names), 1), WIDE):
        yield names[at : at + WIDE]


def _double(silo: Silo, plan: Plan) -> int:
    """Rows whose key occurs in an earlier row."""
    key = [item for item in plan.dataset.key if all(item in found for found in plan.sources)]
    if not key or len(key) < len(plan.dataset.key) or set(key) & set(plan.geometry):
        return 0
    with silo.desk.working(plan.parts[0].shown) as cursor:
        relation, columns = plan.relation(cursor, key)
        shown = ", ".join(f"{columns[item]} AS {name(item)}" for item in key)
        sql = "SELECT count(*) - (SELECT count(*) FROM (SELECT DISTINCT * FROM keys)) FROM keys"
        (row,) = cursor.execute(f"WITH keys AS MATERIALIZED (SELECT {shown} FROM {relation}) {sql}").fetchall()
    return int(row[0])


def _first(silo: Silo, plan: Plan) -> pa.Table:
    batches = stream_all(silo, plan)
    found, rows = [], 0
    try:
        for batch in batches.batches:
            found.append(batch)
            rows += batch.num_rows
            if rows >= FIRST_ROWS:
                break
    finally:
        batches.close()
    return pa.Table.from_batches(found, batches.schema).slice(0, FIRST_ROWS).combine_chunks()


def _before(silo: Silo, dataset: Dataset, settings: TableSettings, current: list[Place]) -> tuple[int | None, set[str]]:
    """Rows of the file that is there, and its columns that no field reads."""
    if not current:
        return None, set()
    try:
        parts = silo.open_all(Files(tuple(current), (), None), settings)
        plan = make_plan(silo.system, dataset, settings, parts)
        return _counts(silo, plan)[0], set(_spare(plan, settings))
    except NabeError:
        return None, set()


def _spare(plan: Plan, settings: TableSettings) -> list[str]:
    """Columns that no field reads."""
    used = {settings.x, settings.y, settings.wkt}
    for part in plan.parts:
        for field in plan.dataset.fields:
            column = column_of(field, part)
            used |= {field.source_column.removesuffix(MARK), column.name if column is not None else ""}
    return [item for item in _names(plan.parts) if item not in used]


def _names(parts: tuple[Part, ...]) -> list[str]:
    return list(dict.fromkeys(item.name for part in parts for item in part.columns))
