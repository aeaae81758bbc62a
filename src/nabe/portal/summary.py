"""A dataset in one line of a list."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nabe.hub import Found, Hub
from nabe.model.dataset import Dataset
from nabe.model.text import Text
from nabe.web.asker import Asker


@dataclass(frozen=True, slots=True)
class Summary:
    """What a list says of a dataset. `system`: title of its silo, empty for a product."""

    dataset: Dataset
    owner: Text
    system: Text
    readable: bool


def summaries(hub: Hub, asker: Asker, found: Iterable[Found]) -> list[Summary]:
    """Datasets with the titles of their owner and silo."""
    organisations = hub.organisations()
    systems = {system.id: system.title for system in hub.systems(asker.actor)}

    def owner(id: str) -> Text:
        return organisations[id].title if id in organisations else Text(id, id)

    return [
        Summary(
            item.dataset,
            owner(item.dataset.owner),
            systems.get(item.dataset.system, Text()),
            item.decision.permit,
        )
        for item in found
    ]
