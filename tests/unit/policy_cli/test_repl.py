"""The REPL: its session, and lines from a pipe."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from congress_dist.cli import OK, USAGE, main
from congress_dist.policy import Engine
from congress_dist.policy.cli.repl import _completer
from congress_dist.policy.cli.session import MAX_ROWS, Session
from congress_dist.policy.cli.typed_lines import TypedLines, goes_on
from congress_dist.policy.language.ast import Rule

Output = pytest.CaptureFixture[str]


@pytest.fixture
def typed(files: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch):
    """Give a function that runs lines and gives exit code, output and errors."""

    assert (files / "net").is_dir()

    def run(text: str, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        code = main(["repl", *(arguments or ("net", "--data", "data"))])
        return code, *capsys.readouterr()

    return run


def test_queries_are_answered(typed) -> None:
    code, out, _ = typed("open_port(s, p)\nans(x) :-\n  open_port(x, p),\n  p > 100\n")
    assert out == "s   p\ns1  80\ns2  5432\n(2 rows)\nx\ns2\n(1 row)\n"
    assert code == OK


def test_rules_come_and_go(typed) -> None:
    _, out, err = typed(
        "+ allowed(80)\nopen_port(s, p)\n- allowed(80)\nopen_port(_, 80)\n.rules\n"
    )
    assert out.splitlines()[:9] == [
        "1 rule added to net",
        *("s   p", "s2  5432", "(1 row)"),
        "taken away from net",
        *("server  port", "s1      80", "(1 row)"),
        '@id("NET-1") @severity("high") @title("An open port")',
    ]
    assert "  nova:ports(server=server, port=port)," in out
    assert err == ""


def test_policies_are_made_and_chosen(typed) -> None:
    code, out, _ = typed(".policy mine\n+ p(1)\n.policy net\nmine:p(x)\n.policy\n")
    assert out == (
        "made policy mine\n1 rule added to mine\nx\n1\n(1 row)\n"
        "the current policy is net; there are: net, mine\n"
    )
    assert code == OK


def test_commands_tell_what_is_there(typed) -> None:
    text = (
        '.tables\n.tables nova\n.explain open_port("s1", 80)\n.violations\n'
        "+ lost(x) :- nova:links(x, _)\n.waiting\nlost(x)\n.help\n"
    )
    code, out, _ = typed(text)
    for part in (
        "net:open_port(server, port)  2 rows",
        "nova:links(from, to)  0 rows  not known: nova did not answer",
        "└─ nova:ports(server=s1, port=80)",
        "net:open_port(s2, 5432)  An open port",
        "  waits for nova:links: nova did not answer",
        "incomplete: nova:links: nova did not answer",
        ".quit ",
    ):
        assert part in out, part
    assert code == OK


def test_tables_are_loaded_later(typed) -> None:
    _, out, _ = typed(".load data\nnova:ports(s, 80)\n.quit\nnova:ports(s, p)\n", "net")
    assert out == "loaded 3 tables of nova\ns   port\ns1  80\n(1 row)\n"


def test_one_can_begin_with_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert main(["repl"]) == OK


def test_long_answers_are_cut(typed) -> None:
    facts = " ".join(f"p({number})" for number in range(MAX_ROWS + 1))
    _, out, _ = typed(f"+ {facts}\np(x)\n")
    assert out.endswith(f"({MAX_ROWS + 1} rows)\nonly the first {MAX_ROWS} are shown\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("p(", "error[syntax]"),
        ("+ p(x, y) :- q(x)", "error[unsafe-variable]"),
        ("- p(1)", "has no rule"),
        (".odd", "there is no command '.odd'; commands are .policy"),
        (".tables odd", "; there are: net, clock, nova"),
        (".rules odd", "there is no policy 'odd'"),
        (".explain open_port(s, p)", "name one row"),
        ('.explain open_port("s1", 1)', "has no row"),
        (".load", "name the directory"),
        (".load nowhere", "there is no directory 'nowhere'"),
        (".policy 1x", "'1x' is no name for a policy"),
        (".policy nova", "exists already"),
    ],
)
def test_what_is_wrong_is_told_and_the_session_goes_on(typed, text: str, message: str) -> None:
    code, out, err = typed(f"allowed(x)\n{text}")
    assert message in err
    assert "(1 row)" in out
    assert code == USAGE


def test_an_interrupted_change_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def make() -> Engine:
        engine = Engine()
        engine.create_policy("p")
        engine.insert("p", "q(1)")
        return engine

    session = Session(make, ["p"], [])
    assert list(session.execute("+ q(2)")) == ["1 rule added to p"]
    insert = Engine.insert

    def interrupted(self: Engine, policy: str, text: str) -> list[Rule]:
        insert(self, policy, text)
        raise KeyboardInterrupt

    monkeypatch.setattr(Engine, "insert", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(session.execute("+ q(3)"))
    monkeypatch.setattr(Engine, "insert", insert)
    session.recover()
    assert sorted(session.engine.rows("p", "q")) == [(1,), (2,)]


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("p(x)", False),
        ("p(x", True),
        ("p(x) :-", True),
        ("p(x),", True),
        ('p("(")', False),
        ("p('(', x", True),
        ("p(x) # (", False),
        (".explain p(", False),
        ("x in [1,", True),
        ("p(x) // more,", False),
        ("p(x) /* ( */", False),
        ("p(x) /* more,", True),
        ("p(x) /* (\n, */", False),
        ('p("/*")', False),
    ],
)
def test_open_lines_go_on(text: str, more: bool) -> None:
    assert goes_on(text) is more


def test_a_word_is_completed_to_each_name_that_begins_like_it() -> None:
    def make_engine() -> Engine:
        engine = Engine()
        engine.create_policy("net")
        engine.set_schema("nova", {"ports": ["server", "port"]})
        engine.insert("net", "open_port(x) :- nova:ports(x, _)")
        return engine

    complete = _completer(Session(make_engine, ["net"], ["nova"]))

    def completions(text: str) -> list[str | None]:
        return [complete(text, state) for state in range(4)]

    assert completions("op") == ["open_port", None, None, None]
    assert completions("por") == ["port", None, None, None]
    assert completions("net:") == ["net:open_port", None, None, None]
    assert completions("nova") == ["nova:ports", None, None, None]
    assert completions(".wa") == [".waiting", None, None, None]
    assert completions("starts_w") == ["starts_with", None, None, None]
    assert completions("zz") == [None] * 4


def test_an_open_bracket_costs_one_input(typed) -> None:
    for end in ("", ".policy", "+ allowed(80)", "- allowed(22)"):
        code, out, err = typed(f"allowed((x\n{end}\nallowed(22)\n")
        assert code == USAGE
        assert err.count("syntax") == 1
        assert ("(1 row)\n" in out) == (end != "- allowed(22)")


def test_a_continuation_may_begin_with_a_number() -> None:
    lines = TypedLines()
    assert lines.take("p(x,\n") == []
    assert lines.take("-1, + 2,\n") == []
    assert lines.take(".5)\n") == ["p(x,\n-1, + 2,\n.5)\n"]


def test_what_is_open_at_the_end_of_input_is_run(typed) -> None:
    code, _, err = typed("allowed(x),")
    assert code == USAGE
    assert "syntax" in err


def test_a_comment_is_nothing_to_do(typed) -> None:
    assert typed("# a comment\n// one more\n/* and\nanother */\n") == (OK, "", "")


@pytest.mark.parametrize("text", ["-", "+", "- # nothing"])
def test_a_change_names_its_rule(typed, text: str) -> None:
    code, out, err = typed(f"{text}\n")
    assert (code, out) == (USAGE, "")
    assert "say which rule" in err
