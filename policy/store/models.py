"""The tables of the rule database.

Everything shared is written by compare-and-swap on the one row of `revision` (rule_store.py);
`leases` has its own condition per statement (leases.py). No column holds a time that anything is
decided by: `made_at` is for people, and for dropping idempotency keys after a day.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine


def name_type(length: int = 255) -> TypeEngine[str]:
    """Give the type of a name: text compared by code point in every database."""
    exact = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return String(length).with_variant(exact, "mysql", "mariadb")


def text_type() -> TypeEngine[str]:
    """Give the type of a text of any length; MySQL's own TEXT ends at 64 KB."""
    return Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# One row, id 1. Every shared write begins by raising `value` from the revision that it was
# validated at.
REVISION = Table(
    "revision",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("value", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

POLICIES = Table(
    "policies",
    METADATA,
    Column("id", name_type(36), primary_key=True),
    Column("name", name_type(), nullable=False, unique=True),
    Column("abbreviation", name_type(5), nullable=False),
    Column("description", text_type(), nullable=False),
    Column("owner_id", name_type(), nullable=False),
    Column("kind", name_type(32), nullable=False),
)

# `text` is what the user wrote; `printed` what the printer makes of it; `identity` is equal for
# two texts of one rule. The order of a policy's rules is (created_in, ordinal).
RULES = Table(
    "rules",
    METADATA,
    Column("id", name_type(36), primary_key=True),
    Column("policy_id", name_type(36), ForeignKey("policies.id"), nullable=False),
    Column("text", text_type(), nullable=False),
    Column("printed", text_type(), nullable=False),
    Column("identity", name_type(64), nullable=False),
    Column("name", name_type()),
    Column("comment", text_type(), nullable=False),
    Column("created_in", BigInteger, nullable=False),
    Column("ordinal", Integer, nullable=False),
    UniqueConstraint("policy_id", "identity"),
)

DATASOURCES = Table(
    "datasources",
    METADATA,
    Column("id", name_type(36), primary_key=True),
    Column("name", name_type(), nullable=False, unique=True),
    Column("driver", name_type(), nullable=False),
    Column("description", text_type(), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("config", text_type(), nullable=False),
)

SCHEMAS = Table(
    "schemas",
    METADATA,
    Column("datasource_id", name_type(36), ForeignKey("datasources.id"), primary_key=True),
    Column("table_name", name_type(), primary_key=True),
    Column("table_schema", text_type(), nullable=False),
)

# Rows are never deleted: a generation that was handed out once must stay known. A released lease
# has no owner.
LEASES = Table(
    "leases",
    METADATA,
    Column("name", name_type(), primary_key=True),
    Column("owner", name_type(36)),
    Column("generation", BigInteger, nullable=False),
    Column("renewals", BigInteger, nullable=False),
)

# The audit log and the history: `operations` say what the revision did, `previous_hash` ties it to
# the revision before.
CHANGES = Table(
    "changes",
    METADATA,
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("who", name_type(), nullable=False),
    Column("made_at", name_type(32), nullable=False),
    Column("request_id", name_type(64), nullable=False),
    Column("operations", text_type(), nullable=False),
    Column("previous_hash", name_type(64), nullable=False),
    Column("hash", name_type(64), nullable=False),
)

# `id` is the digest of (principal, method, path, key): together they are too long for a MySQL
# index.
IDEMPOTENCY_KEYS = Table(
    "idempotency_keys",
    METADATA,
    Column("id", name_type(64), primary_key=True),
    Column("principal", name_type(), nullable=False),
    Column("method", name_type(64), nullable=False),
    Column("path", text_type(), nullable=False),
    Column("key", name_type(), nullable=False),
    Column("body_hash", name_type(64), nullable=False),
    Column("answer", text_type(), nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("made_at", name_type(32), nullable=False, index=True),
)
