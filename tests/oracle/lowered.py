"""What the kernel's rules mean: one table after the other, from all rows, until nothing is new."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, cast

import networkx as nx

from congress_dist.policy.language.builtins import BuiltinFailure
from congress_dist.policy.language.grammar import parse
from congress_dist.policy.planner.internal_key import InternalKey
from congress_dist.policy.planner.internal_tables import Values
from congress_dist.policy.planner.kernel_rules import (
    AnyKernelRule,
    KernelCrossings,
    KernelFold,
    KernelRule,
    Lowered,
)
from congress_dist.policy.planner.lowering import lower
from congress_dist.policy.planner.normal_form import Aggregation, Fold, NormalRule
from congress_dist.policy.planner.normalize import normalize
from congress_dist.policy.planner.program import Program

from .folding import fold
from .solving import Body
from .symbols import IdRow, Symbols

KernelRules = list[AnyKernelRule]
Relation = tuple[Hashable, int]
"""A table and its width."""
TABLES: dict[str, list[str]] = {"e": ["a", "b"], "f": ["a"], "g": ["a", "b", "c"], "n": []}
"""The tables of the datasource `d`, with their columns."""
Loaded = Mapping[str, Iterable[tuple[Any, ...]]]


def head_of(rule: AnyKernelRule) -> Relation:
    """Give what a rule derives."""
    if isinstance(rule, KernelCrossings):
        return rule.head, 1
    return rule.head, len(rule.parts if isinstance(rule, KernelFold) else rule.terms)


def reads_of(rule: AnyKernelRule) -> list[tuple[Relation, bool]]:
    """Give what a rule reads, with whether an absence matters."""
    if isinstance(rule, KernelCrossings):
        return [(read, True) for read in rule.inputs()]
    if isinstance(rule, KernelFold):
        return [(read, True) for read in rule.inputs]
    plain = [((m.table, len(m.terms)), m.negated) for m in rule.matches()]
    return [*plain, *(((m.table, len(m.terms)), True) for m in rule.asks())]


def dependencies(rules: KernelRules) -> nx.DiGraph[Relation]:
    """Give which relation reads which."""
    graph: nx.DiGraph[Relation] = nx.DiGraph()
    for rule in rules:
        graph.add_node(head_of(rule))
        graph.add_edges_from((head_of(rule), read) for read, _ in reads_of(rule))
    return graph


class LoweredRules:
    """Rules of the kernel over sets of rows."""

    def __init__(self, rules: KernelRules, symbols: Symbols) -> None:
        self.rules = rules
        self.rows: defaultdict[Any, set[IdRow]] = defaultdict(set)
        self._symbols = symbols
        self._bodies = {n: Body(r.body) for n, r in enumerate(rules) if isinstance(r, KernelRule)}

    def run(self) -> None:
        """Work out every table."""
        for members in nx.strongly_connected_components(dependencies(self.rules)):
            own = [(n, rule) for n, rule in enumerate(self.rules) if head_of(rule) in members]
            whole = {read for _, rule in own for read, matters in reads_of(rule) if matters}
            assert whole.isdisjoint(members), "an absence within what is still being derived"
            before = -1
            while before != (before := sum(len(self.rows[table]) for table, _ in members)):
                for number, rule in own:
                    self.rows[rule.head] |= self._derive(number, rule)

    def _derive(self, number: int, rule: AnyKernelRule) -> set[IdRow]:
        if isinstance(rule, KernelFold):
            return self._fold(rule)
        if isinstance(rule, KernelCrossings):
            return self._pass(rule)
        ways = self._bodies[number].solve(self.rows, self._symbols, {})
        return {
            tuple(way[term] if isinstance(term, str) else term for term in rule.terms)  # type: ignore[misc]
            for way in ways
        }

    def _pass(self, rule: KernelCrossings) -> set[IdRow]:
        """Test the age of each time, turn by turn."""
        moments = [self._moment(rule, row) for row in self.rows[rule.clock]]
        passing = set()
        for row in self.rows[rule.times]:
            moment = self._moment(rule, row)
            for now in moments:
                if moment is None or now is None:
                    continue
                turned = sum(turn <= now - moment for turn in rule.test.turns) % 2 == 1
                if turned is not rule.test.at_first:
                    passing.add(row)
        return passing

    def _moment(self, rule: KernelCrossings, row: IdRow) -> int | None:
        try:
            rows = list(rule.moment.solve((self._symbols.values[row[0]],)))
        except BuiltinFailure:
            return None
        return cast("int", rows[0][0]) if rows else None

    def _fold(self, rule: KernelFold) -> set[IdRow]:
        """Fold each aggregate by itself; a group that one of them fails on has no row."""
        results: list[dict[IdRow, int]] = []
        for function, number in rule.parts:
            if function != "group":
                table, width = rule.inputs[number]
                over = Aggregation(function, tuple(range(rule.groups, width)))  # type: ignore[arg-type]
                how = Fold(rule.groups, (*range(rule.groups), over))
                rows = fold(how, self.rows[table], self._symbols)
                results.append({row[:-1]: row[-1] for row in rows})
        folded = set()
        for group in set.intersection(*map(set, results)):
            cells = iter([result[group] for result in results])
            folded.add(tuple(group[n] if f == "group" else next(cells) for f, n in rule.parts))
        return folded


def normal_rules(text: str, symbols: Any) -> list[Sequence[NormalRule]]:
    """Give the rules of a text in a recursive policy `p`."""
    program = Program()
    program.create_policy("p", "recursive")
    program.set_schema("d", TABLES)
    parsed = parse(text)
    for rule in parsed:
        program.add("p", rule)
    return [normalize(rule, "p", program=program, symbols=symbols) for rule in parsed]


def lowered_each(
    normal: Sequence[Sequence[NormalRule]], values: Values, *, reports: bool
) -> list[Lowered]:
    """Lower rules, each with what depends on its head and it on them."""
    graph: nx.DiGraph[Any] = nx.DiGraph()
    graph.add_edges_from((a.head, read) for rule in normal for a in rule for read in a.reads())
    graph.add_nodes_from(alternative.head for rule in normal for alternative in rule)
    together = {t: c for c in nx.strongly_connected_components(graph) for t in c}
    return [
        lower(
            rule,
            ("owner", number),
            values=values,
            reports=reports,
            recursive=together[rule[0].head] if rule else (),
        )
        for number, rule in enumerate(normal)
    ]


def together(lowered: Iterable[Lowered]) -> KernelRules:
    """Give the kernel's rules for some rules, each once."""
    return list(dict.fromkeys(rule for each in lowered for rule in each.rules))


def typed(rows: Iterable[Iterable[Any]]) -> set[tuple[Any, ...]]:
    """Give rows in a set that knows types."""
    return {tuple((type(cell).__name__, cell) for cell in row) for row in rows}


def meaning_of(
    lowered: Iterable[Lowered], loaded: Loaded, symbols: Symbols
) -> dict[str, set[tuple[Any, ...]]]:
    """Give the rows of each table of a policy."""
    meaning = LoweredRules(together(lowered), symbols)
    for table, rows in loaded.items():
        meaning.rows["d", table] = symbols.encode_all(rows)
    meaning.run()
    heads = {rule.head for rule in meaning.rules if not isinstance(rule.head, InternalKey)}
    return {head[1]: typed(map(symbols.decode, meaning.rows[head])) for head in heads}
