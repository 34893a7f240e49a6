"""How fast policy text becomes rules: a thousand rules, and a megabyte of each common shape."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from congress_dist.policy.language.grammar import parse

RULES = "\n".join(
    f'v{i}(s, p) :- d:servers(id=s, status="ACTIVE", n{i % 7}=x), d:ports(id=p, server=s, net=n), '
    f"not d:networks(id=n, shared=1), x <= {i}"
    for i in range(1000)
)
SHAPES: dict[str, Callable[[int], str]] = {
    "facts": lambda i: f'server("s{i}", "web-{i % 97}", {i}, {i}.5, true)',
    "small facts": lambda i: f"p({i})",
    "rules of four literals": lambda i: RULES.split("\n", 1)[0].replace("v0", f"v{i}"),
    "small rules": lambda i: f"p(x) :- q(x), x > {i}",
    "rules with expressions": lambda i: f"p{i % 50}(x, x*2+1) :- q(x), (x > 3 or x < {i})",
    "computed conditions": lambda i: f"p(x, y) :- q(x), y = x * 2 + {i}, x % 3 != 1",
    "annotated rules": lambda i: f'@id("N-{i}") @severity("high")\nv(x) :- q(x, y), not r(y)',
    "long disjunctions": lambda i: (
        "p(x) :- q(x, y), (" + " or ".join(f"r{j}(x, {i}), y < {j}" for j in range(12)) + ")"
    ),
    "rules of 999 literals": lambda i: "p(x) :- " + ", ".join(f"q{j}(x, {i})" for j in range(999)),
    "negated groups": lambda i: f"p(x) :- q(x), not (r(x, {i}), s(y), y > 2)",
    "nested groups": lambda i: (
        f"p(x) :- q(x), ((x = {i} or r(x, (x+1)*2)) or not (s(x) or t(-x)))"
    ),
    "lists": lambda i: f'p(x) :- q(x), x in [1, 2, "a{i}"], x not in [3]',
    "computed heads": lambda i: f"p(1 + {i})",
    "brackets": lambda _i: "p(((x)))",
}
SIZE = 2**20


def megabyte_of(make: Callable[[int], str]) -> str:
    """Give statements, one per line, up to the limit of a text."""
    lines: list[str] = []
    size = 0
    while size + len(line := make(len(lines))) < SIZE:
        lines.append(line)
        size += len(line) + 1
    return "\n".join(lines)


def test_parsing_1000_rules_of_four_literals(benchmark: BenchmarkFixture) -> None:
    rules = benchmark(parse, RULES)
    assert len(rules) == 1000


@pytest.mark.parametrize("shape", SHAPES)
def test_parsing_a_megabyte(benchmark: BenchmarkFixture, shape: str) -> None:
    text = megabyte_of(SHAPES[shape])
    assert len(text) > 0.97 * SIZE
    rules = benchmark.pedantic(parse, (text,), rounds=3, iterations=1)
    assert rules
