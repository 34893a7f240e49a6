"""The catalog: what the rule database holds at one revision, with its rules parsed.

Changed only by the operations of a change, in order; the replica guards it by its lock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from congress_dist.errors import NotFound
from congress_dist.schema import TableSchema

from .dependencies import Dependencies
from .language.ast import Rule
from .language.grammar import parse
from .store.operations import (
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
from .store.records import (
    NO_HISTORY,
    DatasourceRecord,
    Head,
    PolicyRecord,
    Revision,
    RuleRecord,
    Snapshot,
)


@dataclass(frozen=True, slots=True)
class StoredRule:
    """A rule of the program: its record, its policy's name, and what its text means."""

    record: RuleRecord
    policy: str
    rule: Rule


class Catalog:
    """Policies, rules, datasources and schemas at one revision.

    Invariant: names of policies and datasources are one namespace; `head` names the change that
    was applied last; `dependencies` are those of the rules.
    """

    def __init__(self) -> None:
        self.head = Head(Revision(0), NO_HISTORY)
        self.dependencies = Dependencies()
        self._policies: dict[str, PolicyRecord] = {}
        self._rules: dict[str, dict[str, StoredRule]] = {}
        self._datasources: dict[str, DatasourceRecord] = {}
        self._schemas: dict[str, dict[str, TableSchema]] = {}

    def policies(self) -> list[PolicyRecord]:
        """Give all policies by name."""
        return sorted(self._policies.values(), key=lambda policy: policy.name)

    def find_policy(self, name_or_id: str) -> PolicyRecord | None:
        """Give a policy by its name, else by its id."""
        by_name = (p for p in self._policies.values() if p.name == name_or_id)
        return next(by_name, None) or self._policies.get(name_or_id)

    def get_policy(self, name_or_id: str) -> PolicyRecord:
        """Give a policy by its name, else by its id.

        Raises: NotFound: there is none (reason `policy`).
        """
        policy = self.find_policy(name_or_id)
        if policy is None:
            raise NotFound(f"there is no policy with name or id {name_or_id!r}", reason="policy")
        return policy

    def rules(self, policy: PolicyRecord | None = None) -> Iterator[StoredRule]:
        """Give the rules of one policy, or of all, each policy's in order of insertion."""
        ids = self._rules if policy is None else [policy.id]
        for policy_id in ids:
            yield from self._rules[policy_id].values()

    def get_rule(self, policy: PolicyRecord, rule_id: str) -> StoredRule:
        """Give a rule of a policy by its id.

        Raises: NotFound: the policy has none (reason `rule`).
        """
        rule = self._rules[policy.id].get(rule_id)
        if rule is None:
            raise NotFound(
                f"policy {policy.name!r} has no rule with id {rule_id!r}", reason="rule"
            )
        return rule

    def find_rule(self, policy: PolicyRecord, identity: str) -> StoredRule | None:
        """Give the rule of a policy that has this identity."""
        rules = self._rules[policy.id].values()
        return next((rule for rule in rules if rule.record.identity == identity), None)

    def datasources(self) -> list[DatasourceRecord]:
        """Give all datasources by name."""
        return sorted(self._datasources.values(), key=lambda datasource: datasource.name)

    def find_datasource(self, name_or_id: str) -> DatasourceRecord | None:
        """Give a datasource by its name, else by its id."""
        by_name = (d for d in self._datasources.values() if d.name == name_or_id)
        return next(by_name, None) or self._datasources.get(name_or_id)

    def get_datasource(self, name_or_id: str) -> DatasourceRecord:
        """Give a datasource by its name, else by its id.

        Raises: NotFound: there is none (reason `datasource`).
        """
        datasource = self.find_datasource(name_or_id)
        if datasource is None:
            raise NotFound(
                f"there is no datasource with name or id {name_or_id!r}", reason="datasource"
            )
        return datasource

    def schemas(self, datasource: DatasourceRecord) -> Mapping[str, TableSchema]:
        """Give the tables of a datasource with their schemas, by table name."""
        return self._schemas.get(datasource.id, {})

    def apply(self, operation: Operation) -> StoredRule | None:
        """Carry out one operation; give the rule that it inserts or deletes."""
        match operation:
            case CreatePolicy(policy):
                self._policies[policy.id] = policy
                self._rules[policy.id] = {}
            case DeletePolicy(policy):
                for stored in self._rules.pop(policy.id).values():
                    self.dependencies.remove(stored.policy, stored.rule)
                del self._policies[policy.id]
            case InsertRule(record):
                stored = self._parsed(record)
                self._rules[record.policy_id][record.id] = stored
                self.dependencies.add(stored.policy, stored.rule)
                return stored
            case DeleteRule(record):
                stored = self._rules[record.policy_id].pop(record.id)
                self.dependencies.remove(stored.policy, stored.rule)
                return stored
            case PutDatasource(datasource):
                self._datasources[datasource.id] = datasource
            case DeleteDatasource(datasource):
                del self._datasources[datasource.id]
                self._schemas.pop(datasource.id, None)
            case PutSchema(datasource_id, table, table_schema):
                tables = self._schemas.setdefault(datasource_id, {})
                tables[table] = TableSchema.from_wire(table_schema)
            case DeleteSchema(datasource_id, table):
                del self._schemas[datasource_id][table]
        return None

    def difference(self, snapshot: Snapshot) -> tuple[Operation, ...]:
        """Give the operations that turn this program into a snapshot.

        Shapes: what goes comes first, then schemas, policies and rules: each operation finds what
            it needs.
        """
        policies = set(snapshot.policies) & set(self._policies.values())
        kept = {policy.id for policy in policies}
        held = {stored.record for stored in self.rules() if stored.record.policy_id in kept}
        rules = held.intersection(snapshot.rules)
        return (
            *(DeleteRule(s.record) for s in self.rules() if s.record not in rules),
            *(DeletePolicy(p) for p in self.policies() if p not in policies),
            *self._datasource_changes(snapshot),
            *(CreatePolicy(p) for p in snapshot.policies if p not in policies),
            *(InsertRule(r) for r in snapshot.rules if r not in rules),
        )

    def _parsed(self, record: RuleRecord) -> StoredRule:
        (rule,) = parse(record.text)
        return StoredRule(record, self._policies[record.policy_id].name, rule)

    def _datasource_changes(self, snapshot: Snapshot) -> Iterator[Operation]:
        present = {datasource.id for datasource in snapshot.datasources}
        for datasource in self.datasources():
            if datasource.id not in present:
                yield from schema_changes(datasource.id, self.schemas(datasource), {})
                yield DeleteDatasource(datasource)
        for datasource in snapshot.datasources:
            if self._datasources.get(datasource.id) != datasource:
                yield PutDatasource(datasource)
            stored = snapshot.schemas.get(datasource.id, {})
            schemas = {table: TableSchema.from_wire(wire) for table, wire in stored.items()}
            yield from schema_changes(datasource.id, self.schemas(datasource), schemas)


def schema_changes(
    datasource_id: str, old: Mapping[str, TableSchema], new: Mapping[str, TableSchema]
) -> Iterator[Operation]:
    """Give the operations that turn one datasource's schemas into others."""
    for table in sorted(old.keys() - new.keys()):
        yield DeleteSchema(datasource_id, table)
    for table in sorted(new):
        if old.get(table) != new[table]:
            yield PutSchema(datasource_id, table, new[table].to_wire())
