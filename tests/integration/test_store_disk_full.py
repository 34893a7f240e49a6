"""A full disk under the rule database."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from congress_dist.errors import StoreUnavailable
from congress_dist.policy.service import PolicyService
from congress_dist.policy.store.rule_store import RuleStore

pytestmark = pytest.mark.integration


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 600 KB of its own."""
    directory = tmp_path / "disk"
    directory.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(directory)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"NOT TESTED: a full disk cannot be made here: {mounted.stderr.strip()}")
    yield directory
    subprocess.run(["umount", "-l", str(directory)], check=True)


def _open(directory: Path) -> PolicyService:
    service = PolicyService("r1", RuleStore(f"sqlite:///{directory}/rules.sqlite"))
    service.open()
    return service


def test_full_disk_is_told_and_loses_no_acknowledged_rule(small_disk: Path) -> None:
    service = _open(small_disk)
    acknowledged: list[str] = []
    with pytest.raises(StoreUnavailable) as caught:
        _fill(service, acknowledged)
    assert "the disk is full" in caught.value.message
    assert caught.value.fields["outcome"] == "not_written"
    assert _rules(service) == acknowledged
    service.stop()
    again = _open(small_disk)
    assert _rules(again) == acknowledged
    again.stop()


def test_writes_go_on_when_there_is_room_again(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    service = _open(small_disk)
    ballast.write_bytes(b"x" * 200_000)
    acknowledged: list[str] = []
    with pytest.raises(StoreUnavailable):
        _fill(service, acknowledged)
    ballast.unlink()
    service.methods()["rule_insert"](policy="classification", rule="q(1)")
    assert _rules(service) == [*acknowledged, "q(1)"]
    service.stop()


def _fill(service: PolicyService, acknowledged: list[str]) -> None:
    insert = service.methods()["rule_insert"]
    for number in range(1000):
        text = f'q{number}("{"x" * 4000}")'
        insert(policy="classification", rule=text)
        acknowledged.append(text)


def _rules(service: PolicyService) -> list[str]:
    listed = service.methods()["rule_list"](policy="classification")
    return [rule["rule"] for rule in listed]


def test_a_disk_that_is_full_from_the_start_is_told_so(small_disk: Path) -> None:
    _open(small_disk).stop()
    filled = subprocess.run(
        ["dd", "if=/dev/zero", f"of={small_disk / 'ballast'}", "bs=4096"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "No space left" in filled.stderr
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        _open(small_disk)
