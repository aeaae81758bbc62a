"""Tables of the catalogue, the ledger and the accounts; one definition for SQLite and PostgreSQL.

Changing them needs a migration in `migrations/versions`.
"""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()

VERSION = sa.Table(
    "catalogue_version",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Integer, nullable=False),
)

DOCUMENT = sa.Table(
    "document",
    METADATA,
    sa.Column("kind", sa.String(32), primary_key=True),
    sa.Column("id", sa.String(200), primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)

REVISION = sa.Table(
    "revision",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("id", sa.String(200), nullable=False),
    sa.Column("author", sa.String(200), nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("body", sa.Text),
    sa.Index("revision_document", "kind", "id", "number"),
)

LEDGER = sa.Table(
    "ledger",
    METADATA,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("actor", sa.String(200), nullable=False),
    sa.Column("use_case", sa.String(200), nullable=False),
    sa.Column("action", sa.String(40), nullable=False),
    sa.Column("dataset", sa.String(200), nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Index("ledger_dataset", "dataset", "number"),
    sa.Index("ledger_actor", "actor", "number"),
    sa.Index("ledger_at", "at"),
)

#: How far the chain goes, so that a ledger cut off at its end is noticed.
LEDGER_HEAD = sa.Table(
    "ledger_head",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)

ACCOUNT = sa.Table(
    "account",
    METADATA,
    sa.Column("id", sa.String(200), primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("password", sa.Text),
)

TOKEN = sa.Table(
    "token",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("secret", sa.String(64), nullable=False),
    sa.Column("actor", sa.String(200), nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("roles", sa.Text),
    sa.Column("created", sa.String(40), nullable=False),
    sa.Column("expires", sa.String(40)),
    sa.Column("last_used", sa.String(40)),
    sa.Index("token_actor", "actor"),
)

ATTEMPT = sa.Table(
    "login_attempt",
    METADATA,
    sa.Column("key", sa.String(300), primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("last", sa.String(40), nullable=False),
)

RUN = sa.Table(
    "run",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("system", sa.String(200), nullable=False),
    sa.Column("dataset", sa.String(200), nullable=False),
    sa.Column("started", sa.String(40), nullable=False),
    sa.Column("ended", sa.String(40)),
    sa.Column("until", sa.String(40), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("run_system", "system", "number"),
    sa.Index("run_dataset", "kind", "dataset", "number"),
)

QUALITY = sa.Table(
    "quality_result",
    METADATA,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("dataset", sa.String(200), nullable=False),
    sa.Column("rule", sa.String(200), nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("known", sa.Integer, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index("quality_rule", "dataset", "rule", "known", "number"),
)

DEVICE = sa.Table(
    "device",
    METADATA,
    sa.Column("system", sa.String(200), primary_key=True),
    sa.Column("id", sa.String(200), primary_key=True),
    sa.Column("dataset", sa.String(200), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index("device_dataset", "dataset"),
)

SIGHTING = sa.Table(
    "device_sighting",
    METADATA,
    sa.Column("system", sa.String(200), primary_key=True),
    sa.Column("id", sa.String(200), primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)

#: Entities that devices of one dataset have in common.
DEVICE_SHARED = sa.Table(
    "device_shared",
    METADATA,
    sa.Column("dataset", sa.String(200), primary_key=True),
    sa.Column("kind", sa.String(40), primary_key=True),
    sa.Column("name", sa.String(500), primary_key=True),
    sa.Column("entity", sa.BigInteger, nullable=False),
)
