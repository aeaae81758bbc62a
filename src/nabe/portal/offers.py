"""Whether to offer a button to somebody; the hub decides when it is pressed."""

from __future__ import annotations

from nabe.hub import Hub
from nabe.model.catalogue import Snapshot
from nabe.model.dataset import Dataset
from nabe.model.party import ADMINISTRATION, Role
from nabe.web.asker import Asker


def owns(asker: Asker, owner: str, hub: Hub) -> bool:
    """Is the reader a data owner of this organisation or of one above it?"""
    above = Snapshot(organisations=hub.organisations()).ancestry(owner)
    return Role.DATA_OWNER in asker.actor.roles and asker.actor.organisation in above


def may_copy(asker: Asker, dataset: Dataset, hub: Hub) -> bool:
    """Could the reader have a copy of the dataset taken?"""
    home = hub.organisations().get(asker.actor.organisation)
    inside = home is not None and home.kind in ADMINISTRATION
    runs = inside and Role.IT in asker.actor.roles
    return dataset.snapshots is not None and (runs or owns(asker, dataset.owner, hub))
