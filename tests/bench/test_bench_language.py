"""How fast policy text becomes rules."""

from __future__ import annotations

from pytest_benchmark.fixture import BenchmarkFixture

from congress_dist.policy.language.grammar import parse

RULES = "\n".join(
    f'v{i}(s, p) :- d:servers(id=s, status="ACTIVE", n{i % 7}=x), d:ports(id=p, server=s, net=n), '
    f"not d:networks(id=n, shared=1), x <= {i}"
    for i in range(1000)
)


def test_parsing_1000_rules_of_four_literals(benchmark: BenchmarkFixture) -> None:
    rules = benchmark(parse, RULES)
    assert len(rules) == 1000
