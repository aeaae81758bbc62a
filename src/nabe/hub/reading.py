"""From a question to sealed scans: parse, decide for every dataset, seal; products under their own use case."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pyarrow as pa

from nabe.errors import Denied, Invalid
from nabe.governance.constrain import constrain
from nabe.hub.deciding import Deciding, unknown
from nabe.model.catalogue import Snapshot
from nabe.model.dataset import Dataset, Field
from nabe.model.decision import Action, Decision
from nabe.model.party import Actor
from nabe.model.query import Query, Scan, SealedProduct, SealedQuery, SealedScan
from nabe.model.schema import field_type
from nabe.query.text import Known, parse

_DEEPEST_PRODUCT = 16


@dataclass(frozen=True, slots=True)
class Asking:
    """On whose behalf a query is sealed. `for_product`: the chain of products that read (outermost first); `for_check`: the
    dataset whose rules are checked (what is read then is counted, never handed out)."""

    actor: Actor
    use_case: str
    snapshot: Snapshot
    for_product: tuple[str, ...] = ()
    for_check: str = ""


class Sealing:
    """Turns questions into `SealedQuery`s."""

    def __init__(self, deciding: Deciding) -> None:
        self._deciding = deciding

    def query(self, asking: Asking, question: Query | str) -> Query:
        """A question as a `Query`; user SQL is vetted against what the asker may read."""
        if isinstance(question, Query):
            return question
        return parse(question, lambda name: self._known(asking, name))

    def seal(self, asking: Asking, query: Query) -> SealedQuery:
        """Decide for every scan and seal it. Raises `Unknown`, `Denied`, `Invalid`."""
        inputs = tuple((alias, self._input(asking, scan)) for alias, scan in query.scans)
        return SealedQuery(inputs, query.sql, query.count, query.as_of)

    def decision(self, asking: Asking, name: str) -> tuple[Dataset, Decision]:
        """The dataset and the decision to read it, for the asker or for the product that asks."""
        if asking.for_check:
            return self._checked(asking, name)
        if not asking.for_product:
            return self._deciding.dataset(asking.actor, asking.use_case, name, asking.snapshot)
        dataset = asking.snapshot.datasets.get(name)
        if dataset is None:
            raise unknown(name)
        return dataset, self._deciding.decide(
            asking.actor,
            Action.READ,
            dataset,
            asking.use_case,
            asking.snapshot,
            for_product=asking.for_product[-1],
        )

    def _checked(self, asking: Asking, name: str) -> tuple[Dataset, Decision]:
        """Rules look at their own dataset and at those that it declares to refer to, nowhere else."""
        snapshot, checked = asking.snapshot, asking.snapshot.datasets.get(asking.for_check)
        dataset = snapshot.datasets.get(name)
        if checked is None or dataset is None or (name != checked.id and name not in checked.refers_to):
            raise unknown(name)
        decide, check = self._deciding.decide, Action.CHECK
        return dataset, decide(asking.actor, check, dataset, "", snapshot, for_check=checked.id)

    def _known(self, asking: Asking, name: str) -> Known:
        dataset, decision = self.decision(asking, name)
        if not decision.permit:
            constrain(Scan(name), dataset, decision)  # raises Denied with the reasons
        return Known(dataset, readable(dataset, decision))

    def _input(self, asking: Asking, scan: Scan) -> SealedScan | SealedProduct:
        dataset, decision = self.decision(asking, scan.dataset)
        system = asking.snapshot.systems.get(dataset.system)
        if dataset.limits is None and system is not None:
            dataset = replace(dataset, limits=system.limits)
        sealed = constrain(scan, dataset, decision)
        if dataset.product is None:
            return sealed
        return SealedProduct(sealed, self._product(asking, dataset))

    def _product(self, asking: Asking, dataset: Dataset) -> SealedQuery:
        """A product's own query, under its own use case, as the product itself."""
        product = dataset.product
        assert product is not None
        if dataset.id in asking.for_product or len(asking.for_product) >= _DEEPEST_PRODUCT:
            chain = " -> ".join((*asking.for_product, dataset.id))
            raise Invalid(f"Product {dataset.id!r} reads itself: {chain}.", dataset=dataset.id, code="cyclic-product")
        case = asking.snapshot.usecases.get(product.use_case)
        own = Asking(
            Actor(f"product:{dataset.id}", dataset.id, case.owner if case else ""),
            product.use_case,
            asking.snapshot,
            (*asking.for_product, dataset.id),
        )
        try:
            return self.seal(own, self.query(own, product.sql))
        except Denied as error:
            raise Denied(
                f"The product {dataset.id!r} cannot be made: its use case {product.use_case!r} may not read an input.",
                reasons=error.reasons,
                dataset=dataset.id,
            ) from None


def readable(dataset: Dataset, decision: Decision) -> tuple[str, ...]:
    """Names of the fields that the decision leaves, in the dataset's order."""
    return tuple(field.name for field in dataset.fields if field.name in decision.obligations.columns)


def scans(sealed: SealedQuery) -> list[SealedScan]:
    """All scans of a sealed query, those of products inside included."""
    found: list[SealedScan] = []
    for _, item in sealed.inputs:
        if isinstance(item, SealedProduct):
            found.append(item.scan)
            found.extend(scans(item.query))
        else:
            found.append(item)
    return found


def described(schema: pa.Schema, sealed: SealedQuery) -> tuple[Field, ...]:
    """Describe the columns: a dataset's own field where the answer is the dataset's rows, else name and type."""
    known: dict[str, Field] = {}
    if not sealed.sql:
        ((_, item),) = sealed.inputs
        scan = item if isinstance(item, SealedScan) else item.scan
        known = {field.name: field for field in scan.dataset.fields}
    return tuple(known.get(column.name) or Field(column.name, field_type(column)) for column in schema)
