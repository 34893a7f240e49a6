"""The layout of policy text, and the verb `fmt`."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from congress_dist.cli import FAILED, OK, USAGE, main
from congress_dist.policy import PolicyError
from congress_dist.policy.cli.layout import WIDTH, lay_out
from congress_dist.policy.language.grammar import parse

Output = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[3]


def laid_out(text: str) -> str:
    return lay_out(text, source="t.dl")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("p(1).q( 2 );r(3)", "p(1)\nq(2)\nr(3)\n"),
        ("p(x):-q(x),not r(x).", "p(x) :- q(x), not r(x)\n"),
        ("p(x) :-\n q(x),r(x)", "p(x) :-\n    q(x),\n    r(x)\n"),
        ('@id("A") @severity("low")\np(x) :- q(x)', '@id("A")\n@severity("low")\np(x) :- q(x)\n'),
        ("p(0x10, 1.50, 'a')", 'p(0x10, 1.50, "a")\n'),
        ('p("""a\nb""")', 'p("""a\nb""")\n'),
        ("p(1)\n\n\n\nq(1)", "p(1)\n\nq(1)\n"),
        ("execute[d:stop(x)]:-p(x)", "execute[d:stop(x)] :- p(x)\n"),
        ("", ""),
        ("// only this", "// only this\n"),
    ],
)
def test_the_usual_layout(old: str, new: str) -> None:
    assert laid_out(old) == new
    assert laid_out(new) == new


COMMENTED = """\
# at the top


   // before a rule
p(x) :- q(x).   # beside it
/* a block
   of two lines */ r(1); /* and */ s(1)
t(x) :-
    q(x),   # why
    // between
    u("# no comment", x)
# at the end"""


def test_every_comment_stays_in_its_place() -> None:
    assert (
        laid_out(COMMENTED)
        == """\
# at the top

// before a rule
p(x) :- q(x)  # beside it
/* a block
   of two lines */
r(1)  /* and */
s(1)
t(x) :-
    q(x),   # why
    // between
    u("# no comment", x)
# at the end
"""
    )


def test_a_long_rule_is_broken_where_it_must() -> None:
    names = [f"column_number_{number}" for number in range(12)]
    columns = ", ".join(f"{name}={name}" for name in names)
    branches = " or ".join(f"x{n} = {n}" for n in range(20))
    text = f"p({names[0]}) :- d:wide({columns}), ({branches})"
    new = laid_out(text)
    assert max(map(len, new.splitlines())) <= WIDTH
    assert "    d:wide(\n        column_number_0" in new
    assert laid_out(new) == new


PIECES = st.sampled_from(
    [
        "p(x) :- q(x)", "p( 1 )", "a :- b, not c", '@id("A")', "#c", "// d", "/* e */", "/*f\ng*/",
        "\n", "\n\n", " ", ".", ";", ",", "x = 1", ":-", '"# s"', "p(x) :-\n q(x),", "r(x, 0x1)",
        "p(x) :- q(x), (x = 1 or not r(x))",
    ]
)  # fmt: skip


@given(pieces=st.lists(PIECES, max_size=12))
def test_rules_stay_the_same_and_a_second_time_changes_nothing(pieces):
    text = "".join(pieces)
    try:
        rules = parse(text)
    except PolicyError:
        return
    new = laid_out(text)
    assert parse(new) == rules
    assert laid_out(new) == new


def test_our_own_policies_are_in_the_usual_layout(capsys: Output) -> None:
    assert main(["fmt", "--check", "--diff", str(ROOT / "devstack" / "policies")]) == OK
    assert capsys.readouterr().out == ""


def test_files_are_replaced_and_keep_their_mode(tmp_path: Path, capsys: Output) -> None:
    path = tmp_path / "a.dl"
    path.write_text("p( 1 )")
    path.chmod(0o640)
    assert main(["fmt", str(tmp_path)]) == OK
    assert path.read_text() == "p(1)\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert [child.name for child in tmp_path.iterdir()] == ["a.dl"]
    assert "formatted" in capsys.readouterr().err
    assert main(["fmt", str(tmp_path)]) == OK
    assert capsys.readouterr().err == ""


def test_check_and_diff_change_nothing(tmp_path: Path, capsys: Output) -> None:
    path = tmp_path / "a.dl"
    path.write_text("p( 1 )\n")
    assert main(["fmt", "--check", str(path)]) == FAILED
    assert "a.dl" in capsys.readouterr().err
    assert main(["fmt", "--diff", str(path)]) == FAILED
    assert "-p( 1 )\n+p(1)\n" in capsys.readouterr().out
    assert path.read_text() == "p( 1 )\n"


def test_standard_input_goes_to_standard_output(
    capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"p( 1 )")))
    assert main(["fmt", "-"]) == OK
    assert capsys.readouterr().out == "p(1)\n"


def test_a_file_that_cannot_be_read_does_not_keep_the_others(
    tmp_path: Path, capsys: Output
) -> None:
    (tmp_path / "a.dl").write_text("p(")
    (tmp_path / "b.dl").write_text("q( 1 )")
    assert main(["fmt", str(tmp_path)]) == USAGE
    assert "a.dl:1" in capsys.readouterr().err
    assert (tmp_path / "a.dl").read_text() == "p("
    assert (tmp_path / "b.dl").read_text() == "q(1)\n"


@pytest.mark.parametrize(
    ("name", "message"),
    [("x.yaml", "no .dl file; fmt lays out"), ("none.dl", "there is no file"), ("d", "no .dl")],
)
def test_what_is_no_policy_file_is_refused(
    tmp_path: Path, capsys: Output, name: str, message: str
) -> None:
    (tmp_path / "x.yaml").write_text("")
    (tmp_path / "d").mkdir()
    assert main(["fmt", str(tmp_path / name)]) == USAGE
    assert message in capsys.readouterr().err
