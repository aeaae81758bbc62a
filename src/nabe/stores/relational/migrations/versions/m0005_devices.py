"""The registry of devices that send by themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "device",
        sa.Column("system", sa.String(200), primary_key=True),
        sa.Column("id", sa.String(200), primary_key=True),
        sa.Column("dataset", sa.String(200), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("device_dataset", "device", ["dataset"])
    op.create_table(
        "device_sighting",
        sa.Column("system", sa.String(200), primary_key=True),
        sa.Column("id", sa.String(200), primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "device_shared",
        sa.Column("dataset", sa.String(200), primary_key=True),
        sa.Column("kind", sa.String(40), primary_key=True),
        sa.Column("name", sa.String(500), primary_key=True),
        sa.Column("entity", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Remove them."""
    for table in ("device_shared", "device_sighting", "device"):
        op.drop_table(table)
