"""What many rules cost: 10,000 of them loaded, and one that comes and goes beside them."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from congress_dist.policy import Engine
from congress_dist.policy.language.grammar import parse

SIZE = 10_000
PART = 5_000
"""Rules of which the text stays below the limit of one megabyte."""

TEXTS = [
    f't{n}(id, name) :- nova:servers(id=id, name=name, status="S{n}", ram=r),'
    f' neutron:ports(device_id=id, ip=ip), r > {n}, ip != "10.0.0.{n}"'
    for n in range(SIZE)
]
CHAIN = ["t0(x) :- nova:servers(id=x)"]
CHAIN += [f't{n}(x) :- t{n - 1}(x), nova:servers(id=x, name="n{n}")' for n in range(1, SIZE)]
ONE_TABLE = [
    f'error(x) :- nova:servers(id=x, name="n{n}"), neutron:ports(device_id=x)' for n in range(SIZE)
]
ONE_RULE = {
    "apart": "extra(id) :- nova:servers(id=id, ram=r), r > 7, not neutron:ports(device_id=id)",
    "chain": f"extra(x) :- t{SIZE // 2}(x), nova:servers(id=x)",
    "one table": "error(x) :- nova:servers(id=x, ram=7), neutron:ports(device_id=x)",
}
PROGRAMS = {"apart": TEXTS, "chain": CHAIN, "one table": ONE_TABLE}


def new_engine() -> Engine:
    engine = Engine()
    engine.set_schema("nova", {"servers": ["id", "name", "status", "ram"]})
    engine.set_schema("neutron", {"ports": ["id", "device_id", "ip"]})
    return engine


def fill(engine: Engine, texts: list[str]) -> None:
    engine.create_policy("p")
    for start in range(0, SIZE, PART):
        engine.insert("p", "\n".join(texts[start : start + PART]))


@pytest.mark.parametrize("shape", PROGRAMS)
def test_loading_10000_rules(benchmark: BenchmarkFixture, shape: str) -> None:
    def setup() -> tuple[tuple[Engine, list[str]], dict[str, object]]:
        return (new_engine(), PROGRAMS[shape]), {}

    benchmark.pedantic(fill, setup=setup, rounds=3)


def test_loading_10000_rules_where_each_table_has_a_row(benchmark: BenchmarkFixture) -> None:
    """Rules are planned once all that they need has rows: here each one is."""

    def setup() -> tuple[tuple[Engine, list[str]], dict[str, object]]:
        engine = new_engine()
        engine.load("nova", {"servers": [("s1", "n1", "S1", 1)]})
        engine.load("neutron", {"ports": [("p1", "s1", "10.0.0.1")]})
        return (engine, TEXTS), {}

    benchmark.pedantic(fill, setup=setup, rounds=3)


@pytest.fixture(scope="module", params=list(PROGRAMS))
def program(request: pytest.FixtureRequest) -> tuple[Engine, str]:
    engine = new_engine()
    fill(engine, PROGRAMS[request.param])
    engine.load("nova", {"servers": [("s1", "n1", "S1", 1)]})
    engine.load("neutron", {"ports": []})
    return engine, ONE_RULE[request.param]


def test_one_rule_comes_and_goes_beside_10000(
    benchmark: BenchmarkFixture, program: tuple[Engine, str]
) -> None:
    engine, text = program
    (rule,) = parse(text)

    def come_and_go() -> None:
        engine.insert("p", text)
        engine.delete("p", text)

    benchmark(come_and_go)
    assert not engine.has_rule("p", rule)


def test_a_policy_of_10000_rules_is_deleted(benchmark: BenchmarkFixture) -> None:
    def setup() -> tuple[tuple[Engine], dict[str, object]]:
        engine = new_engine()
        fill(engine, TEXTS)
        return (engine,), {}

    benchmark.pedantic(lambda engine: engine.delete_policy("p"), setup=setup, rounds=3)
