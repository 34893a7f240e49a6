"""The kernel runs what rules are compiled to as the rules mean it, also under changes."""

from __future__ import annotations

from collections.abc import Hashable
from random import Random
from types import SimpleNamespace
from typing import Any

import networkx as nx
import pytest

from congress_dist.policy import PolicyError
from congress_dist.policy.kernel import Kernel
from congress_dist.policy.planner.compiler import Numbers
from congress_dist.policy.planner.kernel_builtins import KernelBuiltins
from congress_dist.policy.planner.kernel_plans import KernelPlans
from congress_dist.policy.planner.kernel_rules import AnyKernelRule, KernelFold, KernelRule
from congress_dist.policy.planner.symbols import Symbols
from tests.oracle import symbols as plain
from tests.oracle.engine import ReferenceEngine
from tests.oracle.lowered import (
    TABLES,
    KernelRules,
    dependencies,
    head_of,
    lowered_each,
    meaning_of,
    normal_rules,
    together,
    typed,
)

Rows = dict[str, set[tuple[Any, ...]]]


class AnyEstimates:
    """Estimates from which any order may come."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def size(self, *_: object) -> int:
        return self._random.randrange(100)

    def fan_out(self, *_: object) -> float:
        return self._random.random() * 100

    def has_index(self, *_: object) -> bool:
        return self._random.random() < 0.5

    def is_read_by_many(self, *_: object) -> bool:
        return self._random.random() < 0.5

    def are_together(self, *_: object) -> bool:
        return False

    def search(self, _: object, columns: tuple[int, ...], __: int) -> tuple[int, ...]:
        many = self._random.randint(1, len(columns))
        return tuple(sorted(self._random.sample(columns, many)))


class KernelRun:
    """A kernel with some rules, without an engine around it."""

    def __init__(self, text: str, random: Random) -> None:
        self._text = text
        self._random = random
        self._numbers: dict[tuple[Hashable, int], int] = {}
        self._rules: dict[int, AnyKernelRule] = {}
        self.kernel = Kernel(self._plan)
        estimates = AnyEstimates(random)
        builtins = KernelBuiltins(self.kernel)
        numbers = Numbers(self._relation, builtins.number, estimates.search)
        self._plans = KernelPlans(numbers, estimates)
        symbols = Symbols(self.kernel)
        each = lowered_each(normal_rules(text, symbols), symbols.value, reports=False)
        self._lowered: KernelRules = together(each)
        self._derived = {head_of(rule) for rule in self._lowered}
        self.rows: Rows = {table: set() for table in TABLES}
        for table, columns in TABLES.items():
            self._relation(("d", table), len(columns))
        self._tell_components()

    def add_rules(self) -> None:
        for rule in self._lowered:
            head = self._relation(*head_of(rule))
            if isinstance(rule, KernelFold):
                inputs = [self._relation(*read) for read in rule.inputs]
                number = self.kernel.add_fold(head, rule.groups, inputs, rule.parts)
            else:
                assert isinstance(rule, KernelRule)  # nothing here asks for the time
                reads = [
                    (self._relation(m.table, len(m.terms)), m.negated, ()) for m in rule.matches()
                ]
                asks = [self._relation(m.table, len(m.terms)) for m in rule.asks()]
                number = self.kernel.add_rule(head, reads, asks)
            self._rules[number] = rule

    def change(self, most: int) -> None:
        """Add and remove rows of some tables."""
        for table, columns in TABLES.items():
            if self._random.random() < 0.7:
                many = self._random.randint(0, most)
                added = {self._row(len(columns)) for _ in range(many)}
                removed = {row for row in self.rows[table] if self._random.random() < 0.3}
                relation = self._relation(("d", table), len(columns))
                self.kernel.change(relation, list(added), list(removed))
                self.rows[table] = self.rows[table] - removed | added

    def settle(self) -> None:
        """Carry the step out, and compare each table with what the rules mean."""
        self.kernel.propagate()
        self.kernel.end_step()
        self.kernel.commit()
        symbols = plain.Symbols()
        values = symbols.values.__getitem__
        each = lowered_each(normal_rules(self._text, symbols), values, reports=False)
        for name, expected in meaning_of(each, self.rows, symbols).items():
            (relation,) = (n for (key, _), n in self._numbers.items() if key == ("p", name))
            assert typed(self.kernel.rows(relation)) == expected, (name, self._text, self.rows)

    def _row(self, width: int) -> tuple[Any, ...]:
        return tuple(self._random.choice([1, 2, 3, "a"]) for _ in range(width))

    def _relation(self, table: object, width: int) -> int:
        assert isinstance(table, Hashable)
        if (table, width) not in self._numbers:
            kind = "derived" if (table, width) in self._derived else "base"
            self._numbers[table, width] = self.kernel.add_relation(width, kind)  # type: ignore[arg-type]
        return self._numbers[table, width]

    def _tell_components(self) -> None:
        graph = dependencies(self._lowered)
        for order, members in enumerate(nx.strongly_connected_components(graph), 1):
            tables = [member for member in members if member in self._derived]
            if tables:
                is_recursive = len(tables) > 1 or graph.has_edge(tables[0], tables[0])
                numbers = [self._relation(*table) for table in tables]
                self.kernel.add_component(numbers, is_recursive, order)

    def _plan(self, rule: int, kind: str, literal: int) -> Any:
        return self._plans.plan(SimpleNamespace(rule=self._rules[rule]), kind, literal)  # type: ignore[arg-type]


def run(text: str, seed: int) -> None:
    random = Random(seed)
    run = KernelRun(text, random)
    if random.random() < 0.5:
        run.change(8)
        run.kernel.propagate()
        run.kernel.end_step()
        run.add_rules()
    else:
        run.add_rules()
        run.change(8)
    run.settle()
    for _ in range(4):
        run.change(2)
        run.settle()


TEXTS = [
    "p(x, y) :- d:e(x, y), d:f(x)",
    "p(x) :- d:e(x, x), d:g(x, _, 2)",
    "p(x) :- d:f(x), d:e(x, _), d:g(x, _, _), d:g(_, x, _)",
    "p(x) :- d:e(x, 2), not d:e(_, x), d:n()",
    "p(x) :- d:f(x), not (d:e(x, y), d:f(y))",
    "p(x, z) :- d:e(x, y), z = y + 1, z != 3, z in [2, 4]",
    "p(x, y) :- d:e(x, y)\np(x, z) :- p(x, y), d:e(y, z)",
    "p(x, y) :- d:e(x, y)\np(x, z) :- p(x, y), p(y, z), not d:f(z)",
    "p(x, y) :- d:e(x, y)\np(x, z) :- q(x, y), d:e(y, z)\nq(x, y) :- p(y, x), d:f(_)",
    "p(x) :- d:f(x)\np(y) :- p(x), plus(x, 1, y), y < 9, not (d:f(u), u > y)",
    "p(x, count(y), sum(z)) :- d:g(x, y, z)\nq(x) :- p(x, n, _), n > 1",
    "p(x, 1, x) :- d:e(x, _)\np(1, y, z) :- p(y, _, z), d:e(z, y)",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("seed", range(10))
def test_each_kind_of_step_is_run_as_it_is_meant(text: str, seed: int) -> None:
    run(text, seed)


LITERALS = [
    "d:e({}, {})", "d:e({}, _)", "d:f({})", "d:g({}, {}, {})", "d:g({}, _, 2)", "p({}, {})",
    "q({}, {})", "not d:e({}, {})", "not d:g({}, _, {})", "not d:f({})", "{} != {}", "{} < {}",
    "{} in [1, 2]", "{} = 3 - {}", "not (d:e({}, {}), d:f(x))", "(d:e({}, {}) or d:f(y))",
]  # fmt: skip
HEADS = ["p({}, {})", "q({}, {})", "q({}, 1)", "r({}, count({}))", "r({}, max({}))"]


def random_program(random: Random) -> str:
    """Give rules that the language accepts, as many as a few attempts come to."""
    accepted: list[str] = []
    for _ in range(6):
        parts = [random.choice(HEADS), "d:e(x, y)"]
        parts += random.choices(LITERALS, k=random.randint(1, 4))
        head, *body = [part.format(*random.choices("xyz", k=3)) for part in parts]
        engine = ReferenceEngine()
        engine.create_policy("p", "recursive")
        engine.set_schema("d", TABLES)
        try:
            engine.insert("p", "\n".join([*accepted, f"{head} :- {', '.join(body)}"]))
        except PolicyError:
            continue
        accepted.append(f"{head} :- {', '.join(body)}")
    return "\n".join(accepted)


@pytest.mark.parametrize("seed", range(60))
def test_random_programs_are_run_as_they_are_meant(seed: int) -> None:
    text = random_program(Random(seed))
    for change in range(3):
        run(text, change)


def test_a_rule_is_planned_once_the_tables_that_it_needs_have_rows() -> None:
    asked: list[str] = []

    def plan(_rule: int, kind: str, _literal: int) -> Any:
        asked.append(kind)
        return [], [("scan", few, False, False, [(0, 0)], [], [], [])], [0]

    kernel = Kernel(plan)
    few, other, head = (kernel.add_relation(1, kind) for kind in ("base", "base", "derived"))
    kernel.add_component([head], False, 1)
    kernel.add_rule(head, [(few, False, ()), (other, False, ())], [])

    def change(table: int) -> None:
        kernel.change(table, [(1,)], [])
        kernel.propagate()
        kernel.end_step()

    change(few)
    assert asked == []
    change(other)
    assert asked == ["whole"]
    assert kernel.rows(head) == [(1,)]
