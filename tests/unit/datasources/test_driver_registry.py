"""Drivers are found by entry point."""

from __future__ import annotations

import subprocess
import sys

import pytest

from congress_dist.datasources.registry import driver_names, load_driver
from congress_dist.errors import StartupError


def test_the_host_drivers_are_installed() -> None:
    assert {"host_accounts", "host_processes"} <= set(driver_names())


def test_a_driver_is_loaded_by_its_name() -> None:
    assert load_driver("host_accounts").name == "host_accounts"


def test_an_unknown_driver_is_refused_with_a_near_name() -> None:
    with pytest.raises(StartupError, match="no driver 'host_acounts', did you mean 'host_acc"):
        load_driver("host_acounts")


def test_loading_one_driver_imports_no_other() -> None:
    code = (
        "import sys; from congress_dist.datasources.registry import load_driver, driver_names;"
        "driver_names(); load_driver('host_accounts');"
        "print([m for m in sys.modules if m.rpartition('.')[2].startswith('host_')])"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == "['congress_dist.datasources.drivers.host_accounts']"
