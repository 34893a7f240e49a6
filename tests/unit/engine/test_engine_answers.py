"""Queries, violations and explanations."""

from __future__ import annotations

import pytest

from congress_dist.errors import NotFound
from congress_dist.policy import Engine, PolicyError
from congress_dist.policy.explain import MAX_DEPTH, MAX_NODES, Absence, Derivation


@pytest.fixture
def engine() -> Engine:
    engine = Engine()
    engine.create_policy("p", kind="recursive")
    engine.set_schema("d", {"edge": ["x", "y"], "off": ["x"]})
    engine.load("d", {"edge": [(1, 2), (2, 3), (3, 1)], "off": []})
    return engine


CLOSURE = "tc(x, y) :- d:edge(x, y); tc(x, z) :- tc(x, y), d:edge(y, z)"


def test_an_atom_asks_for_whole_rows(engine: Engine) -> None:
    assert engine.query("p", "d:edge(1, y)") == [(1, 2)]
    assert engine.query("p", "d:edge(_, 3)") == [(2, 3)]
    assert engine.query("p", "d:edge(y=1)") == [(3, 1)]
    assert engine.query("p", "d:edge(y=1.0)") == []
    assert sorted(engine.query("p", "d:edge(1)")) == [(1, 2)]


def test_a_rule_asks_for_its_head(engine: Engine) -> None:
    engine.insert("p", CLOSURE)
    assert sorted(engine.query("p", "ans(y) :- tc(1, y), y > 1")) == [(2,), (3,)]
    assert engine.query("p", "yes() :- tc(x, x)") == [()]
    assert engine.rows("p", "ans") == []
    assert len(engine.policy_rules("p")) == 2


def test_what_is_not_known_gives_no_answer_under_not(engine: Engine) -> None:
    engine.mark_missing("d", ["off"], reason="gone")
    answer = engine.answer("p", "ans(x) :- d:edge(x, _), not d:off(x)")
    assert answer.rows == []
    assert answer.missing == {"d:off": "gone"}
    assert engine.query("p", "nobody:knows(x)") == []


def test_no_row_has_another_width_than_its_table(engine: Engine) -> None:
    answer = engine.answer("p", "ans(x) :- d:edge(x, y), (d:edge(x, y, z) or not d:off(x, y))")
    assert sorted(answer.rows) == [(1,), (2,), (3,)]
    assert engine.query("p", "d:edge(x, y, z)") == []
    assert engine.query("p", "ans(x) :- d:edge(x, _), not (d:edge(x, 1, _))") != []
    assert [(w.code, w.severity) for w in answer.warnings] == [("arity", "warning")] * 2


def test_a_prepared_query_may_ask_for_a_width_that_is_not_there(engine: Engine) -> None:
    assert engine.prepare("p", "d:edge(?, y, z)")(1) == []


def test_a_query_may_name_what_it_does_not_use(engine: Engine) -> None:
    assert engine.answer("p", "ans(x) :- d:edge(x, y)").warnings == ()


def test_a_query_that_cannot_run_is_refused(engine: Engine) -> None:
    with pytest.raises(PolicyError):
        engine.query("p", "nobody:knows(column=x)")
    with pytest.raises(PolicyError):
        engine.query("p", "q(1) q(2)")
    with pytest.raises(NotFound):
        engine.query("nobody", "q(x)")


def test_a_violation_is_a_pair_of_rule_and_row(engine: Engine) -> None:
    engine.insert(
        "p",
        'error(x) :- d:edge(x, 2)\nerror(x) :- d:edge(x, y), y < 3\nwarning("always")\n'
        '@severity("high") loops(x) :- d:edge(x, _), x = 3\nquiet(x) :- d:edge(x, _)',
    )
    found = [(v.policy, v.table, v.row) for v in engine.violations()]
    assert sorted(found, key=repr) == [
        ("p", "error", (1,)),
        ("p", "error", (1,)),
        ("p", "error", (3,)),
        ("p", "loops", (3,)),
        ("p", "warning", ("always",)),
    ]
    engine.apply("d", removed={"edge": [(1, 2)]})
    assert sorted(v.row for v in engine.violations() if v.table == "error") == [(3,)]


def test_a_derivation_names_rule_rows_and_absences(engine: Engine) -> None:
    engine.insert(
        "p", '@id("R-1") @title("Open end") open(x) :- d:edge(x, y), ok(y), not d:off(x)\nok(2)'
    )
    tree = engine.explain("p", "open", (1,))
    assert tree.rule == "open(x) :- d:edge(x, y), ok(y), not d:off(x)"
    assert (tree.rule_id, tree.title) == ("R-1", "Open end")
    assert tree.absences == (Absence("d", "off", "d:off(1)", is_ground=True),)
    assert tree.children == (
        Derivation("d", "edge", ("x", "y"), (1, 2)),
        Derivation("p", "ok", ("Col0",), (2,), rule="ok(2)"),
    )
    wire = tree.to_wire()
    assert wire["children"][0]["row"] == [1, 2]
    assert wire["columns"] == ["x"]


def test_a_derivation_shows_the_whole_rows_behind_wildcards(engine: Engine) -> None:
    engine.insert("p", "from(x) :- d:edge(x, _)")
    assert engine.explain("p", "from", (2,)).children[0].row == (2, 3)


@pytest.mark.parametrize(
    ("body", "atom", "is_ground"),
    [
        ("d:edge(x, 2), plus(x, 10, y), not d:edge(y, y)", "d:edge(11, 11)", True),
        ("d:edge(x, 2), y in [7], not d:edge(y, x)", "d:edge(7, 1)", True),
        ("d:edge(x, 2), y = x + 3, not d:edge(x, y)", "d:edge(1, 4)", True),
        ("d:edge(x, 2), y = x, not d:edge(y, y)", "d:edge(1, 1)", True),
        ("d:edge(x, 2), plus(x, 8, y), not d:edge(y, _)", "d:edge(9, _)", False),
        (
            "d:edge(x, 2), plus(x, 8, y), not (d:edge(y, z), d:edge(z, x))",
            "(d:edge(9, z), d:edge(z, 1))",
            False,
        ),
    ],
)
def test_an_absence_has_the_values_of_all_variables(
    engine: Engine, body: str, atom: str, is_ground: bool
) -> None:
    engine.insert("p", f"q(x) :- {body}")
    (absence,) = engine.explain("p", "q", (1,)).absences
    assert (absence.atom, absence.is_ground) == (atom, is_ground)
    if is_ground:
        policy, _, fact = atom.partition(":")
        row = tuple(map(int, fact.removeprefix("edge(").rstrip(")").split(", ")))
        engine.apply(policy, added={"edge": [row]})
        assert engine.rows("p", "q") == []


def test_a_row_of_a_cycle_never_explains_itself(engine: Engine) -> None:
    engine.insert("p", CLOSURE)
    tree = engine.explain("p", "tc", (1, 1))
    rows = []
    while tree.policy == "p":
        rows.append(tree.row)
        tree = tree.children[0]
    assert rows == [(1, 1), (1, 3), (1, 2)]


def test_a_row_that_is_not_there_has_no_derivation(engine: Engine) -> None:
    engine.insert("p", CLOSURE)
    for row in [(1, 9), ("never", "seen"), (1.0, 2)]:
        with pytest.raises(NotFound, match="has no row"):
            engine.explain("p", "tc", row)
    with pytest.raises(NotFound):
        engine.explain("nobody", "tc", (1, 2))


def test_a_derivation_is_bounded(engine: Engine) -> None:
    engine.insert("p", CLOSURE)
    engine.load("d", {"edge": [(n, n + 1) for n in range(200)]})
    tree = engine.explain("p", "tc", (0, 200))
    depth = 1
    while tree.children:
        tree, depth = tree.children[0], depth + 1
    assert depth == MAX_DEPTH
    assert tree.is_cut


def test_a_wide_derivation_is_bounded(engine: Engine) -> None:
    rules = [f"b{n + 1}(x) :- b{n}(x), b{n}(x), d:edge(x, _)" for n in range(12)]
    engine.insert("p", "b0(1); " + "; ".join(rules))
    assert 0 < _size(engine.explain("p", "b12", (1,))) <= MAX_NODES


def test_of_a_large_group_only_a_part_is_shown(engine: Engine) -> None:
    engine.insert("p", "n(count(x)) :- d:edge(x, _)")
    engine.load("d", {"edge": [(n, n) for n in range(3 * MAX_NODES)]})
    tree = engine.explain("p", "n", (3 * MAX_NODES,))
    assert (_size(tree), tree.is_cut) == (MAX_NODES, True)


def test_a_derivation_may_read_very_many_columns(engine: Engine) -> None:
    engine.set_schema("w", {"t": [f"c{n}" for n in range(1_000)]})
    engine.load("w", {"t": [tuple(range(1_000))]})
    engine.insert("p", "q(x) :- " + ", ".join(f"w:t(c{n}=x{n}, c1=x)" for n in range(2, 12)))
    children = engine.explain("p", "q", (1,)).children
    assert [child.row for child in children] == [tuple(range(1_000))] * 10


def _size(tree: Derivation) -> int:
    return 1 + sum(_size(child) for child in tree.children)


def test_a_cycle_through_a_rule_that_waits_is_none() -> None:
    engine = Engine()
    engine.create_policy("n", "recursive")
    engine.create_policy("m", "recursive")
    engine.set_schema("d", {"e": ["x", "y"]})
    engine.set_schema("k", {"v": ["x", "y"]})  # never read: the rule that closes the cycle waits
    engine.load("d", {"e": [(1, 2), (3, 4)]})
    engine.insert("n", "s(7) :- d:e(x, _)  s(y) :- m:b(), d:e(_, y), not k:v(_, y)")
    engine.insert("m", "b() :- n:s(_)")
    (below,) = engine.explain("m", "b", ()).children
    assert (below.table, below.row) == ("s", (7,))
