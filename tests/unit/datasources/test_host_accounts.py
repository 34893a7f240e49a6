"""The accounts driver reads the name service when its files change."""

from __future__ import annotations

import grp
import pwd
from pathlib import Path
from typing import Any

import pytest

from congress_dist.datasources.driver import UNCHANGED, Table
from congress_dist.datasources.drivers.host_accounts import HostAccounts

ROOT = pwd.struct_passwd(("root", "x", 0, 0, "root", "/root", "/bin/bash"))
EVE = pwd.struct_passwd(("eve", "x", 0, 50, "", "/home/eve", ""))
WHEEL = grp.struct_group(("wheel", "x", 0, ["eve", "root"]))
STAFF = grp.struct_group(("staff", "x", 50, []))


class Machine:
    """Accounts that a test changes."""

    def __init__(self, folder: Path) -> None:
        self.passwd, self.group = folder / "passwd", folder / "group"
        self.passwd.write_text("1")
        self.group.write_text("1")
        self.accounts, self.groups = [ROOT, EVE], [WHEEL, STAFF]
        config = {"passwd": self.passwd, "group": self.group}
        self.driver = HostAccounts(
            config, all_accounts=lambda: self.accounts, all_groups=lambda: self.groups
        )

    def read(self) -> dict[str, Any]:
        reads = self.driver.read("accounts")
        return {
            table: set(read.rows) if isinstance(read, Table) else read
            for table, read in reads.items()
        }


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_accounts_groups_and_memberships_are_read(machine: Machine) -> None:
    assert machine.read() == {
        "accounts": {
            ("root", 0, 0, "/root", "/bin/bash"),
            ("eve", 0, 50, "/home/eve", ""),
        },
        "groups": {("wheel", 0), ("staff", 50)},
        # eve is in staff by her primary group only.
        "memberships": {("wheel", "eve"), ("wheel", "root"), ("staff", "eve")},
    }


def test_unchanged_files_mean_unchanged_tables(machine: Machine) -> None:
    machine.read()
    assert set(machine.read().values()) == {UNCHANGED}


@pytest.mark.parametrize("file", ["passwd", "group"])
def test_a_changed_file_is_read_again(machine: Machine, file: str) -> None:
    machine.read()
    machine.accounts = [ROOT]
    (machine.passwd if file == "passwd" else machine.group).write_text("longer")
    assert machine.read()["accounts"] == {("root", 0, 0, "/root", "/bin/bash")}
    assert set(machine.read().values()) == {UNCHANGED}


def test_a_file_that_vanishes_is_a_change(machine: Machine) -> None:
    machine.read()
    machine.group.unlink()
    assert machine.read()["groups"] == {("wheel", 0), ("staff", 50)}


def test_accounts_of_a_directory_server_are_seen_without_a_changed_file(machine: Machine) -> None:
    machine.read()
    machine.accounts = [ROOT]
    reads = [machine.read()["accounts"] for _ in range(30)]
    assert reads[:-1] == [UNCHANGED] * 29
    assert reads[-1] == {("root", 0, 0, "/root", "/bin/bash")}


def test_names_in_another_encoding_do_not_cost_the_table(machine: Machine) -> None:
    machine.accounts = [pwd.struct_passwd(("o", "x", 7, 7, "", "/home/\udce9", "/bin/sh"))]
    assert machine.read()["accounts"] == {("o", 7, 7, "/home/\\xe9", "/bin/sh")}


def test_the_accounts_of_this_machine_have_root() -> None:
    rows = HostAccounts({}).read("accounts")["accounts"]
    assert isinstance(rows, Table)
    assert ("root", 0) in {row[:2] for row in rows.rows}
