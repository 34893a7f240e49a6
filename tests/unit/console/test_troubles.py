"""What `congress up` says about processes that do not run."""

from __future__ import annotations

from pathlib import Path

import pytest

from congress_dist.api.console.troubles import TRIES, Troubles
from congress_dist.errors import StartupError
from congress_dist.processes.supervision import ChildStatus, Phase


def troubles(log_dir: Path, *statuses: ChildStatus) -> Troubles:
    return Troubles(lambda: list(statuses), log_dir)


def away(name: str = "datasource-x", starts: int = 1) -> ChildStatus:
    return ChildStatus(name, Phase.WAITING, None, starts, "ended with status 3")


def test_a_process_that_ended_is_named_with_its_last_message_and_log(tmp_path: Path) -> None:
    log = tmp_path / "datasource-x.log"
    log.write_text("2026-01-31 12:00:00.000 7 INFO began\ncongress: no option 'foo'\n")
    (line,) = troubles(tmp_path, away()).lines()
    assert "datasource-x" in line
    assert "ended with status 3: no option 'foo'" in line
    assert str(log) in line


def test_a_process_without_last_message_is_named_with_its_log(tmp_path: Path) -> None:
    (tmp_path / "datasource-x.log").write_text(
        "congress: old\n2026-01-31 12:00:00.000 7 INFO stopped\n"
    )
    (line,) = troubles(tmp_path, away()).lines()
    assert "old" not in line
    assert troubles(tmp_path / "nowhere", away()).lines()[0].count("datasource-x") == 2


def test_an_error_nobody_expected_is_named_by_its_last_line(tmp_path: Path) -> None:
    (tmp_path / "datasource-x.log").write_text("Traceback\n  File x\nImportError: no y\n")
    assert "ImportError: no y" in troubles(tmp_path, away()).lines()[0]


def test_what_runs_or_starts_for_the_first_time_is_no_trouble(tmp_path: Path) -> None:
    running = ChildStatus("a", Phase.RUNNING, "i", 4, "killed by SIGKILL")
    assert troubles(tmp_path, running, ChildStatus("b", Phase.STARTING, "i", 1)).lines() == []


def test_once_gives_up_on_a_process_that_ends_time_and_again(tmp_path: Path) -> None:
    troubles(tmp_path, away(starts=TRIES - 1)).check_startup(["datasource-x"])
    troubles(tmp_path, away("other", starts=TRIES)).check_startup(["datasource-x"])
    with pytest.raises(StartupError, match="datasource-x does not run"):
        troubles(tmp_path, away(starts=TRIES)).check_startup(["datasource-x"])
