"""What one revision does, as a list of operations: stored in `changes`, replayed by every replica.

A record that goes away travels whole, so that a change can be read, and undone, by itself.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from .records import DatasourceRecord, PolicyRecord, RuleRecord


class CreatePolicy(Struct, frozen=True, tag="create_policy"):
    """A policy without rules comes into being."""

    policy: PolicyRecord


class DeletePolicy(Struct, frozen=True, tag="delete_policy"):
    """A policy goes; its rules went by operations before this one."""

    policy: PolicyRecord


class InsertRule(Struct, frozen=True, tag="insert_rule"):
    """A rule is added to its policy, as the last one."""

    rule: RuleRecord


class DeleteRule(Struct, frozen=True, tag="delete_rule"):
    """A rule is taken out of its policy."""

    rule: RuleRecord


class PutDatasource(Struct, frozen=True, tag="put_datasource"):
    """A datasource is registered, or its record replaced (same id)."""

    datasource: DatasourceRecord


class DeleteDatasource(Struct, frozen=True, tag="delete_datasource"):
    """A datasource goes; its schemas went by operations before this one."""

    datasource: DatasourceRecord


class PutSchema(Struct, frozen=True, tag="put_schema"):
    """A table of a datasource gets this schema."""

    datasource_id: str
    table: str
    table_schema: dict[str, Any]


class DeleteSchema(Struct, frozen=True, tag="delete_schema"):
    """A datasource no longer has this table."""

    datasource_id: str
    table: str


Operation = (
    CreatePolicy
    | DeletePolicy
    | InsertRule
    | DeleteRule
    | PutDatasource
    | DeleteDatasource
    | PutSchema
    | DeleteSchema
)

_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(tuple[Operation, ...])


def encode_operations(operations: tuple[Operation, ...]) -> str:
    """Give the stored text; equal operations have equal texts."""
    return _encoder.encode(operations).decode()


def decode_operations(text: str) -> tuple[Operation, ...]:
    """Read what `encode_operations` gave."""
    return _decoder.decode(text)
