"""Congress's engine calls on an `Engine`, with the answers in the form of the recorded cases.

Answers have the keys of a recorded expectation: `rows`, `rules`, `changes`, `refused` (the codes),
`effects`; what is not comparable (texts of errors, traces, printed forms) is left out. `outlines`
stand for changes whose variables Congress named itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any

from congress_dist.errors import UserError
from congress_dist.policy import Engine, PolicyError
from congress_dist.policy.impact import RuleOperation
from congress_dist.policy.language.ast import Constant, Literal, Rule
from congress_dist.policy.language.grammar import parse
from congress_dist.policy.language.printer import print_head, print_rule
from congress_dist.policy.language.rule_key import rule_key

from .recorded_cases import Step

Answer = dict[str, Any]
Typed = tuple[Any, ...]
Change = tuple[str, str, Rule]
"""`insert` or `delete`, the policy, and the rule."""


def typed(row: Iterable[Any]) -> Typed:
    """Give a row whose cells differ when their types do."""
    return tuple((type(cell).__name__, cell) for cell in row)


def row_of(rule: Rule) -> Typed:
    """Give the cells of a head."""
    values = [argument.value for argument in rule.head.arguments]
    return typed(value.value if isinstance(value, Constant) else value for value in values)


@dataclass(frozen=True)
class Trigger:
    """A table whose changes are told."""

    table: str
    policy: str
    modal: str | None


class CongressEngine:
    """Does the steps of recorded cases.

    Where calls differ they are translated: a policy may have any name there, as here one that no
    text names; a datasource comes here with its schema, not by create_policy; to delete a rule
    that is not there is an error of the call here, as in Congress's REST API, and nothing there;
    the time comes here from outside; the `includes` of a query, other theories read as one with
    its own, are one policy with the rules of all.
    """

    def __init__(self) -> None:
        self.engine = Engine()
        self.engine.load("clock", {"now": [("2026-01-01 12:00:00",)]})
        self.kinds: dict[str, str] = {}
        self.triggers: list[Trigger] = []
        self.operations: dict[str, Callable[[Step], Answer]] = {
            "create_policy": self.create_policy,
            "delete_policy": self.delete_policy,
            "insert": self.insert,
            "delete": self.delete,
            "update": self.update,
            "initialize": self.initialize,
            "query": self.query,
            "content": self.content,
            "policy": self.policy,
            "consequences": self.consequences,
            "set_schema": self.set_schema,
            "register_trigger": self.register_trigger,
            "simulate": self.simulate,
        }

    def do(self, step: Step) -> Answer:
        """Do a step; give its answer, with the triggers that it set off."""
        try:
            before = [self.rows_of(trigger) for trigger in self.triggers]
            triggers = list(self.triggers)
            answer = self.operations[step["op"]](step)
            after = [self.rows_of(trigger) for trigger in triggers]
        except UserError as error:
            return {"refused": codes_of(error), "effects": []}
        changed = zip(triggers, before, after, strict=True)
        return {
            **answer,
            "effects": [(t.table, old, new) for t, old, new in changed if old != new],
        }

    # --- policies

    def create_policy(self, step: Step) -> Answer:
        name, kind = step["policy"], step["kind"]
        if kind == "datasource":
            self.engine.set_schema(name, {})
        else:
            self.engine.create_hidden_policy(name, kind)
        self.kinds[name] = kind
        return {}

    def delete_policy(self, step: Step) -> Answer:
        name = step["name_or_id"]
        if self.kinds.pop(name, None) == "datasource":
            self.engine.remove_source(name)
        else:
            self.engine.delete_policy(name)
        return {}

    def set_schema(self, step: Step) -> Answer:
        self.engine.tables(step["policy"])
        self.engine.set_schema(step["policy"], step["schema"])
        return {}

    # --- rules and rows

    def insert(self, step: Step) -> Answer:
        new = self.engine.insert(step["policy"], step["text"])
        return told_changes(("insert", step["policy"], rule) for rule in new)

    def delete(self, step: Step) -> Answer:
        policy = step["policy"]
        found = self._present(policy, parse(step["text"]))
        self.engine.delete_rules(policy, found)
        return told_changes(("delete", policy, rule) for rule in found)

    def update(self, step: Step) -> Answer:
        """Do the events, all or nothing."""
        operations: list[RuleOperation] = []
        for event in step["events"]:
            op, policy, text = event["op"], event["policy"], event["text"]
            if op == "delete":
                found = self._present(policy, parse(text), operations)
                text = "\n".join(map(print_rule, found))
            operations.append(RuleOperation(op, policy, text))
        done = zip(operations, self.engine.update(operations), strict=True)
        return told_changes((o.kind, o.policy, rule) for o, rules in done for rule in rules)

    def initialize(self, step: Step) -> Answer:
        """Replace rules and facts of tables; facts of other tables are ignored."""
        policy, tables = step["policy"], step["tables"]
        rows = {
            table: [tuple(row) for name, *row in step["facts"] if name == table]
            for table in tables
        }
        if self.kinds[policy] == "datasource":
            self.engine.load(policy, rows)
            return {}
        old = [rule for rule in self.engine.policy_rules(policy) if rule.head.table in tables]
        self.engine.delete_rules(policy, old)
        facts = [fact_text(table, row) for table in tables for row in rows[table]]
        self.engine.insert(policy, " ".join(facts))
        return {}

    # --- answers

    def query(self, step: Step) -> Answer:
        engine = self.engine_with(step["policy"], step.get("includes", ()))
        return {"rows": {typed(row) for row in engine.query(step["policy"], step["text"])}}

    def engine_with(self, policy: str, included: Iterable[str]) -> Engine:
        """Give an engine in which rules of other policies stand in this one too."""
        if not included:
            return self.engine
        engine = Engine()
        engine.create_hidden_policy(policy, "nonrecursive")
        for name in (policy, *included):
            engine.insert_rules(policy, self.engine.policy_rules(name))
        return engine

    def content(self, step: Step) -> Answer:
        """Give the facts and rules; of a materialized policy or a datasource, all rows."""
        policy = step.get("policy") or step["target"]
        tables = step.get("tables")
        if self.kinds[policy] in ("materialized", "datasource"):
            return {"named_rows": self.rows_by_table(policy, tables)}
        rules = self.engine.policy_rules(policy)
        return {"rules": {rule_key(r) for r in rules if tables is None or r.head.table in tables}}

    def policy(self, step: Step) -> Answer:
        rules = self.engine.policy_rules(step["policy"])
        return {"rules": {rule_key(rule) for rule in rules}}

    def consequences(self, step: Step) -> Answer:
        return {"named_rows": self.rows_by_table(step["policy"], None)}

    def simulate(self, step: Step) -> Answer:
        inputs = (step["policy"], step["text"], step["sequence"], step["action_policy"])
        found = self.engine.simulate(*inputs, delta=step["delta"])
        rules = [rule for text in found.result for rule in parse(text)]
        return {"named_rows": {(rule.head.table, *row_of(rule)) for rule in rules}}

    # --- triggers

    def register_trigger(self, step: Step) -> Answer:
        policy = step["policy"]
        if policy is None:
            (policy,) = self.kinds
        self.triggers.append(Trigger(step["table"], policy, step["modal"]))
        return {}

    def rows_of(self, trigger: Trigger) -> set[Typed]:
        owner, _, table = trigger.table.rpartition(":")
        key = f"{trigger.modal}[{table}]" if trigger.modal else table
        width = len(self.engine.columns(owner or trigger.policy, key))
        text = f"{trigger.table}({', '.join(f'x{n}' for n in range(width))})"
        found = self.engine.query(
            trigger.policy, f"{trigger.modal}[{text}]" if trigger.modal else text
        )
        return {typed(row) for row in found}

    # --- inside

    def rows_by_table(self, policy: str, tables: Iterable[str] | None) -> set[Typed]:
        names = self.engine.tables(policy) if tables is None else tables
        return {(table, *typed(row)) for table in names for row in self.engine.rows(policy, table)}

    def _present(
        self, policy: str, rules: Iterable[Rule], before: Iterable[RuleOperation] = ()
    ) -> list[Rule]:
        """Give those of the rules that the policy has, or is given by the operations before."""
        inserted = [parse(o.text) for o in before if (o.kind, o.policy) == ("insert", policy)]
        there = {rule_key(rule) for rule in chain(self.engine.policy_rules(policy), *inserted)}
        return [rule for rule in rules if rule_key(rule) in there]


def codes_of(error: UserError) -> set[str]:
    """Give why something was refused."""
    if isinstance(error, PolicyError):
        return {diagnostic.code for diagnostic in error.diagnostics}
    return {error.code}


def told_changes(changes: Iterable[Change]) -> Answer:
    """Give what tells changes: as they are, and in outline."""
    told = list(changes)
    return {
        "changes": Counter((op, policy, rule_key(rule)) for op, policy, rule in told),
        "outlines": Counter((op, policy, outline_of(rule)) for op, policy, rule in told),
    }


def outline_of(rule: Rule) -> str:
    """Give the head and the tables of the body, whatever their order and added variables."""
    if rule.body is None:
        return print_head(rule)
    tables = sorted(literal.atom.table for literal in rule.body if isinstance(literal, Literal))
    return f"{print_head(rule)} :- {', '.join(tables)}"


def fact_text(table: str, row: Iterable[Any]) -> str:
    """Print a fact."""
    cells = ", ".join(
        '"' + cell.replace("\\", "\\\\").replace('"', '\\"') + '"'
        if isinstance(cell, str)
        else repr(cell)
        for cell in row
    )
    return f"{table}({cells})"
