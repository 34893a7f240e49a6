"""Arithmetic, groups and aggregates in random programs: the engine against a plainer fixpoint.

The fixpoint tries every combination of rows and every order of the rest until something holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import product
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from congress_dist.policy import Engine

BASE = {"e": 2, "f": 1, "g": 2}
LEVELS: tuple[dict[str, int], ...] = ({"p": 2, "q": 1}, {"r": 2, "s": 1}, {"t": 2})
"""Rules read tables of their own level and below; under `not` and aggregates only of below."""
DERIVED = {name: width for level in LEVELS for name, width in level.items()}
VALUES: tuple[Any, ...] = (0, 1, 2, 0.5, 1.0, "1", True, None, 2**63 - 1)

Typed = tuple[str, Any]
Term = str | Typed
Rows = frozenset[tuple[Typed, ...]]
Binding = dict[str, Typed]


@dataclass(frozen=True)
class Lit:
    """A table with a term for each column; `_` is any value."""

    table: str
    terms: tuple[Term, ...]
    negated: bool = False

    def text(self) -> str:
        owner = "d:" if self.table in BASE else ""
        return f"{'not ' * self.negated}{owner}{self.table}({', '.join(map(_text, self.terms))})"


@dataclass(frozen=True)
class Compute:
    """`result = left operator right`."""

    result: str
    operator: str
    left: Term
    right: Term

    def text(self) -> str:
        return f"{self.result} = {_text(self.left)} {self.operator} {_text(self.right)}"


@dataclass(frozen=True)
class Compare:
    """A comparison of two terms."""

    operator: str
    left: Term
    right: Term

    def text(self) -> str:
        return f"{_text(self.left)} {self.operator} {_text(self.right)}"


@dataclass(frozen=True)
class Group:
    """`not (…)`, or alternatives of one condition each."""

    word: str
    parts: tuple[Any, ...]

    def text(self) -> str:
        if self.word == "not":
            return f"not ({', '.join(part.text() for part in self.parts)})"
        return f"({' or '.join(part.text() for part in self.parts)})"


@dataclass(frozen=True)
class Clause:
    """A rule; with `function` the head's last column is that aggregate of `over`."""

    head: Lit
    body: tuple[Any, ...]
    function: str = ""
    over: tuple[str, ...] = ()

    def text(self) -> str:
        terms = [_text(term) for term in self.head.terms]
        if self.function:
            terms.append(f"{self.function}({', '.join(self.over)})")
        body = ", ".join(part.text() for part in self.body)
        return f"{self.head.table}({', '.join(terms)}) :- {body}"


@dataclass
class World:
    """What the engine was told."""

    clauses: list[Clause] = field(default_factory=list)
    rows: dict[str, Rows | None] = field(default_factory=lambda: dict.fromkeys(BASE))


def _text(term: Term) -> str:
    if isinstance(term, str):
        return term
    kind, value = term
    texts = {"NoneType": "null", "bool": str(value).lower(), "str": f'"{value}"'}
    return texts.get(kind, str(value))


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
        running = [clause for clause in clauses if not _whole_reads(clause) & unknown]
        for _ in level:
            for clause in clauses:
                if _reads(clause.body) & unknown:
                    unknown.add(clause.head.table)
        before = None
        while before != rows:
            before = dict(rows)
            for clause in running:
                rows[clause.head.table] |= set(_consequences(clause, rows))
    return {table: rows[table] for table in DERIVED}, unknown & DERIVED.keys()


def _reads(body: tuple[Any, ...]) -> set[str]:
    found: set[str] = set()
    for part in body:
        if isinstance(part, Lit):
            found.add(part.table)
        elif isinstance(part, Group):
            found |= _reads(part.parts)
    return found


def _whole_reads(clause: Clause) -> set[str]:
    """Give the tables in which an absence matters."""
    if clause.function:
        return _reads(clause.body)
    negated = (p for p in clause.body if isinstance(p, Lit) and p.negated)
    groups = (p for p in clause.body if isinstance(p, Group) and p.word == "not")
    return _reads(tuple(negated)) | _reads(tuple(groups))


def _consequences(clause: Clause, rows: Mapping[str, Rows]) -> Iterator[tuple[Typed, ...]]:
    found = [
        (_values(clause.head.terms, b), _values(clause.over, b))
        for b in _solve(clause.body, {}, rows)
    ]
    if not clause.function:
        yield from (row for row, _ in found)
        return
    for group in {row for row, _ in found}:
        values = [over[0] for over in {over for row, over in found if row == group}]
        result = _aggregate(clause.function, values)
        if result is not None:
            yield (*group, result)


def _values(terms: tuple[Term, ...], binding: Binding) -> tuple[Typed, ...]:
    return tuple(binding[t] if isinstance(t, str) else t for t in terms)


def _solve(body: tuple[Any, ...], outer: Binding, rows: Mapping[str, Rows]) -> Iterator[Binding]:
    positive = [p for p in body if isinstance(p, Lit) and not p.negated]
    for combination in product(*(rows[lit.table] for lit in positive)):
        binding = dict(outer)
        pairs = zip(positive, combination, strict=True)
        if not all(_agrees(lit.terms, row, binding) for lit, row in pairs):
            continue
        computed = (part for part in body if isinstance(part, Compute))
        if all(_compute(part, binding) for part in computed) and all(
            _holds(part, rows, binding) for part in body
        ):
            yield binding


def _agrees(terms: tuple[Term, ...], row: tuple[Typed, ...], binding: Binding) -> bool:
    for term, cell in zip(terms, row, strict=True):
        if term == "_":
            continue
        wanted = binding.setdefault(term, cell) if isinstance(term, str) else term
        if wanted != cell:
            return False
    return True


def _compute(part: Compute, binding: Binding) -> bool:
    left, right = _values((part.left, part.right), binding)
    result = _operated(part.operator, left, right)
    return result is not None and binding.setdefault(part.result, result) == result


def _operated(operator: str, left: Typed, right: Typed) -> Typed | None:
    kinds, (x, y) = {left[0], right[0]}, (left[1], right[1])
    if kinds == {"str"} and operator == "+":
        return ("str", x + y)
    if not kinds <= {"int", "float"} or (operator in "/%" and y == 0):
        return None
    if operator == "/":
        result = x // y if kinds == {"int"} else x / y
    else:
        result = {"+": x + y, "-": x - y, "*": x * y}[operator]
    return _stored(result)


def _stored(value: Any) -> Typed | None:
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return None
    return (type(value).__name__, value + 0)


def _holds(part: Any, rows: Mapping[str, Rows], binding: Binding) -> bool:
    match part:
        case Lit(table, terms, True):
            return not any(_agrees(terms, row, dict(binding)) for row in rows[table])
        case Group("not", parts):
            return not any(True for _ in _solve(parts, binding, rows))
        case Group("or", parts):
            return any(_holds(inner, rows, binding) for inner in parts)
        case Compare(operator, left, right):
            return _compared(operator, *_values((left, right), binding))
    return True


def _compared(operator: str, left: Typed, right: Typed) -> bool:
    if operator in ("=", "!="):
        return (left == right) is (operator == "=")
    numbers = {"int", "float"}
    if {left[0], right[0]} <= numbers or left[0] == right[0] == "str":
        return bool(left[1] < right[1])
    return False


def _aggregate(function: str, values: list[Typed]) -> Typed | None:
    if function == "count":
        return ("int", len(values))
    kinds = {kind for kind, _ in values}
    plain = [value for _, value in values]
    if function in ("min", "max"):
        if kinds != {"str"} and not kinds <= {"int", "float"}:
            return None
        best = min(plain) if function == "min" else max(plain)
        equal = [value for value in values if value[1] == best]
        return min(equal, key=lambda value: value[0] == "float")
    if not kinds <= {"int", "float"}:
        return None
    total = sum(map(Fraction, plain), Fraction(0))
    if function == "avg":
        return ("float", float(total / len(plain)) + 0.0)
    return _stored(int(total)) if kinds == {"int"} else ("float", float(total) + 0.0)


# --- random programs and changes

constants = st.sampled_from([(type(value).__name__, value) for value in VALUES])
values = st.sampled_from(VALUES)
tables = st.sampled_from(sorted(BASE))


def _lit(draw: Any, readable: Mapping[str, int], names: Any) -> Lit:
    table, width = draw(st.sampled_from(sorted(readable.items())))
    return Lit(table, tuple(draw(st.one_of(names, names, constants)) for _ in range(width)))


@st.composite
def clauses(draw: Any) -> Clause:
    number = draw(st.integers(0, len(LEVELS) - 1))
    below = BASE | {name: width for level in LEVELS[:number] for name, width in level.items()}
    function = draw(st.sampled_from(("", "", "count", "sum", "min", "max", "avg")))
    computes = draw(st.booleans())
    readable = below if function or computes else below | LEVELS[number]
    names = st.sampled_from(("x", "y", "z", "_"))
    body: list[Any] = [_lit(draw, readable, names) for _ in range(draw(st.integers(1, 2)))]
    bound = sorted({t for lit in body for t in lit.terms if isinstance(t, str)} - {"_"})
    if not bound:
        body.append(Lit("f", ("x",)))
        bound = ["x"]
    if computes:
        operands = st.one_of(st.sampled_from(bound), constants)
        operator = draw(st.sampled_from("+-*/"))
        body.append(Compute("w", operator, draw(operands), draw(operands)))
        bound.append("w")
    terms = st.one_of(st.sampled_from(bound), st.sampled_from(bound), constants)
    body += draw(st.lists(st.builds(Compare, operators, terms, terms), max_size=1))
    if draw(st.booleans()):
        body.append(Group("or", (_compare(draw, terms), _compare(draw, terms))))
    if draw(st.booleans()):
        body.append(_group(draw, below, bound))
    table, width = draw(st.sampled_from(sorted(LEVELS[number].items())))
    given_terms = tuple(draw(terms) for _ in range(width - bool(function)))
    over = tuple(draw(st.lists(st.sampled_from(bound), min_size=1, max_size=2)))
    shuffled = tuple(draw(st.permutations(body)))
    return Clause(Lit(table, given_terms), shuffled, function, over if function else ())


operators = st.sampled_from(("=", "!=", "<"))


def _compare(draw: Any, terms: Any) -> Compare:
    return Compare(draw(operators), draw(terms), draw(terms))


def _group(draw: Any, below: Mapping[str, int], bound: list[str]) -> Group:
    names = st.sampled_from((*bound, "u", "v", "_"))
    parts: list[Any] = [_lit(draw, below, names) for _ in range(draw(st.integers(1, 2)))]
    inside = {t for lit in parts for t in lit.terms if isinstance(t, str)} - {"_"}
    known = sorted({*bound, *inside})
    if draw(st.booleans()):
        parts.append(_compare(draw, st.one_of(st.sampled_from(known), constants)))
    if draw(st.booleans()):
        sure = st.one_of(st.sampled_from([*known, "_"]), constants)
        parts.append(replace(_lit(draw, below, sure), negated=True))
    elif draw(st.booleans()):
        parts.append(Group("not", (_lit(draw, below, st.sampled_from([*known, "_", "i"])),)))
    return Group("not", tuple(draw(st.permutations(parts))))


def _rows(table: str) -> Any:
    return st.lists(st.tuples(*[values] * BASE[table]), max_size=4)


changes = st.one_of(
    tables.flatmap(lambda t: st.tuples(st.just(t), _rows(t))),
    st.tuples(tables, st.none()),
)
programs = st.lists(clauses(), min_size=1, max_size=5)
loaded = st.fixed_dictionaries({table: _rows(table) for table in BASE})
bounded = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def engine_of(world: World) -> Engine:
    engine = Engine()
    engine.create_policy("m", kind="recursive")
    columns = {table: [f"c{n}" for n in range(width)] for table, width in BASE.items()}
    engine.set_schema("d", columns)
    for table, rows in world.rows.items():
        if rows is not None:
            engine.load("d", {table: [tuple(cell for _, cell in row) for row in rows]})
    for clause in world.clauses:
        engine.insert("m", clause.text())
    return engine


def contents(engine: Engine) -> tuple[dict[str, Rows], set[str]]:
    rows = {table: frozenset(map(_typed, engine.rows("m", table))) for table in DERIVED}
    return rows, {table for table in DERIVED if engine.missing("m", table)}


@bounded
@given(programs, loaded, st.lists(changes, max_size=4))
def test_constructs_mean_what_the_plain_fixpoint_says(
    program: list[Clause], rows: dict[str, Any], steps: list[Any]
) -> None:
    world = World(program, {table: frozenset(map(_typed, r)) for table, r in rows.items()})
    engine = engine_of(world)
    assert contents(engine) == meaning(world)
    for table, new in steps:
        if new is None:
            world.rows[table] = None
            engine.mark_missing("d", [table], reason="lost")
        else:
            world.rows[table] = frozenset(map(_typed, new))
            engine.load("d", {table: new})
        assert contents(engine) == meaning(world)


@bounded
@given(programs, loaded, st.randoms(use_true_random=False))
def test_order_and_names_never_matter_with_constructs(
    program: list[Clause], rows: dict[str, Any], random: Any
) -> None:
    given_rows = {table: frozenset(map(_typed, r)) for table, r in rows.items()}
    turned = [_renamed(replace(c, body=_shuffled(c.body, random))) for c in program]
    random.shuffle(turned)
    expected = contents(engine_of(World(program, dict(given_rows))))
    assert contents(engine_of(World(turned, dict(given_rows)))) == expected


def _shuffled(body: tuple[Any, ...], random: Any) -> tuple[Any, ...]:
    inner = [
        replace(p, parts=_shuffled(p.parts, random)) if isinstance(p, Group) else p for p in body
    ]
    return tuple(random.sample(inner, len(inner)))


def _renamed(part: Any) -> Any:
    names = dict(zip("xyzwuvi", ("u", "zebra", "x", "_w", "y", "w", "z1"), strict=True))

    def new(term: Any) -> Any:
        return names.get(term, term) if isinstance(term, str) else term

    match part:
        case Lit(table, terms, negated):
            return Lit(table, tuple(map(new, terms)), negated)
        case Compute(result, operator, left, right):
            return Compute(new(result), operator, new(left), new(right))
        case Compare(operator, left, right):
            return Compare(operator, new(left), new(right))
        case Group(word, parts):
            return Group(word, tuple(map(_renamed, parts)))
    body, over = tuple(map(_renamed, part.body)), tuple(map(new, part.over))
    return Clause(_renamed(part.head), body, part.function, over)


@bounded
@given(programs, loaded)
def test_what_is_absent_has_an_obstacle_for_each_rule(
    program: list[Clause], rows: dict[str, Any]
) -> None:
    engine = engine_of(
        World(program, {table: frozenset(map(_typed, r)) for table, r in rows.items()})
    )
    for clause in program:
        table = clause.head.table
        row = (1,) * DERIVED[table]
        found = engine.why_not("m", table, row)
        assert found.is_present is (_typed(row) in set(map(_typed, engine.rows("m", table))))
        assert found.is_present or len(found.obstacles) >= len(
            {c.text() for c in program if c.head.table == table}
        )


@bounded
@given(programs, loaded, programs, st.lists(changes, max_size=3))
def test_a_trial_leaves_nothing_behind(
    program: list[Clause], rows: dict[str, Any], more: list[Clause], steps: list[Any]
) -> None:
    world = World(program, {table: frozenset(map(_typed, r)) for table, r in rows.items()})
    engine = engine_of(world)
    with engine.trial():
        for clause in program[::2]:
            engine.delete_rules("m", engine.policy_rules("m")[:1])
            engine.insert("m", clause.text())
        for clause in more:
            engine.insert("m", clause.text())
        for table, new in steps:
            if new is None:
                engine.mark_missing("d", [table], reason="lost")
            else:
                engine.load("d", {table: new})
        engine.create_policy("other")
        engine.set_schema("d", {"e": ["only"]})
        engine.delete_policy("m")
    assert contents(engine) == meaning(world)
    assert engine.waiting() == engine_of(world).waiting()
    for table in BASE:
        world.rows[table] = frozenset(map(_typed, rows["e" if BASE[table] == 2 else "f"]))
        engine.load("d", {table: rows["e" if BASE[table] == 2 else "f"]})
    assert contents(engine) == meaning(world)
