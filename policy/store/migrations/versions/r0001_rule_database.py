"""The rule database: revision, program, datasources, leases, history, idempotency keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

revision = "r0001"
down_revision = None


def _name(length: int = 255) -> TypeEngine[str]:
    exact = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(exact, "mysql", "mariadb")


def _text() -> TypeEngine[str]:
    return sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    """Create everything; the one row of `revision` starts at 0."""
    _create_revision()
    _create_program()
    _create_datasources()
    _create_leases()
    _create_history()


def _create_revision() -> None:
    table = op.create_table(
        "revision",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_revision"),
        sa.CheckConstraint("id = 1", name=op.f("ck_revision_one_row")),
    )
    op.bulk_insert(table, [{"id": 1, "value": 0}])


def _create_program() -> None:
    op.create_table(
        "policies",
        sa.Column("id", _name(36), nullable=False),
        sa.Column("name", _name(), nullable=False),
        sa.Column("abbreviation", _name(5), nullable=False),
        sa.Column("description", _text(), nullable=False),
        sa.Column("owner_id", _name(), nullable=False),
        sa.Column("kind", _name(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_policies"),
        sa.UniqueConstraint("name", name="uq_policies_name"),
    )
    op.create_table(
        "rules",
        sa.Column("id", _name(36), nullable=False),
        sa.Column("policy_id", _name(36), nullable=False),
        sa.Column("text", _text(), nullable=False),
        sa.Column("printed", _text(), nullable=False),
        sa.Column("identity", _name(64), nullable=False),
        sa.Column("name", _name()),
        sa.Column("comment", _text(), nullable=False),
        sa.Column("created_in", sa.BigInteger, nullable=False),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rules"),
        sa.ForeignKeyConstraint(["policy_id"], ["policies.id"], name="fk_rules_policy_id"),
        sa.UniqueConstraint("policy_id", "identity", name="uq_rules_policy_id_identity"),
    )


def _create_datasources() -> None:
    op.create_table(
        "datasources",
        sa.Column("id", _name(36), nullable=False),
        sa.Column("name", _name(), nullable=False),
        sa.Column("driver", _name(), nullable=False),
        sa.Column("description", _text(), nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("config", _text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_datasources"),
        sa.UniqueConstraint("name", name="uq_datasources_name"),
    )
    op.create_table(
        "schemas",
        sa.Column("datasource_id", _name(36), nullable=False),
        sa.Column("table_name", _name(), nullable=False),
        sa.Column("table_schema", _text(), nullable=False),
        sa.PrimaryKeyConstraint("datasource_id", "table_name", name="pk_schemas"),
        sa.ForeignKeyConstraint(
            ["datasource_id"], ["datasources.id"], name="fk_schemas_datasource_id"
        ),
    )


def _create_leases() -> None:
    op.create_table(
        "leases",
        sa.Column("name", _name(), nullable=False),
        sa.Column("owner", _name(36)),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("renewals", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )


def _create_history() -> None:
    op.create_table(
        "changes",
        sa.Column("revision", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("who", _name(), nullable=False),
        sa.Column("made_at", _name(32), nullable=False),
        sa.Column("request_id", _name(64), nullable=False),
        sa.Column("operations", _text(), nullable=False),
        sa.Column("previous_hash", _name(64), nullable=False),
        sa.Column("hash", _name(64), nullable=False),
        sa.PrimaryKeyConstraint("revision", name="pk_changes"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("id", _name(64), nullable=False),
        sa.Column("principal", _name(), nullable=False),
        sa.Column("method", _name(64), nullable=False),
        sa.Column("path", _text(), nullable=False),
        sa.Column("key", _name(), nullable=False),
        sa.Column("body_hash", _name(64), nullable=False),
        sa.Column("answer", _text(), nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("made_at", _name(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_made_at", "idempotency_keys", ["made_at"])
