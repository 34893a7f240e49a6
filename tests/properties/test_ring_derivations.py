"""Derivations where every row is behind every other one: closures around a ring."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from congress_dist.policy import Engine
from tests.oracle.cases import Case
from tests.oracle.comparison import run_case

CLOSURE = ["p(x, z) :- p(x, y), p(y, z)", "p(x, y) :- p(y, x)", "p(x, y) :- d:e(x, y)"]
NODES: tuple[Any, ...] = (1, "1", 1.5, True, None)
chords = st.lists(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)), max_size=5)


@settings(max_examples=100, deadline=None)
@given(st.permutations(CLOSURE), st.permutations(NODES), st.integers(1, len(NODES)), chords)
def test_derivations_around_a_ring_are_true_and_never_circular(
    closure: list[str], nodes: list[Any], size: int, chords: list[Any]
) -> None:
    ring = zip(nodes[:size], [*nodes[1:size], nodes[0]], strict=True)
    edges = [*ring, *chords]
    questions = [("why", "m", "p", (left, right)) for left in NODES for right in NODES]
    run_case(
        Case(
            (
                ("create_policy", "m", "recursive"),
                ("insert", "m", "\n".join(closure)),
                ("load", "d", {"e": edges}),
                *questions,
            )
        )
    )


@pytest.mark.parametrize("kind", ["recursive", "materialized", "z3"])
def test_each_recursive_kind_computes_a_closure(kind: str) -> None:
    engine = Engine()
    engine.create_policy("m", kind=kind)
    engine.set_schema("d", {"e": ["x", "y"]})
    engine.insert("m", "tc(x, y) :- d:e(x, y)\ntc(x, z) :- tc(x, y), d:e(y, z)")
    engine.load("d", {"e": [(n, n + 1) for n in range(30)]})
    expected = {(low, high) for low in range(31) for high in range(low + 1, 31)}
    assert set(engine.rows("m", "tc")) == expected
