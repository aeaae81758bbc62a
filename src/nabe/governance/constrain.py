"""From a permit to a `SealedScan`: the asker's scan, narrowed to what the decision leaves."""

from __future__ import annotations

from nabe.errors import Denied, Invalid
from nabe.model import query as q
from nabe.model.dataset import Dataset, FieldType
from nabe.model.decision import Decision
from nabe.model.expr import fields_of


def constrain(scan: q.Scan, dataset: Dataset, decision: Decision) -> q.SealedScan:
    """Seal `scan` with `decision`; never wider than either.

    Raises `Denied` without a permit or for a field the decision does not leave, `Invalid` for an unknown field.
    """
    if not decision.permit or decision.request.dataset != dataset.id or scan.dataset != dataset.id:
        raise Denied(
            f"Reading {dataset.id!r} is not permitted.",
            reasons=tuple((verdict.reason, dict(verdict.params)) for verdict in decision.because),
            dataset=dataset.id,
        )
    duties = decision.obligations
    readable = tuple(field.name for field in dataset.fields if field.name in duties.columns)
    fields = readable if scan.fields is q.ALL_FIELDS else scan.fields
    for name in (*fields, *fields_of(scan.where), *(order.field for order in scan.order)):
        _must_be_readable(name, dataset, readable)
    for name in duties.rounding:
        field = dataset.field(name)
        if field is None or field.type not in (FieldType.INTEGER, FieldType.NUMBER):
            raise Invalid(f"Rounding of {dataset.id}.{name}: not a number field.", field=name)
    floor = None
    if duties.min_group > 1:
        floor = q.Floor(
            duties.min_group,
            cells=tuple(name for name in readable if name not in duties.measures),
            subject=duties.subject,
            measures=tuple(name for name in readable if name in duties.measures),
        )
    return q.SealedScan(
        dataset=dataset,
        fields=tuple(fields),
        decision=decision.id,
        allowed=duties.allowed,
        where=scan.where,
        rounding=tuple(sorted((name, step) for name, step in duties.rounding.items())),
        floor=floor,
        order=scan.order,
        limit=scan.limit,
        offset=scan.offset,
        seal=q._SEAL,
    )


def _must_be_readable(name: str, dataset: Dataset, readable: tuple[str, ...]) -> None:
    if name in readable:
        return
    if dataset.field(name) is None:
        raise Invalid(
            f"{dataset.id!r} has no field {name!r}.",
            hint=f"Fields you may read: {', '.join(readable) or 'none'}.",
            field=name,
        )
    raise Denied(
        f"Field {name!r} of {dataset.id!r} is not covered by your grant.",
        reasons=(("field_not_granted", {"dataset": dataset.id, "field": name}),),
        hint=f"Fields you may read: {', '.join(readable) or 'none'}.",
        dataset=dataset.id,
        field=name,
    )
