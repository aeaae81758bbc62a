"""What sensors tell about: Things, Locations, Datastreams … and the links between them."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_NAMED = ("name", "description")
#: Kind: texts, the property that is a geometry, moments, relations to one that must be there.
_KINDS = {
    "thing": ((*_NAMED, "properties"), "", (), ()),
    "location": ((*_NAMED, "encodingType", "properties"), "location", (), ()),
    "historical_location": ((), "", ("time",), ("thing",)),
    "datastream": (
        (*_NAMED, "observationType", "unitOfMeasurement", "properties"),
        "",
        (),
        ("thing", "sensor", "observed_property"),
    ),
    "multi_datastream": (
        (*_NAMED, "observationType", "multiObservationDataTypes", "unitOfMeasurements", "properties"),
        "",
        (),
        ("thing", "sensor"),
    ),
    "sensor": ((*_NAMED, "encodingType", "metadata", "properties"), "", (), ()),
    "observed_property": ((*_NAMED, "definition", "properties"), "", (), ()),
    "feature_of_interest": ((*_NAMED, "encodingType", "properties"), "feature", (), ()),
    "actuator": ((*_NAMED, "encodingType", "metadata", "properties"), "", (), ()),
    "tasking_capability": ((*_NAMED, "taskingParameters", "properties"), "", (), ("thing", "actuator")),
    "task": (("taskingParameters",), "", ("creationTime",), ("tasking_capability",)),
}
_BETWEEN = {
    "thing_location": ("thing", "location", False),
    "history_location": ("historical_location", "location", False),
    "stream_property": ("stream", "observed_property", True),
}


def upgrade() -> None:
    """Create the tables and their counters."""
    for kind, (texts, geometry, moments, links) in _KINDS.items():
        name = f"sensing_{kind}"
        columns: list[sa.Column[Any]] = [
            sa.Column("id", _BIG, primary_key=True, autoincrement=False),
            sa.Column("dataset", sa.String(200), nullable=False),
            *(sa.Column(text, sa.Text) for text in texts),
            *(sa.Column(moment, sa.BigInteger) for moment in moments),
            *(sa.Column(f"{link}_id", sa.BigInteger, nullable=False) for link in links),
        ]
        if geometry:
            columns += [sa.Column(geometry, sa.Text), sa.Column("shape", sa.LargeBinary)]
            columns += [sa.Column(side, sa.Double) for side in ("west", "south", "east", "north")]
        if kind == "location":
            columns.append(sa.Column("feature_id", sa.BigInteger))
        op.create_table(name, *columns)
        for link in links:
            op.create_index(f"{name}_{link}_id", name, [f"{link}_id"])
        op.create_index(f"{name}_dataset", name, ["dataset", "id"])
    for kind, (first, second, place) in _BETWEEN.items():
        name = f"sensing_{kind}"
        columns = [sa.Column(f"{first}_id", sa.BigInteger, primary_key=True)]
        if place:
            columns.append(sa.Column("place", sa.Integer, primary_key=True))
        columns.append(sa.Column(f"{second}_id", sa.BigInteger, primary_key=not place, nullable=False))
        op.create_table(name, *columns)
        op.create_index(f"{name}_{second}_id", name, [f"{second}_id"])
    op.create_table(
        "sensing_counter",
        sa.Column("name", sa.String(60), primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    streams = ("datastream", "multi_datastream")
    counters = ["change", "sensing_stream", *(f"sensing_{kind}" for kind in _KINDS if kind not in streams)]
    for counter in counters:
        op.execute(f"INSERT INTO sensing_counter VALUES ('{counter}', 0)")


def downgrade() -> None:
    """Remove them."""
    for name in (*_KINDS, *_BETWEEN, "counter"):
        op.drop_table(f"sensing_{name}")
