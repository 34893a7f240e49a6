"""The steps that a body comes to."""

from __future__ import annotations

import pytest

from congress_dist.policy.planner.compiler import Numbers, PlanData, Reading, compile_body
from congress_dist.policy.planner.normal_form import Call, Condition, Match, Term

R, S, T = ("d", "r"), ("d", "s"), ("d", "t")
RELATIONS: dict[object, int] = {R: 0, S: 1, T: 2}
TEN = 10  # the id of some constant


def builtin(call: Call) -> int:
    return {"plus": 7}[call.builtin]


NUMBERS = Numbers(lambda table, _: RELATIONS[table], builtin)


def plan(body: list[object], *terms: Term, given: tuple[str, ...] = ()) -> PlanData:
    return compile_body(body, terms, NUMBERS, given=given)  # type: ignore[arg-type]


def test_the_first_table_is_gone_through_and_the_next_is_looked_up() -> None:
    assert plan([Match(R, ("x", "y")), Match(S, ("y", "z"))], "x", "z") == (
        [],
        [
            ("scan", 0, False, False, [(0, 0), (1, 1)], [], [], []),
            ("probe", 1, False, [0], [1], [(1, 2)], [], [], [0]),
        ],
        [0, 2],
    )


def test_a_literal_that_gives_nothing_new_is_a_test() -> None:
    body = [Match(R, ("x", "y")), Match(S, ("y", None)), Match(T, ("x",), negated=True)]
    assert plan(body, "x")[1][1:] == [
        ("exists", 1, False, [0], [1], False, [0]),
        ("lookup", 2, False, [0], True, [0]),
    ]


def test_what_counts_derivations_goes_through_all_that_match() -> None:
    body = [Match(R, ("x",)), Match(S, ("x", None))]
    _, steps, _ = compile_body(body, ["x"], NUMBERS, reading=Reading())
    assert [step[0] for step in steps] == ["scan", "probe"]


def test_a_variable_that_nothing_reads_any_more_is_not_kept() -> None:
    body = [Match(R, ("x", "y")), Condition("<", "y", TEN), Match(S, ("x", "z"))]
    _, steps, _ = plan(body, "z")
    assert steps[1] == ("compare", "<", 1, ~TEN, [0])
    assert steps[2][-1] == []


def test_the_changes_of_a_literal_are_scanned_and_later_ones_read_the_old_state() -> None:
    first, second = Match(R, ("x", TEN)), Match(R, ("x", "x"))
    reading = Reading(second, frozenset({id(first)}))
    _, steps, _ = compile_body([second, first], ["x"], NUMBERS, reading=reading)
    assert steps == [
        ("scan", 0, False, True, [(0, 0)], [], [(0, 1)], []),
        ("lookup", 0, True, [0, ~TEN], False, [0]),
    ]


def test_the_results_of_a_call_are_written_or_checked() -> None:
    call = Call("plus", lambda _: (), ("x", TEN), ("y",))
    assert plan([call], "y", given=("x",)) == (
        [0],
        [("call", 7, [0, ~TEN], [(0, 1)], [], [], [])],
        [1],
    )
    assert plan([call], "x", given=("x", "y"))[1] == [
        ("call", 7, [0, ~TEN], [], [(0, 1)], [], [0])
    ]


@pytest.mark.parametrize("literal", [Condition("=", "y", "x"), Condition("=", "x", "y")])
def test_an_equality_copies_to_the_side_without_a_value(literal: Condition) -> None:
    assert plan([literal], "y", given=("x",)) == ([0], [("copy", 0, 1, [])], [1])
