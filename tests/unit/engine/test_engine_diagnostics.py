"""What is said of what only shows at work, or only with a large text: word for word."""

# ruff: noqa: E501 - lines of messages stay whole

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent

import pytest

from congress_dist.policy.engine import Engine
from congress_dist.policy.impact import RuleOperation
from congress_dist.policy.language.diagnostics import PolicyError


@pytest.fixture
def engine() -> Engine:
    engine = Engine(max_rows=1_000)
    engine.create_policy("p")
    engine.set_schema("d", {"t": ["id", "host"]})
    engine.load("d", {"t": [(number, "h") for number in range(60)]})
    engine.insert("p", "q(host) :- d:t(_, host)\nr(x) :- q(host=x)")
    return engine


def check(attempt: Callable[[], object], expected: str) -> None:
    with pytest.raises(PolicyError) as refused:
        attempt()
    assert str(refused.value) == dedent(expected).strip("\n")


def test_a_column_in_use(engine: Engine) -> None:
    check(
        lambda: engine.insert("p", "s(1)\nq(x) :- d:t(x, _)"),
        """
        <text>:2:1: error[column-in-use]: after this change table 'p:q' could not be read as the rule 'r(x) :- q(host=x)' of policy 'p' does: it has no column 'host'
            q(x) :- d:t(x, _)
            ^^^^
          hint: change that rule first, or keep the names of the columns
        """,
    )


def test_a_column_in_use_that_a_deletion_would_take(engine: Engine) -> None:
    engine.insert("p", "k(x) :- w(0=x); l(x) :- w(x, _)")
    check(
        lambda: engine.delete("p", "\n  l(x) :- w(x, _)"),
        """
        <text>:2:11: error[column-in-use]: after this change table 'p:w' could not be read as the rule 'k(x) :- w(0=x)' of policy 'p' does: no rule gives its columns names
              l(x) :- w(x, _)
                      ^^^^^^^
          hint: change that rule first, or keep the names of the columns
        """,
    )


def test_a_query_with_alternatives_that_multiply(engine: Engine) -> None:
    groups = ", ".join(f"(d:t({n}, y) or d:t({n}, _))" for n in range(5))
    with pytest.raises(PolicyError) as refused:
        engine.query("p", f"\nans(1) :- {groups}")
    (found,) = refused.value.diagnostics
    assert (found.code, found.line, found.column) == ("too-many-alternatives", 2, 1)
    assert (found.source, found.length) == ("<query>", 6)


def test_too_many_rows(engine: Engine) -> None:
    check(
        lambda: engine.insert("p", "s(1)\npairs(x, y) :- d:t(x, z), d:t(y, z)"),
        """
        <text>:2:1: error[too-many-rows]: the rule 'pairs(x, y) :- d:t(x, z), d:t(y, z)' would be too large: it derives more than 1000 rows
            pairs(x, y) :- d:t(x, z), d:t(y, z)
            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          hint: bind its variables by more conditions
        """,
    )


def test_too_many_rows_by_one_of_several_operations(engine: Engine) -> None:
    texts = ("s(1)", "pairs(x, y) :- d:t(x, z), d:t(y, z)")
    check(
        lambda: engine.update(RuleOperation("insert", "p", text) for text in texts),
        """
        operation 2:1:1: error[too-many-rows]: the rule 'pairs(x, y) :- d:t(x, z), d:t(y, z)' would be too large: it derives more than 1000 rows
            pairs(x, y) :- d:t(x, z), d:t(y, z)
            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          hint: bind its variables by more conditions
        """,
    )


def test_a_rule_that_was_there_has_no_place_in_the_text(engine: Engine) -> None:
    engine.insert("p", "all(x, y) :- on(1), d:t(x, _), d:t(y, _)\non(2)")
    check(
        lambda: engine.insert("p", "on(1)"),
        """
        error[too-many-rows]: the rule 'all(x, y) :- on(1), d:t(x, _), d:t(y, _)' would be too large: it derives more than 1000 rows
          hint: bind its variables by more conditions
        """,
    )


def test_a_query_of_several_statements(engine: Engine) -> None:
    check(
        lambda: engine.query("p", "q(x) r(x)"),
        """
        <query>:1:6: error[query]: a query is one statement, this text has 2 statements
            q(x) r(x)
                 ^^^^
          hint: ask for one table, as servers(x, y), or write one rule: answer(x) :- servers(x, _)
        """,
    )


def test_a_query_that_acts(engine: Engine) -> None:
    check(
        lambda: engine.query("p", "execute[q(x)] :- d:t(x)"),
        """
        <query>:1:9: error[query]: a query asks for rows of a table, it does not act
            execute[q(x)] :- d:t(x)
                    ^^^^
          hint: ask what the action's rule asks: answer(x) :- the conditions of its body
        """,
    )


def test_a_query_by_columns_that_nobody_knows(engine: Engine) -> None:
    check(
        lambda: engine.query("p", "ans(x) :- none:t(a=x)"),
        """
        <query>:1:11: error[unknown-columns]: table 'none:t': no such policy or datasource
            ans(x) :- none:t(a=x)
                      ^^^^^^^^^^^
          hint: ask by position, or wait until the table is known
        """,
    )


def test_a_sequence_with_no_action(engine: Engine) -> None:
    check(
        lambda: engine.simulate("p", "q(x)", "q+(1)\nstart(1)"),
        """
        <sequence>:2:1: error[simulation]: the sequence has a statement that is neither an action nor a change: start(1)
            start(1)
            ^^^^^^^^
          note: an action is declared in the action policy as action("name")
          hint: write p+(…) to insert and p-(…) to delete
        """,
    )


def test_brackets_that_nest_too_deep(engine: Engine) -> None:
    shown = f"…{'(' * 199}"
    check(
        lambda: engine.insert("p", f"s(1)\ns({'(' * 300}"),
        f"""
        <text>:2:202: error[too-deep]: brackets nest deeper than 200
            {shown}
            {" " * (202 - 103)}^
          hint: give a part of the rule a table of its own
        """,
    )


def test_a_text_that_is_too_large(engine: Engine) -> None:
    check(
        lambda: engine.insert("p", "s(1)\n" * 300_000),
        """
        <text>:1:1: error[too-large]: the text has 1500000 characters, at most 1048576 are read at once
            s(1)
            ^
          hint: insert it in parts
        """,
    )


def test_alternatives_that_multiply(engine: Engine) -> None:
    groups = ", ".join(f"(d:t({number}, y) or d:t({number}, _))" for number in range(5))
    check(
        lambda: engine.insert("p", f"s(1) :- {groups}"),
        """
        <text>:1:1: error[too-many-alternatives]: the rule for 's' multiplies out to more than 16 alternatives
            s(1) :- (d:t(0, y) or d:t(0, _)), (d:t(1, y) or d:t(1, _)), (d:t(2, y) or d:t(2, _)), (d:t(3, y) or d:t(3, _)), (d:t(4, y) or d:t(4, _))
            ^^^^
          note: its groups share variables that not each of their alternatives binds
          hint: give a group of alternatives a table of its own, with one rule for each
        """,
    )
