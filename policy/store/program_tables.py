"""The program in SQL: reads it whole, and carries out the operations of one revision."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, Table, delete, insert, select, update

from .changes import read_head
from .models import DATASOURCES, POLICIES, RULES, SCHEMAS
from .operations import (
    CreatePolicy,
    DeleteDatasource,
    DeletePolicy,
    DeleteRule,
    DeleteSchema,
    InsertRule,
    Operation,
    PutDatasource,
    PutSchema,
)
from .records import DatasourceRecord, PolicyRecord, Revision, RuleRecord, Snapshot


def read_snapshot(connection: Connection) -> Snapshot:
    """Give everything at the newest revision, in a transaction that sees one state."""
    return Snapshot(
        head=read_head(connection),
        policies=_read_policies(connection),
        rules=_read_rules(connection),
        datasources=_read_datasources(connection),
        schemas=_read_schemas(connection),
    )


def apply_operations(
    connection: Connection, operations: tuple[Operation, ...], revision: Revision
) -> None:
    """Bring the tables from the revision before to this one."""
    for ordinal, operation in enumerate(operations):
        _apply(connection, operation, revision, ordinal)


def _read_policies(connection: Connection) -> tuple[PolicyRecord, ...]:
    rows = connection.execute(select(POLICIES).order_by(POLICIES.c.name))
    return tuple(PolicyRecord(**row._mapping) for row in rows)


def _read_rules(connection: Connection) -> tuple[RuleRecord, ...]:
    columns = [RULES.c[name] for name in RuleRecord.__struct_fields__]
    rows = connection.execute(select(*columns).order_by(RULES.c.created_in, RULES.c.ordinal))
    return tuple(RuleRecord(**row._mapping) for row in rows)


def _read_datasources(connection: Connection) -> tuple[DatasourceRecord, ...]:
    rows = connection.execute(select(DATASOURCES).order_by(DATASOURCES.c.name))
    return tuple(
        DatasourceRecord(**{**row._mapping, "config": msgspec.json.decode(row.config)})
        for row in rows
    )


def _read_schemas(connection: Connection) -> dict[str, dict[str, dict[str, Any]]]:
    schemas: dict[str, dict[str, dict[str, Any]]] = {}
    for row in connection.execute(select(SCHEMAS).order_by(SCHEMAS.c.table_name)):
        tables = schemas.setdefault(row.datasource_id, {})
        tables[row.table_name] = msgspec.json.decode(row.table_schema)
    return schemas


def _apply(connection: Connection, operation: Operation, revision: Revision, ordinal: int) -> None:
    match operation:
        case CreatePolicy(policy):
            connection.execute(insert(POLICIES).values(msgspec.structs.asdict(policy)))
        case DeletePolicy(policy):
            connection.execute(delete(POLICIES).where(POLICIES.c.id == policy.id))
        case InsertRule(rule):
            place = {"created_in": revision, "ordinal": ordinal}
            connection.execute(insert(RULES).values(msgspec.structs.asdict(rule) | place))
        case DeleteRule(rule):
            connection.execute(delete(RULES).where(RULES.c.id == rule.id))
        case PutDatasource(datasource):
            values = msgspec.structs.asdict(datasource) | {"config": _encode(datasource.config)}
            _put(connection, DATASOURCES, {"id": datasource.id}, values)
        case DeleteDatasource(datasource):
            connection.execute(delete(DATASOURCES).where(DATASOURCES.c.id == datasource.id))
        case PutSchema(datasource_id, table, table_schema):
            key = {"datasource_id": datasource_id, "table_name": table}
            _put(connection, SCHEMAS, key, {"table_schema": _encode(table_schema)})
        case DeleteSchema(datasource_id, table):
            key = {"datasource_id": datasource_id, "table_name": table}
            connection.execute(delete(SCHEMAS).filter_by(**key))


def _put(
    connection: Connection, table: Table, key: dict[str, str], values: dict[str, Any]
) -> None:
    if connection.execute(update(table).filter_by(**key).values(values)).rowcount == 0:
        connection.execute(insert(table).values(key | values))


def _encode(value: dict[str, Any]) -> str:
    return msgspec.json.encode(value, order="sorted").decode()
