"""What is printed for people at a terminal: colours, and a line of progress that goes away."""

from __future__ import annotations

import io

import pytest

from congress_dist.policy.cli.findings import as_text
from congress_dist.policy.cli.progress import long_step, with_progress
from congress_dist.policy.language.diagnostics import Diagnostic

RED, YELLOW, PLAIN = "\x1b[1;31m", "\x1b[1;33m", "\x1b[0m"
ERASED = "\r\x1b[K"


def found(severity: str) -> Diagnostic:
    return Diagnostic("odd", "it is odd", 1, 1, 1, source="p.dl", text="p(1)", severity=severity)


@pytest.mark.parametrize(("severity", "colour"), [("error", RED), ("warning", YELLOW)])
def test_only_the_severity_of_a_finding_is_coloured(severity: str, colour: str) -> None:
    plain = as_text([found(severity)], is_coloured=False)
    word = f"{severity}[odd]"
    assert word in plain
    coloured = plain.replace(word, f"{colour}{word}{PLAIN}")
    assert as_text([found(severity)], is_coloured=True) == coloured


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_names_each_step_and_is_erased(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    assert list(with_progress(range(20), "testing")) == list(range(20))
    lines = terminal.getvalue().split(ERASED)
    assert lines[1:3] == ["testing 1 of 20: 0", "testing 2 of 20: 1"]
    assert lines[-2:] == ["testing 20 of 20: 19", ""]


def test_progress_is_erased_when_the_work_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    steps = with_progress(range(20), "testing")
    next(steps)
    steps.close()
    assert terminal.getvalue() == f"{ERASED}testing 1 of 20: 0{ERASED}"


@pytest.mark.parametrize(("count", "stream"), [(19, Terminal()), (20, io.StringIO())])
def test_short_work_and_pipes_see_no_progress(
    monkeypatch: pytest.MonkeyPatch, count: int, stream: io.StringIO
) -> None:
    monkeypatch.setattr("sys.stderr", stream)
    assert list(with_progress(range(count), "testing")) == list(range(count))
    assert stream.getvalue() == ""


def test_a_step_with_many_rules_is_named_while_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with long_step("checking", 10_000):
        assert terminal.getvalue() == f"{ERASED}checking: 10000 rules"
    assert terminal.getvalue().endswith(ERASED)


@pytest.mark.parametrize(("rules", "stream"), [(999, Terminal()), (1000, io.StringIO())])
def test_a_short_step_and_pipes_see_nothing(
    monkeypatch: pytest.MonkeyPatch, rules: int, stream: io.StringIO
) -> None:
    monkeypatch.setattr("sys.stderr", stream)
    with long_step("checking", rules):
        pass
    assert stream.getvalue() == ""
