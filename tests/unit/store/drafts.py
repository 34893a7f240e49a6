"""Records and drafts for the tests of the store."""

from __future__ import annotations

from typing import Any

from congress_dist.policy.store.operations import (
    CreatePolicy,
    DeleteRule,
    InsertRule,
    Operation,
    PutDatasource,
    PutSchema,
)
from congress_dist.policy.store.records import DatasourceRecord, Head, PolicyRecord, RuleRecord
from congress_dist.policy.store.rule_store import Draft


def policy(name: str = "net") -> PolicyRecord:
    return PolicyRecord(f"id-{name}", name, name[:5], "", "user", "nonrecursive")


def rule(text: str, *, of: str = "net") -> RuleRecord:
    return RuleRecord(f"id-{text}"[:36], f"id-{of}", text, text, text, None, "")


def datasource(name: str = "nova", **config: Any) -> DatasourceRecord:
    return DatasourceRecord(f"id-{name}", name, "nova", "servers", True, config)


def draft(after: Head, *operations: Operation, **fields: Any) -> Draft:
    return Draft(operations, after, "alice", "request-1", {}, **fields)


def create(name: str = "net") -> CreatePolicy:
    return CreatePolicy(policy(name))


def insert(text: str, *, of: str = "net") -> InsertRule:
    return InsertRule(rule(text, of=of))


def remove(text: str, *, of: str = "net") -> DeleteRule:
    return DeleteRule(rule(text, of=of))


def put(name: str = "nova", **config: Any) -> PutDatasource:
    return PutDatasource(datasource(name, **config))


def put_schema(table: str, *columns: str, of: str = "nova") -> PutSchema:
    return PutSchema(f"id-{of}", table, {"columns": list(columns), "description": ""})
