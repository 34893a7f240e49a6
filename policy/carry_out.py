"""Carries out the operations of a change in memory: in the catalog, the engine and its tables."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from .base_tables import BaseTables
from .catalog import Catalog, StoredRule
from .engine import Engine
from .language.ast import Rule
from .store.operations import (
    CreatePolicy,
    DeleteDatasource,
    DeletePolicy,
    DeleteSchema,
    InsertRule,
    Operation,
    PutDatasource,
    PutSchema,
)


def carry_out(
    operations: Iterable[Operation], catalog: Catalog, engine: Engine, tables: BaseTables
) -> None:
    """Do what operations say, in order; neighbours of one kind together, because that is quicker.

    Promises: nothing is refused: who committed the change has validated it.
    """
    for kind, group in groupby(operations, key=_kind_of):
        together = tuple(group)
        changed = [catalog.apply(operation) for operation in together]
        for policy, rules in _by_policy(changed).items():
            if kind is InsertRule:
                engine.restore_rules(policy, rules)
            else:
                engine.withdraw_rules(policy, rules)
        for operation in together:
            _change_owner(operation, engine, tables)
        for datasource_id in sorted({id_ for id_ in map(_datasource_of, together) if id_}):
            datasource = catalog.get_datasource(datasource_id)
            tables.set_schemas(datasource.name, dict(catalog.schemas(datasource)))


def _change_owner(operation: Operation, engine: Engine, tables: BaseTables) -> None:
    match operation:
        case CreatePolicy(created):
            engine.create_policy(created.name, created.kind)
        case DeletePolicy(deleted):
            engine.delete_policy(deleted.name)
        case DeleteDatasource(datasource):
            tables.forget(datasource.name)


def _kind_of(operation: Operation) -> type:
    """Give the class by which neighbouring operations are carried out together."""
    return PutSchema if _datasource_of(operation) else type(operation)


def _datasource_of(operation: Operation) -> str | None:
    """Give the id of the datasource whose record or schemas an operation sets."""
    match operation:
        case PutDatasource(datasource):
            return datasource.id
        case PutSchema(datasource_id) | DeleteSchema(datasource_id):
            return datasource_id
    return None


def _by_policy(rules: Iterable[StoredRule | None]) -> dict[str, list[Rule]]:
    found: dict[str, list[Rule]] = {}
    for stored in rules:
        if stored is not None:
            found.setdefault(stored.policy, []).append(stored.rule)
    return found
