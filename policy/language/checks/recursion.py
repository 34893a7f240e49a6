"""Check: no cycle through the rules, except stratified ones within recursive policies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from ..diagnostics import Diagnostic
from ..graph import DependencyGraph, Node, Step, dependencies_of, head_of
from ..printer import print_rule
from ..walk import aggregates_of
from .batch import Batch, PolicyRule

RECURSIVE_KINDS = frozenset({"recursive", "materialized", "z3"})


def find_cycles(batch: Batch) -> Iterator[Diagnostic]:
    """Refuse cycles that the rules close; the note tells the cycle table by table.

    Cost: one look at the head of each rule, then what the new heads depend on.
    """
    heads = {head_of(policy, rule) for policy, rule in batch.rules if not rule.is_fact}
    if not heads:
        return
    graph = DependencyGraph(_reachable(heads, batch.all_rules()))

    def is_nonrecursive(node: Node) -> bool:
        return batch.program.kind(node.policy) not in RECURSIVE_KINDS

    for cycle in graph.cycles(heads, prefer=is_nonrecursive):
        nonrecursive = [step.head for step in cycle if is_nonrecursive(step.head)]
        if nonrecursive or any(step.negated for step in cycle):
            yield _refused(batch, cycle, nonrecursive)


def _reachable(heads: Iterable[Node], rules: Iterable[PolicyRule]) -> Iterator[PolicyRule]:
    """Give the rules of the tables that the heads depend on."""
    rules_by_head: dict[Node, list[PolicyRule]] = defaultdict(list)
    for policy, rule in rules:
        if not rule.is_fact:
            rules_by_head[head_of(policy, rule)].append((policy, rule))
    seen = set(heads)
    stack = list(seen)
    while stack:
        for policy, rule in rules_by_head.get(stack.pop(), ()):
            yield policy, rule
            for node, _ in dependencies_of(policy, rule):
                if node not in seen:
                    seen.add(node)
                    stack.append(node)


def _refused(batch: Batch, cycle: list[Step], nonrecursive: list[Node]) -> Diagnostic:
    new = {id(rule) for _, rule in batch.rules}
    start = next((n for n, step in enumerate(cycle) if id(step.rule) in new), 0)
    steps = cycle[start:] + cycle[:start]
    closing, is_negated = steps[0], any(step.negated for step in steps)
    note = "\n".join(_told(step) for step in steps)
    on_what = "its own absence" if is_negated else "itself"
    if is_negated:
        hint = "what is negated or counted must be known before: leave that out of the cycle"
    else:
        hint = (
            "leave one of these rules out, or create the policy"
            f" {nonrecursive[0].policy!r} with the kind recursive"
        )
    return batch.report(
        "recursion" if nonrecursive else "negation-in-cycle",
        f"the rule makes '{closing.head}' depend on {on_what}",
        closing.rule.span,
        note=note,
        hint=hint,
    )


def _told(step: Step) -> str:
    reads = "negates" if step.negated else "reads"
    if aggregates_of(step.rule):
        reads = "takes an aggregate of"
    return f"{step.head} {reads} {step.reads} by {print_rule(step.rule)}"
