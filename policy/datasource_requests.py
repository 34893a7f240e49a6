"""Datasources as they register themselves, and as the API shows them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import msgspec

from congress_dist.errors import Conflict
from congress_dist.schema import TableSchema

from .catalog import schema_changes
from .replica import Replica, State
from .rule_writer import Plan, RuleWriter, WriteRequest
from .store.operations import PutDatasource
from .store.records import DatasourceRecord
from .store.rule_store import Fence
from .validation import check_owner_name


class DatasourceRequests:
    """The calls on datasources; thread safe."""

    def __init__(self, replica: Replica, writer: RuleWriter) -> None:
        self._replica = replica
        self._writer = writer

    def datasource_list(self) -> list[dict[str, Any]]:
        """Give all datasources by name."""
        with self._replica.state() as state:
            return [_answer(datasource) for datasource in state.catalog.datasources()]

    def datasource_get(self, name: str) -> dict[str, Any]:
        """Give one datasource by name or id. Raises: NotFound (reason `datasource`)."""
        with self._replica.state() as state:
            return _answer(state.catalog.get_datasource(name))

    def datasource_schema(self, name: str) -> dict[str, Any]:
        """Give the tables of a datasource with their columns. Raises: NotFound."""
        with self._replica.state() as state:
            datasource = state.catalog.get_datasource(name)
            schemas = sorted(state.catalog.schemas(datasource).items())
            return {"tables": [_table_answer(table, schema) for table, schema in schemas]}

    def datasource_register(
        self,
        name: str,
        driver: str,
        description: str,
        config: Mapping[str, Any],
        schemas: Mapping[str, Mapping[str, Any]],
        owner: str,
        generation: int,
    ) -> dict[str, Any]:
        """Record what a datasource is and which tables it has; equal ones write no revision.

        Promises: written only while `owner` holds the lease `name` in this generation.
        Raises: LeaseLost; Conflict: a policy has that name; InvalidRequest: the name.
        """
        check_owner_name(name, "datasource")
        tables = {table: TableSchema.from_wire(dict(wire)) for table, wire in schemas.items()}
        record = DatasourceRecord(
            id=str(uuid.uuid4()),
            name=name,
            driver=driver,
            description=description,
            enabled=True,
            config=dict(config),
        )
        fence = Fence(name, owner, generation)
        request = WriteRequest("datasource_register", name, {}, who=f"datasource {name}")
        return self._writer.write(request, lambda state: _plan(state, record, tables, fence))


def _plan(
    state: State, new: DatasourceRecord, tables: Mapping[str, TableSchema], fence: Fence
) -> Plan:
    if any(policy.name == new.name for policy in state.catalog.policies()):
        raise Conflict(
            f"a policy with name {new.name!r} exists; policies and datasources share their names",
            reason="policy_exists",
        )
    present = state.catalog.find_datasource(new.name)
    record = new
    held: Mapping[str, TableSchema] = {}
    if present is not None:
        held = state.catalog.schemas(present)
        record = msgspec.structs.replace(new, id=present.id)
    changes = schema_changes(record.id, held, tables)
    put = () if record == present else (PutDatasource(record),)
    return Plan({}, (*put, *changes), fence)


def _answer(datasource: DatasourceRecord) -> dict[str, Any]:
    return {
        "id": datasource.id,
        "name": datasource.name,
        "driver": datasource.driver,
        "description": datasource.description,
        "type": None,
        "enabled": datasource.enabled,
        "config": dict(datasource.config),
    }


def _table_answer(table: str, schema: TableSchema) -> dict[str, Any]:
    columns = [
        {
            "name": column.name,
            "type": column.type,
            "nullable": column.nullable,
            "description": column.description,
        }
        for column in schema.columns
    ]
    return {"table_id": table, "description": schema.description, "columns": columns}
