"""Dependencies between tables: incremental, with cycles, components and strata."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from congress_dist.policy.language.ast import Rule
from congress_dist.policy.language.grammar import parse
from congress_dist.policy.language.graph import Component, DependencyGraph, Node, dependencies_of

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
    (policy_rule,) = rules("a(count(x)) :- b(x), c(x)")
    assert all(negated for _, negated in dependencies_of(*policy_rule))


def test_builtins_that_tell_the_time_depend_on_the_clock() -> None:
    (policy_rule,) = rules("a(x, s) :- now(x), plus(1, 2, _), age_seconds(x, s)")
    assert {read for read, _ in dependencies_of(*policy_rule)} == {Node("clock", "now")}


def test_heads_depend_on_what_bodies_read() -> None:
    graph = DependencyGraph(rules("a(x) :- b(x), not q:c(x), (d(x) or not e(x)), lt(x, 3)"))
    assert graph.reads(node("a")) == {node("b"), Node("q", "c"), node("d"), node("e")}
    assert graph.readers(node("d")) == {node("a")}


def test_closures_follow_dependencies_both_ways() -> None:
    graph = DependencyGraph(rules("a(x) :- b(x); b(x) :- c(x); d(x) :- b(x)"))
    assert graph.reads_closure([node("a")]) == {node("a"), node("b"), node("c")}
    assert graph.readers_closure([node("c")]) == {node(t) for t in "abcd"}


def test_an_action_is_not_the_table_of_its_name() -> None:
    graph = DependencyGraph(rules("execute[a(x)] :- a(x)"))
    action = Node("p", "a", "execute")
    assert graph.reads(action) == {node("a")}
    assert list(graph.cycles([action])) == []
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


def test_components_come_in_the_order_of_evaluation_with_their_strata() -> None:
    graph = DependencyGraph(
        rules("a(x) :- b(x), not c(x); b(x) :- b(x); c(x) :- d(x), not e(x); d(x) :- c(x)")
    )
    found = graph.components()
    assert set(found) == {
        Component(frozenset({node("e")}), is_recursive=False, stratum=0),
        Component(frozenset({node("b")}), is_recursive=True, stratum=0),
        Component(frozenset({node("c"), node("d")}), is_recursive=True, stratum=1),
        Component(frozenset({node("a")}), is_recursive=False, stratum=2),
    }
    assert found[-1].nodes == {node("a")}


def test_components_of_a_part() -> None:
    graph = DependencyGraph(rules("a(x) :- b(x); b(x) :- a(x)"))
    (found,) = graph.components([node("a")])
    assert not found.is_recursive


def test_removing_takes_back_one_adding() -> None:
    graph = DependencyGraph(rules("a(x) :- b(x); a(x) :- b(x)"))
    ((policy, rule),) = rules("a(x) :- b(x)")
    graph.remove(policy, rule)
    assert node("b") in graph
    graph.remove(policy, rule)
    assert node("a") not in graph
    assert node("b") not in graph
    with pytest.raises(KeyError):
        graph.remove(policy, rule)


def test_an_edge_stays_while_another_rule_needs_it() -> None:
    graph = DependencyGraph(rules("a(x) :- b(x), c(x); a(y) :- not b(y), c(y)"))
    graph.remove(*rules("a(x) :- b(x), c(x)")[0])
    assert graph.reads(node("a")) == {node("b"), node("c")}


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
def test_adding_and_removing_leads_to_the_graph_of_what_is_left(
    program: list[tuple[str, list[tuple[str, str]]]],
) -> None:
    all_rules = rules(text_of(program))
    graph = DependencyGraph(all_rules)
    leaving = all_rules[::2]
    for policy, rule in leaving:
        graph.remove(policy, rule)
    fresh = DependencyGraph(all_rules[1::2])
    assert all(graph.reads(node(t)) == fresh.reads(node(t)) for t in P_TABLES)
    assert {c.nodes for c in graph.components()} == {c.nodes for c in fresh.components()}


@given(programs)
def test_components_read_only_what_comes_before_them(
    program: list[tuple[str, list[tuple[str, str]]]],
) -> None:
    graph = DependencyGraph(rules(text_of(program)))
    before: set[Node] = set()
    for component in graph.components():
        for member in component.nodes:
            assert graph.reads(member) <= before | component.nodes
        before |= component.nodes


@given(programs)
def test_a_cycle_is_found_exactly_where_a_component_is_recursive(
    program: list[tuple[str, list[tuple[str, str]]]],
) -> None:
    graph = DependencyGraph(rules(text_of(program)))
    recursive = [c.nodes for c in graph.components() if c.is_recursive]
    cycles = list(graph.cycles(map(node, P_TABLES)))
    assert len(cycles) == len(recursive)
    for cycle in cycles:
        members = {step.head for step in cycle}
        assert any(members <= component for component in recursive)
        following = [*cycle[1:], cycle[0]]
        assert all(a.reads == b.head for a, b in zip(cycle, following, strict=True))
