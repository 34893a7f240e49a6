"""What the rule database stores, as data: policies, rules, datasources, and all of them."""

from __future__ import annotations

from typing import Any, NewType

from msgspec import Struct

Revision = NewType("Revision", int)
"""The number of a committed change; a total order. 0 is the empty database."""

NO_HISTORY = ""
"""The hash before the first change."""


class PolicyRecord(Struct, frozen=True):
    """A policy as created."""

    id: str
    name: str
    abbreviation: str
    description: str
    owner_id: str
    kind: str


class RuleRecord(Struct, frozen=True):
    """A rule as inserted; `identity` is equal for two texts of one rule."""

    id: str
    policy_id: str
    text: str
    printed: str
    identity: str
    name: str | None
    comment: str


class DatasourceRecord(Struct, frozen=True):
    """A datasource as registered; `config` holds no secrets."""

    id: str
    name: str
    driver: str
    description: str
    enabled: bool
    config: dict[str, Any]


class Head(Struct, frozen=True):
    """The newest revision and the hash of its change."""

    revision: Revision
    hash: str


class Snapshot(Struct, frozen=True):
    """Everything at one revision.

    Shapes: `rules` of one policy are in the order in which they were inserted; `schemas` maps a
        datasource's id to the plain forms of its tables' schemas.
    """

    head: Head
    policies: tuple[PolicyRecord, ...]
    rules: tuple[RuleRecord, ...]
    datasources: tuple[DatasourceRecord, ...]
    schemas: dict[str, dict[str, dict[str, Any]]]
