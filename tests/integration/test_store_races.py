"""Two processes write rules that are valid alone and recursive together."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

from congress_dist.policy.language.grammar import parse
from congress_dist.policy.planner.program import body_atoms
from congress_dist.policy.store.changes import Change, hash_of
from congress_dist.policy.store.operations import InsertRule
from congress_dist.policy.store.records import Revision
from congress_dist.policy.store.rule_store import RuleStore

pytestmark = pytest.mark.integration

MAIN = Path(__file__).with_name("rule_writer_main.py")
RACES = 300


class Writer:
    """A process that writes rules."""

    def __init__(self, url: str, kind: str = "cas") -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(MAIN), url, kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.answer()["outcome"] == "open"

    def ask(self, policy: str, rule: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([policy, rule]) + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the writer has died"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def insert(self, policy: str, rule: str) -> dict[str, Any]:
        self.ask(policy, rule)
        return self.answer()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/rules.sqlite"


@contextmanager
def writers(url: str, count: int, kind: str = "cas") -> Iterator[list[Writer]]:
    with ExitStack() as stack:
        started = [Writer(url, kind) for _ in range(count)]
        for writer in started:
            stack.callback(writer.kill)
        yield started


def history(url: str) -> list[Change]:
    store = RuleStore(url)
    store.open()
    changes: list[Change] = []
    while more := store.changes_after(Revision(len(changes))):
        changes += more
    store.close()
    return changes


def audit(changes: list[Change]) -> None:
    """Check that the history is whole: each revision once, each tied to the one before."""
    assert [change.revision for change in changes] == list(range(1, len(changes) + 1))
    assert [hash_of(change) for change in changes] == [change.hash for change in changes]
    hashes = ["", *(change.hash for change in changes)]
    assert [change.previous_hash for change in changes] == hashes[:-1]


def rules_of(changes: list[Change]) -> list[str]:
    return [
        operation.rule.text
        for change in changes
        for operation in change.operations
        if isinstance(operation, InsertRule)
    ]


def cycles_in(texts: list[str]) -> int:
    """Count the recursive components of rules that were only added: 0 means at no revision."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    for text in texts:
        (rule,) = parse(text)
        graph.add_edges_from((rule.head.table, atom.table) for atom in body_atoms(rule.body or ()))
    return sum(len(found) > 1 for found in nx.strongly_connected_components(graph))


def race(one: Writer, other: Writer, number: int) -> list[dict[str, Any]]:
    one.ask("classification", f"p{number}(x) :- q{number}(x)")
    other.ask("classification", f"q{number}(x) :- p{number}(x)")
    return [one.answer(), other.answer()]


def test_rules_that_are_recursive_together_are_never_both_stored(url: str) -> None:
    with writers(url, 2) as (one, other):
        pairs = [race(one, other, number) for number in range(RACES)]
    outcomes = [sorted(answer["outcome"] for answer in pair) for pair in pairs]
    assert outcomes == [["policy_error", "written"]] * RACES
    revisions = [a["revision"] for pair in pairs for a in pair if a["outcome"] == "written"]
    assert len(set(revisions)) == RACES
    changes = history(url)
    audit(changes)
    assert len(rules_of(changes)) == RACES
    assert cycles_in(rules_of(changes)) == 0
    real = [len({a["validated_at"] for a in pair}) == 1 for pair in pairs]
    assert sum(real) >= 1, "no race was one: the writers never validated at the same revision"


def test_the_harness_finds_cycles_when_checked_rules_are_just_inserted(url: str) -> None:
    with writers(url, 2, "naive") as (one, other):
        for number in range(RACES):
            race(one, other, number)
            if number % 20 == 19 and cycles_in(rules_of(history(url))):
                return
    pytest.fail(f"{RACES} races stored no cycle: they prove nothing")


def test_storm_of_writers_loses_no_acknowledged_rule(url: str) -> None:
    each = 25
    with writers(url, 4) as storm:
        for turn in range(each):
            for number, writer in enumerate(storm):
                writer.ask("classification", f"t{number}({turn})")
        answers = [writer.answer() for writer in storm for _ in range(each)]
    assert {answer["outcome"] for answer in answers} == {"written"}
    assert len({answer["revision"] for answer in answers}) == 4 * each
    changes = history(url)
    audit(changes)
    assert sorted(rules_of(changes)) == sorted(answer["rule"] for answer in answers)


@pytest.mark.parametrize("after", [0, 1, 3, 7, 12])
def test_killed_writer_loses_no_acknowledged_rule(url: str, after: int) -> None:
    with writers(url, 1) as (writer,):
        for number in range(after + 20):
            writer.ask("classification", f"t({number})")
        acknowledged = [writer.answer()["rule"] for _ in range(after)]
        writer.process.kill()
    changes = history(url)
    audit(changes)
    assert rules_of(changes)[:after] == acknowledged
    with writers(url, 1) as (again,):
        answer = again.insert("classification", "t(1000)")
    assert (answer["outcome"], answer["revision"]) == ("written", len(changes) + 1)
