"""The REPL's commands for what is not so."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from congress_dist.cli import OK, USAGE, main

Output = pytest.CaptureFixture[str]


@pytest.fixture
def typed(files: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch):
    """Give a function that runs lines and gives exit code, output and errors."""
    assert (files / "net").is_dir()

    def run(text: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{text}\n"))
        return main(["repl", "net", "--data", "data"]), *capsys.readouterr()

    return run


def test_an_absent_row_is_explained(typed) -> None:
    code, out, _ = typed('.why_not open_port("s1", 22)')
    assert code == OK
    assert "not allowed(22)" in out


def test_changes_are_tried_and_taken_back(typed) -> None:
    code, out, _ = typed(".simulate open_port(s, p) after allowed+(80)\nopen_port(_, 80)")
    assert code == OK
    assert out == 'open_port-("s1", 80)\nserver  port\ns1      80\n(1 row)\n'
    assert typed(".simulate open_port(s, p) after allowed+(1)")[1] == "nothing changes\n"


def test_actions_are_tried_with_the_policy_that_describes_them(
    files: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    (files / "acts").mkdir()
    (files / "acts" / "policy.yaml").write_text("kind: action\n")
    (files / "acts" / "acts.dl").write_text('action("permit")  net:allowed+(p) :- permit(p)\n')

    def run(text: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{text}\n"))
        return main(["repl", "net", "acts", "--data", "data"]), *capsys.readouterr()

    simulation = ".simulate open_port(s, p)\tafter  permit(80)"
    assert run(f"{simulation} action_policy acts")[1] == 'open_port-("s1", 80)\n'
    code, _, err = run(simulation)
    assert (code, "neither an action nor a change" in err) == (USAGE, True)
    code, _, err = run(f"{simulation} action_policy none")
    assert (code, "'none'" in err) == (USAGE, True)


def test_the_impact_of_a_rule_is_told(typed) -> None:
    assert typed(".impact + allowed(80)")[1] == "- violation net:open_port(s1, 80)\n"
    assert typed(".impact - allowed(22)")[1] == "+ violation net:open_port(s1, 22)\n"
    assert typed(".impact + p(1)")[1] == "no violation and no action comes or goes\n"
    out = typed(".impact + error(x) :- nova:links(x, _)")[1]
    assert out == "? net:error, of which more may appear: nova:links\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (".why_not open_port(s, 22)", "name one row: .why_not"),
        (".simulate p(x)", "name a query and changes"),
        (".impact p(x)", "say what is done with the rule"),
    ],
)
def test_what_is_wrong_is_told(typed, text: str, message: str) -> None:
    code, _, err = typed(text)
    assert code == USAGE
    assert message in err
