"""The host drivers on this very machine, read with the rights of an ordinary user."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.integration

# Rights are dropped after the imports: the interpreter may lie where only root can read.
READ_EVERYTHING = """
import importlib, json, os, sys
from congress_dist.datasources.driver import Table
drivers = [
    getattr(importlib.import_module(f"congress_dist.datasources.drivers.{module}"), name)
    for module, name in json.loads(sys.argv[1])
]
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
answer = {}
for driver in (driver({"scan_from": "/usr/bin"}) for driver in drivers):
    for poll in driver.polls:
        for table, found in driver.read(poll.name).items():
            answer[table] = (
                {"rows": [list(row) for row in found.rows], "note": found.note}
                if isinstance(found, Table)
                else {"reason": found.message}
            )
print(json.dumps(answer))
"""
DRIVERS = [
    ("host_packages", "HostPackages"),
    ("host_files", "HostFiles"),
    ("host_python", "HostPython"),
]


@pytest.fixture(scope="module")
def tables() -> dict[str, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-c", READ_EVERYTHING, json.dumps(DRIVERS)],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    answer: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return answer


def test_every_table_has_rows_or_a_reason(tables):
    assert set(tables) == {
        "packages",
        "package_files",
        "pending_updates",
        "path_directories",
        "setuid_files",
        "changed_files",
        "python_distributions",
    }
    assert all("rows" in table or table["reason"] for table in tables.values())


def test_search_path_of_root_is_known_to_everybody(tables):
    assert "/usr/bin" in {row[0] for row in tables["path_directories"]["rows"] if row[1] == "root"}


@pytest.mark.skipif(os.getuid() != 0, reason="an ordinary user has no processes of root to miss")
def test_what_is_not_readable_is_said(tables):
    assert "not readable, run as root" in tables["path_directories"]["note"]


def test_setuid_programs_of_this_machine_are_owned(tables):
    if "reason" in tables["package_files"]:
        pytest.skip(tables["package_files"]["reason"])
    owned = {row[0] for row in tables["package_files"]["rows"]}
    known = {"/usr/bin/mount", "/usr/bin/su"} & {row[0] for row in tables["setuid_files"]["rows"]}
    assert known <= owned
