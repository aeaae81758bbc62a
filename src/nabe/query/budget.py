"""What a question may cost: rows pulled from a silo, estimated before anything is read, and rows handed out."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from nabe.errors import LimitExceeded
from nabe.model.dataset import Dataset, FieldType, Limits
from nabe.model.query import SealedScan
from nabe.ports.source import Batches


def limits_of(dataset: Dataset) -> Limits:
    """A dataset's limits (the hub fills in its system's), else the default ones."""
    return dataset.limits or Limits()


def within(scan: SealedScan, estimate: int, most: int) -> None:
    """Refuse, before it starts, a scan that would pull more rows than its silo allows."""
    if estimate <= most:
        return
    dataset = scan.dataset
    helpful = [*dataset.key, *([dataset.time] if dataset.time else [])]
    helpful += [field.name for field in dataset.fields if field.references or field.vocabulary]
    helpful += [field.name for field in dataset.fields if field.type in (FieldType.STRING, FieldType.DATE)]
    names = [name for name in dict.fromkeys(helpful) if name in _open_to(scan)][:5]
    raise LimitExceeded(
        f"This would read about {estimate:,} rows of {dataset.id!r}; its system allows {most:,} a question.",
        hint=f"Filter it, for instance by {', '.join(names)}, or ask for aggregates of this dataset alone."
        if names
        else "Ask for aggregates of this dataset alone.",
        code="budget-exceeded",
        dataset=dataset.id,
        estimate=estimate,
        limit=most,
        filter_by=names,
    )


def _open_to(scan: SealedScan) -> set[str]:
    if scan.floor is not None:
        return {*scan.floor.cells}
    return {field.name for field in scan.dataset.fields if not field.personal} | set(scan.fields)


def capped(batches: Batches, most: int) -> Batches:
    """The same rows, but no more than `most`: then `LimitExceeded`."""

    def rows() -> Iterator[pa.RecordBatch]:
        left = most
        for batch in batches.batches:
            left -= batch.num_rows
            if left < 0:
                raise LimitExceeded(
                    f"The answer has more than {most:,} rows.",
                    hint="Filter or aggregate more.",
                    code="too-many-rows",
                    limit=most,
                )
            yield batch

    return Batches(batches.schema, rows(), batches.close)
