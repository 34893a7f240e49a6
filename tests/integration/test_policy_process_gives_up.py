"""A policy process that cannot follow the rule database ends, so that a fresh one is started."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from congress_dist.policy.store.operations import CreatePolicy, InsertRule
from congress_dist.policy.store.records import PolicyRecord, RuleRecord
from congress_dist.policy.store.rule_store import Draft, RuleStore
from tests.waiting import wait_until

from .conftest import CONGRESS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RuleStore]:
    opened = RuleStore(f"sqlite:///{tmp_path}/rules.sqlite")
    opened.open()
    yield opened
    opened.close()


@pytest.mark.integration
def test_policy_process_ends_when_it_cannot_carry_out_a_committed_change(
    tmp_path: Path, store: RuleStore
) -> None:
    command = [*CONGRESS, "node", "policy", "r1", "--data-dir", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: store.head().revision, seconds=20, what="the system policies")
            policy = PolicyRecord("id-net", "net", "net", "", "user", "nonrecursive")
            rule = RuleRecord("id-rule", "id-net", "no rule at all", "", "identity", None, "")
            operations = (CreatePolicy(policy), InsertRule(rule))
            store.commit(Draft(operations, store.head(), "test", "request", {}))
            process.wait(timeout=20)
        finally:
            process.kill()
