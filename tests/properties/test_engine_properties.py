"""Random programs under random changes: the engine against a fixpoint that is plainer still.

The fixpoint here tries every combination of rows, knows no indexes, no order and no changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from congress_dist.policy import Engine
from congress_dist.policy.explain import Derivation
from congress_dist.policy.language.grammar import parse
from congress_dist.policy.language.printer import print_rule

BASE = {"e": 2, "f": 1, "g": 2}
LEVELS: tuple[dict[str, int], ...] = ({"p": 2, "q": 1}, {"r": 2, "s": 1}, {"t": 1})
"""Rules read tables of their own level and below; under `not` only of levels below."""
DERIVED = {name: width for level in LEVELS for name, width in level.items()}
VARIABLES = ("x", "y", "z")
VALUES: tuple[Any, ...] = (1, 2, 1.0, "1", True, None)
TEXT_OF = {int: str, float: str, str: '"{}"'.format, bool: lambda b: str(b).lower()}

Typed = tuple[str, Any]
Rows = frozenset[tuple[Typed, ...]]


@dataclass(frozen=True)
class Lit:
    """A literal: a variable's name, `_`, or a typed constant for each column."""

    table: str
    terms: tuple[Any, ...]
    negated: bool = False

    def text(self) -> str:
        owner = "d:" if self.table in BASE else ""
        terms = ", ".join(_text(term) for term in self.terms)
        return f"{'not ' * self.negated}{owner}{self.table}({terms})"


@dataclass(frozen=True)
class Condition:
    """A comparison of two variables, for identity."""

    left: str
    right: str
    equal: bool

    def text(self) -> str:
        return f"{self.left} {'=' if self.equal else '!='} {self.right}"


@dataclass(frozen=True)
class Clause:
    """A rule."""

    head: Lit
    body: tuple[Lit | Condition, ...]

    def text(self) -> str:
        return f"{self.head.text()} :- {', '.join(part.text() for part in self.body)}"


@dataclass
class World:
    """What the engine was told."""

    clauses: list[Clause] = field(default_factory=list)
    rows: dict[str, Rows | None] = field(default_factory=lambda: dict.fromkeys(BASE))
    """None: not known."""


def _text(term: Any) -> str:
    if isinstance(term, str):
        return term
    kind, value = term
    return "null" if kind == "NoneType" else TEXT_OF[type(value)](value)


def _typed(row: tuple[Any, ...]) -> tuple[Typed, ...]:
    return tuple((type(cell).__name__, cell) for cell in row)


# --- the plain fixpoint


def meaning(world: World) -> tuple[dict[str, Rows], set[str]]:
    """Give the rows of every derived table, and the tables that are not complete."""
    rows = {table: known or frozenset() for table, known in world.rows.items()}
    rows |= dict.fromkeys(DERIVED, frozenset())
    unknown = {table for table, known in world.rows.items() if known is None}
    for level in LEVELS:
        clauses = [clause for clause in world.clauses if clause.head.table in level]
        running = [
            clause
            for clause in clauses
            if not any(
                isinstance(p, Lit) and p.negated and p.table in unknown for p in clause.body
            )
        ]
        for _ in level:
            for clause in clauses:
                if any(isinstance(p, Lit) and p.table in unknown for p in clause.body):
                    unknown.add(clause.head.table)
        before = None
        while before != rows:
            before = dict(rows)
            for clause in running:
                rows[clause.head.table] |= set(_consequences(clause, rows))
    return {table: rows[table] for table in DERIVED}, unknown & DERIVED.keys()


def _consequences(
    clause: Clause, rows: Mapping[str, Rows], matched: Mapping[str, Rows] | None = None
) -> Iterator[tuple[Typed, ...]]:
    """Give the rows that follow; `matched` are those that positive literals may use, else all."""
    usable = rows if matched is None else matched
    positive = [lit for lit in clause.body if isinstance(lit, Lit) and not lit.negated]
    for combination in product(*(usable.get(lit.table, ()) for lit in positive)):
        binding: dict[str, Typed] = {}
        pairs = zip(positive, combination, strict=True)
        if all(_agrees(lit.terms, row, binding) for lit, row in pairs) and all(
            _holds(part, rows, binding) for part in clause.body
        ):
            yield tuple(binding[t] if isinstance(t, str) else t for t in clause.head.terms)


def _agrees(terms: tuple[Any, ...], row: tuple[Typed, ...], binding: dict[str, Typed]) -> bool:
    for term, cell in zip(terms, row, strict=True):
        if term == "_":
            continue
        wanted = binding.setdefault(term, cell) if isinstance(term, str) else term
        if wanted != cell:
            return False
    return True


def _holds(part: Lit | Condition, rows: Mapping[str, Rows], binding: dict[str, Typed]) -> bool:
    if isinstance(part, Condition):
        return (binding[part.left] == binding[part.right]) is part.equal
    if not part.negated:
        return True
    return not any(_agrees(part.terms, row, dict(binding)) for row in rows[part.table])


# --- random programs and changes

constants = st.sampled_from([(type(value).__name__, value) for value in VALUES])


def _terms(draw: Any, width: int, names: Any) -> tuple[Any, ...]:
    return tuple(draw(st.one_of(names, names, constants)) for _ in range(width))


@st.composite
def clauses(draw: Any) -> Clause:
    number = draw(st.integers(0, len(LEVELS) - 1))
    below = BASE | {name: width for level in LEVELS[:number] for name, width in level.items()}
    readable = sorted((below | LEVELS[number]).items())
    body: list[Lit | Condition] = []
    for table, width in draw(st.lists(st.sampled_from(readable), min_size=1, max_size=3)):
        body.append(Lit(table, _terms(draw, width, st.sampled_from((*VARIABLES, "_")))))
    bound = sorted({t for lit in body for t in lit.terms if t in VARIABLES})  # type: ignore[union-attr]
    names = st.sampled_from(bound) if bound else constants
    for table, width in draw(st.lists(st.sampled_from(sorted(below.items())), max_size=1)):
        either = st.one_of(names, st.just("_"))
        body.append(Lit(table, _terms(draw, width, either), negated=True))
    if len(bound) > 1 and draw(st.booleans()):
        body.append(Condition(draw(names), draw(names), draw(st.booleans())))
    table, width = draw(st.sampled_from(sorted(LEVELS[number].items())))
    return Clause(Lit(table, _terms(draw, width, names)), tuple(draw(st.permutations(body))))


values = st.sampled_from(VALUES)


def _rows(table: str) -> Any:
    return st.lists(st.tuples(*[values] * BASE[table]), max_size=5)


tables = st.sampled_from(sorted(BASE))
changes = st.one_of(
    st.tuples(st.just("insert"), clauses(), st.just(None)),
    st.tuples(st.just("delete"), st.integers(0, 10), st.just(None)),
    tables.flatmap(lambda t: st.tuples(st.just("load"), st.just(t), _rows(t))),
    tables.flatmap(
        lambda t: st.tuples(st.just("apply"), st.just(t), st.tuples(_rows(t), _rows(t)))
    ),
    st.tuples(st.just("lose"), tables, st.just(None)),
)
programs = st.lists(clauses(), min_size=1, max_size=6)
bounded = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=False,
)


def new_engine() -> Engine:
    engine = Engine()
    engine.create_policy("m", kind="recursive")
    engine.set_schema(
        "d", {table: [f"c{n}" for n in range(width)] for table, width in BASE.items()}
    )
    return engine


def engine_of(world: World) -> Engine:
    engine = new_engine()
    for table, rows in world.rows.items():
        if rows is not None:
            engine.load("d", {table: [tuple(cell for _, cell in row) for row in rows]})
    for clause in world.clauses:
        engine.insert("m", clause.text())
    return engine


def contents(engine: Engine) -> tuple[dict[str, Rows], set[str]]:
    rows = {table: frozenset(map(_typed, engine.rows("m", table))) for table in DERIVED}
    return rows, {table for table in DERIVED if engine.missing("m", table)}


def perform(engine: Engine, world: World, change: Any) -> dict[str, Any] | None:
    """Make one change to the engine and to the world; give the reported differences."""
    match change:
        case "insert", clause, _:
            if _identity(clause) not in map(_identity, world.clauses):
                world.clauses.append(clause)
            engine.insert("m", clause.text())
            return None
        case "delete", number, _:
            if not world.clauses:
                return {}
            clause = world.clauses.pop(number % len(world.clauses))
            return engine.delete("m", clause.text())
        case "load", table, rows:
            world.rows[table] = frozenset(map(_typed, rows))
            return engine.load("d", {table: rows})
        case "apply", table, (added, removed):
            rows = (world.rows[table] or frozenset()) - set(map(_typed, removed))
            rows |= set(map(_typed, added))
            if world.rows[table] is None:
                return engine.load("d", {table: added}) if _set(world, table, added) else {}
            world.rows[table] = rows
            return engine.apply("d", added={table: added}, removed={table: removed})
        case "lose", table, _:
            world.rows[table] = None
            return engine.mark_missing("d", [table], reason="lost")
    raise AssertionError(change)


def _identity(clause: Clause) -> object:
    """The order of a body makes no other rule."""
    return clause.head, frozenset(Counter(clause.body).items())


def _set(world: World, table: str, rows: list[Any]) -> bool:
    world.rows[table] = frozenset(map(_typed, rows))
    return True


@bounded
@given(programs, st.lists(changes, min_size=1, max_size=8))
def test_changes_lead_where_the_plain_fixpoint_does(
    program: list[Clause], steps: list[Any]
) -> None:
    engine, world = new_engine(), World()
    for clause in program:
        perform(engine, world, ("insert", clause, None))
    for step in steps:
        before, _ = meaning(world)
        reported = perform(engine, world, step)
        after, unknown = meaning(world)
        assert contents(engine) == (after, unknown)
        if reported is not None:
            assert _differences(reported) == {
                table: (after[table] - before[table], before[table] - after[table])
                for table in DERIVED
                if after[table] != before[table]
            }
    assert contents(engine_of(world)) == contents(engine)


def _differences(reported: Mapping[Any, Any]) -> dict[str, tuple[Rows, Rows]]:
    return {
        table: (frozenset(map(_typed, appeared)), frozenset(map(_typed, disappeared)))
        for (_, table), (appeared, disappeared) in reported.items()
    }


loaded = st.fixed_dictionaries({table: _rows(table) for table in BASE})


@bounded
@given(programs, loaded, st.randoms(use_true_random=False))
def test_order_of_literals_and_rules_never_matters(
    program: list[Clause], rows: dict[str, Any], random: Any
) -> None:
    world = World(program, {table: frozenset(map(_typed, given)) for table, given in rows.items()})
    turned = [Clause(c.head, tuple(random.sample(c.body, len(c.body)))) for c in program]
    random.shuffle(turned)
    assert contents(engine_of(World(turned, world.rows))) == contents(engine_of(world))


@bounded
@given(programs, loaded)
def test_names_of_variables_never_matter(program: list[Clause], rows: dict[str, Any]) -> None:
    world = World(program, {table: frozenset(map(_typed, given)) for table, given in rows.items()})
    renamed = [_renamed(clause) for clause in program]
    assert contents(engine_of(World(renamed, world.rows))) == contents(engine_of(world))


def _renamed(clause: Clause) -> Clause:
    names = {"x": "zebra", "y": "x", "z": "_y"}

    def new(part: Lit | Condition) -> Lit | Condition:
        if isinstance(part, Condition):
            return Condition(names[part.left], names[part.right], part.equal)
        terms = tuple(names.get(t, t) if isinstance(t, str) else t for t in part.terms)
        return Lit(part.table, terms, part.negated)

    head = new(clause.head)
    assert isinstance(head, Lit)
    return Clause(head, tuple(new(part) for part in clause.body))


@bounded
@given(programs, loaded)
def test_derivations_are_true_and_never_circular(
    program: list[Clause], rows: dict[str, Any]
) -> None:
    world = World(program, {table: frozenset(map(_typed, given)) for table, given in rows.items()})
    _assert_all_sound(world)


CLOSURE = [
    Clause(Lit("p", ("x", "z")), (Lit("p", ("x", "y")), Lit("p", ("y", "z")))),
    Clause(Lit("p", ("x", "y")), (Lit("p", ("y", "x")),)),
    Clause(Lit("p", ("x", "y")), (Lit("e", ("x", "y")),)),
]


@bounded
@given(st.permutations(CLOSURE), st.permutations(range(5)), st.integers(1, 5), _rows("e"))
def test_derivations_around_a_ring_are_true_and_never_circular(
    closure: list[Clause], nodes: list[int], size: int, chords: Any
) -> None:
    ring = zip(nodes[:size], [*nodes[1:size], nodes[0]], strict=True)
    rows = {"e": frozenset(map(_typed, [*ring, *chords])), "f": frozenset(), "g": frozenset()}
    _assert_all_sound(World(closure, rows))


def _assert_all_sound(world: World) -> None:
    engine = engine_of(world)
    derived, _ = meaning(world)
    rows = derived | {table: known or frozenset() for table, known in world.rows.items()}
    clause_by_text = {print_rule(parse(c.text())[0]): c for c in world.clauses}
    for table in DERIVED:
        for row in engine.rows("m", table)[:5]:
            _assert_sound(engine.explain("m", table, row), (), rows, clause_by_text)


def _assert_sound(
    tree: Derivation,
    above: tuple[Any, ...],
    rows: Mapping[str, Rows],
    clause_by_text: Mapping[str, Clause],
) -> None:
    """Hold each row of a tree to the plain fixpoint: it is there, and its rule gives it."""
    this = (tree.policy, tree.table, _typed(tree.row))
    assert this not in above
    assert _typed(tree.row) in rows[tree.table]
    if tree.policy == "d":
        assert not tree.children
        return
    clause = clause_by_text[tree.rule]
    if not tree.is_cut:
        assert _typed(tree.row) in _consequences(clause, rows, _rows_of(tree.children))
    for child in tree.children:
        _assert_sound(child, (*above, this), rows, clause_by_text)


def _rows_of(trees: Iterable[Derivation]) -> dict[str, Rows]:
    found: dict[str, Rows] = {}
    for tree in trees:
        found[tree.table] = found.get(tree.table, frozenset()) | {_typed(tree.row)}
    return found


@pytest.mark.parametrize("kind", ["recursive", "materialized", "z3"])
def test_each_recursive_kind_computes_a_closure(kind: str) -> None:
    engine = Engine()
    engine.create_policy("m", kind=kind)
    engine.set_schema("d", {"e": ["x", "y"]})
    engine.insert("m", "tc(x, y) :- d:e(x, y)\ntc(x, z) :- tc(x, y), d:e(y, z)")
    engine.load("d", {"e": [(n, n + 1) for n in range(30)]})
    expected = {(low, high) for low in range(31) for high in range(low + 1, 31)}
    assert set(engine.rows("m", "tc")) == expected
