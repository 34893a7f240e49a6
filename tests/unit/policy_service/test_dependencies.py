"""The dependencies that a catalog keeps are those of its rules, however they came and went."""

from __future__ import annotations

from random import Random

from congress_dist.policy.catalog import Catalog
from congress_dist.policy.dependencies import Dependencies
from congress_dist.policy.store.operations import (
    CreatePolicy,
    DeletePolicy,
    DeleteRule,
    InsertRule,
)
from congress_dist.policy.store.records import PolicyRecord, RuleRecord


def policy(name: str) -> PolicyRecord:
    return PolicyRecord(name, name, name[:1], "", "", "nonrecursive")


def rule(number: int, owner: str, text: str) -> RuleRecord:
    return RuleRecord(str(number), owner, text, text, text, None, "")


TABLES = ("a", "b", "c", "d:x", "d:y", "other:a")


def computed(catalog: Catalog) -> Dependencies:
    made = Dependencies()
    for stored in catalog.rules():
        made.add(stored.policy, stored.rule)
    return made


def text(rng: Random) -> str:
    body = ", ".join(f"{rng.choice(('', 'not '))}{table}(1)" for table in rng.sample(TABLES, 2))
    return f"{rng.choice('abc')}(1) :- {body}"


def assert_same(catalog: Catalog) -> None:
    kept, wanted = catalog.dependencies, computed(catalog)
    for owner in ("p", "q", "d", "other"):
        assert kept.read_by_rules(owner) == wanted.read_by_rules(owner)
        for table in "abc":
            assert kept.below([(owner, table)]) == wanted.below([(owner, table)])


def test_rules_that_come_and_go_leave_the_dependencies_of_those_that_stay() -> None:
    rng, catalog, held = Random(3), Catalog(), {}
    for name in "pq":
        catalog.apply(CreatePolicy(policy(name)))
    for number in range(300):
        if held and rng.random() < 0.45:
            catalog.apply(DeleteRule(held.pop(rng.choice(list(held)))))
        else:
            record = rule(number, rng.choice("pq"), text(rng))
            held[number] = record
            catalog.apply(InsertRule(record))
        assert_same(catalog)
    for record in held.values():
        catalog.apply(DeleteRule(record))
    assert catalog.dependencies.below([("p", "a")]) == {("p", "a")}
    assert not catalog.dependencies.read_by_rules("d")


def test_a_policy_that_goes_takes_its_dependencies_along() -> None:
    catalog = Catalog()
    catalog.apply(CreatePolicy(policy("p")))
    catalog.apply(InsertRule(rule(1, "p", "a(1) :- d:x(1)")))
    assert catalog.dependencies.read_by_rules("d") == {"x"}
    catalog.apply(DeletePolicy(policy("p")))
    assert not catalog.dependencies.read_by_rules("d")
