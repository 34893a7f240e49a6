"""Dependencies between tables, and the cycles among them."""

from __future__ import annotations

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from congress_dist.policy.language.ast import Rule
from congress_dist.policy.language.grammar import parse
from congress_dist.policy.language.graph import DependencyGraph, Node, dependencies_of

P_TABLES = ("a", "b", "c", "d", "e")


def rules(text: str, policy: str = "p") -> list[tuple[str, Rule]]:
    return [(policy, rule) for rule in parse(text)]


def node(table: str) -> Node:
    return Node("p", table)


def cycle_names(graph: DependencyGraph, *heads: str) -> list[list[str]]:
    return [
        [step.head.table for step in cycle] for cycle in graph.cycles(node(head) for head in heads)
    ]


def test_absence_matters_under_not_and_under_an_aggregate() -> None:
    (policy_rule,) = rules("a(x) :- b(x), not (c(x), not d(x)), e(x)")
    found = [(read.table, negated) for read, negated in dependencies_of(*policy_rule)]
    assert found == [("b", False), ("c", True), ("d", True), ("e", False)]
    (policy_rule,) = rules("a(x) :- b(x), not (c(x), not (d(x), not (e(x))))")
    found = [(read.table, negated) for read, negated in dependencies_of(*policy_rule)]
    assert found == [("b", False), ("c", True), ("d", True), ("e", True)]
    (policy_rule,) = rules("a(count(x)) :- b(x), c(x)")
    assert all(negated for _, negated in dependencies_of(*policy_rule))


def test_builtins_that_tell_the_time_depend_on_the_clock() -> None:
    (policy_rule,) = rules("a(x, s) :- now(x), plus(1, 2, _), age_seconds(x, s)")
    assert {read for read, _ in dependencies_of(*policy_rule)} == {Node("clock", "now")}


def test_an_action_is_not_the_table_of_its_name() -> None:
    graph = DependencyGraph(rules("execute[a(x)] :- a(x)"))
    action = Node("p", "a", "execute")
    assert list(graph.cycles([action, node("a")])) == []
    assert str(action) == "execute[p:a]"


def test_a_cycle_tells_its_rules_in_order() -> None:
    program = rules("a(x) :- b(x); b(x) :- not c(x); c(x) :- a(x); d(x) :- a(x)")
    ((*steps,),) = DependencyGraph(program).cycles([node("d")])
    assert [(step.head.table, step.reads.table, step.negated) for step in steps] == [
        ("b", "c", True),
        ("c", "a", False),
        ("a", "b", False),
    ]
    assert [step.rule for step in steps] == [program[1][1], program[2][1], program[0][1]]


def test_only_what_the_heads_reach_is_searched() -> None:
    graph = DependencyGraph(rules("a(x) :- a(x); b(x) :- c(x); d(x) :- a(x)"))
    assert cycle_names(graph, "b") == []
    assert cycle_names(graph, "d") == [["a"]]


def test_a_negated_edge_is_shown_even_when_a_shorter_cycle_has_none() -> None:
    graph = DependencyGraph(rules("a(x) :- a(x); a(x) :- b(x); b(x) :- not a(x)"))
    ((*steps,),) = graph.cycles([node("a")])
    assert any(step.negated for step in steps)


def test_a_preferred_table_is_shown_when_it_is_on_a_cycle() -> None:
    graph = DependencyGraph(rules("a(x) :- a(x); a(x) :- b(x); b(x) :- a(x)"))
    ((*steps,),) = graph.cycles([node("a")], prefer=lambda n: n.table == "b")
    assert node("b") in {step.head for step in steps}


literals = st.tuples(st.sampled_from(["", "not "]), st.sampled_from(P_TABLES))
programs = st.lists(
    st.tuples(st.sampled_from(P_TABLES), st.lists(literals, min_size=1, max_size=3)), max_size=8
)


def text_of(program: list[tuple[str, list[tuple[str, str]]]]) -> str:
    return "\n".join(
        f"{head}(x) :- " + ", ".join(f"{sign}{table}(x)" for sign, table in body)
        for head, body in program
    )


@given(programs)
def test_a_cycle_is_found_exactly_where_tables_depend_on_each_other(
    program: list[tuple[str, list[tuple[str, str]]]],
) -> None:
    plain = nx.DiGraph([(head, table) for head, body in program for _, table in body])
    components = [
        {node(table) for table in tables}
        for tables in nx.strongly_connected_components(plain)
        if len(tables) > 1 or plain.has_edge(*list(tables) * 2)
    ]
    graph = DependencyGraph(rules(text_of(program)))
    cycles = list(graph.cycles(map(node, P_TABLES)))
    assert len(cycles) == len(components)
    for cycle in cycles:
        (component,) = [c for c in components if cycle[0].head in c]
        assert {step.head for step in cycle} <= component
        following = [*cycle[1:], cycle[0]]
        assert all(a.reads == b.head for a, b in zip(cycle, following, strict=True))
