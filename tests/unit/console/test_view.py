"""What `congress up` says about sources and violations."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

from rich.console import Console

from congress_dist.api.console.screen import Screen, render
from congress_dist.api.console.view import (
    View,
    changes_between,
    groups_of,
    source_words,
    summary,
)


def table(state: str = "ready", **more: Any) -> dict[str, Any]:
    fields = {"reason": "", "note": "", "rows": 3, "source_age": 4.0, "stale": False}
    return {"state": state, "wanted": True, **fields, **more}


def source(name: str = "s", **tables: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "state": "ready", "age": 4.0, "position": [1, 2], "tables": tables}


def violation(rule: str, row: list[Any], severity: str = "high") -> dict[str, Any]:
    return {
        "policy": "p",
        "rule": rule,
        "table": "t",
        "row": row,
        "columns": ["x"],
        "severity": severity,
        "title": f"title of {rule}",
        "remediation": f"remedy of {rule}",
    }


def view(
    sources: list[dict[str, Any]], violations: list[dict[str, Any]], waiting: Any = ()
) -> View:
    return View(
        {"sources": sources, "ready": True, "reasons": []},
        {
            "violations": violations,
            "checked": {"rules": 9, "tables": 16},
            "waiting": list(waiting),
            "revision": 3,
            "as_of": {},
            "missing": {},
        },
    )


def test_a_source_whose_tables_are_in_is_ok_with_its_age() -> None:
    assert source_words(source(a=table(), b=table())) == "ok, 4 s old"


def test_a_source_without_tables_waits() -> None:
    assert source_words(source()) == "waiting"


def test_a_partly_readable_source_says_how_much_is_missing() -> None:
    note = "3 of 41 processes not readable, run as root to see them"
    words = source_words(source(a=table(note=note), b=table(note=note)))
    assert words == f"partial: {note}"


def test_one_unavailable_table_does_not_hide_the_good_ones() -> None:
    words = source_words(
        source(a=table(), updates=table("unavailable", reason="run apt-get update"))
    )
    assert words == "ok, 4 s old; updates unavailable: run apt-get update"


def test_an_unread_table_keeps_a_view_from_being_settled() -> None:
    looking = view([source("s", a=table("unread"))], [])
    assert not looking.is_settled(["s"])
    assert looking.awaited(["s"]) == ["s:a"]


def test_a_source_never_heard_of_keeps_a_view_from_being_settled() -> None:
    assert not view([], []).is_settled(["s"])


def test_a_table_that_nobody_uses_is_no_trouble_and_is_counted() -> None:
    looking = view([source("s", a=table(), b=table("failing", reason="r", wanted=False))], [])
    assert source_words(looking.sources[0]) == "ok, 4 s old"
    assert looking.as_json()["sources"][0]["tables"] == {"a": 3, "b": 3}


def test_a_source_that_nobody_uses_settles_when_all_its_tables_are_in() -> None:
    unread = view([source("s", a=table(wanted=False), b=table("waiting", wanted=False))], [])
    assert (unread.is_settled(["s"]), unread.awaited(["s"])) == (False, ["s:b"])
    assert view([source("s", a=table(wanted=False))], []).is_settled(["s"])


def test_an_unavailable_table_settles() -> None:
    assert view([source("s", a=table("unavailable", reason="no dpkg"))], []).is_settled(["s"])


def test_summary_names_what_rules_wait_for() -> None:
    waiting = [{"policy": "p", "rule": "r", "for": {"host_packages:pending_updates": "why"}}]
    text = summary(view([], [], waiting))
    assert text == "9 rules, 16 tables, 0 violations; 1 rule waits for: pending updates"


def test_violations_are_grouped_by_rule_worst_first() -> None:
    violations = [violation("b", [1], "low"), violation("a", [2]), violation("b", [3], "low")]
    groups = groups_of(violations)
    assert [(group.rule, len(group.rows)) for group in groups] == [("a", 1), ("b", 2)]


def test_changes_name_what_came_and_went() -> None:
    old = view([source("s", a=table())], [violation("r", [1])])
    new = view([source("s", a=table())], [violation("r", [2])])
    assert changes_between(old, new) == [
        "- high p r: (1)",
        "+ high p r: (2)",
    ]


def test_the_summary_follows_when_it_changed() -> None:
    old = view([source("s", a=table())], [])
    new = view([source("s", a=table())], [violation("r", [2])])
    assert changes_between(old, new)[-1] == "= 9 rules, 16 tables, 1 violation"


def test_a_note_that_counts_differently_is_no_news() -> None:
    old = view([source("s", a=table(note="1 of 41"))], [])
    new = view([source("s", a=table(note="1 of 42"))], [])
    assert changes_between(old, new) == []


def test_the_same_note_of_two_tables_is_said_once() -> None:
    tables = {"a": table(note="1 of 41 unread"), "b": table(note="1 of 42 unread"), "c": table()}
    assert source_words(source("s", **tables)) == "ok, 4 s old; partial: 1 of 42 unread"


def test_nothing_changed_says_nothing() -> None:
    looking = view([source("s", a=table())], [violation("r", [1])])
    assert changes_between(looking, looking) == []


def test_control_characters_do_not_reach_the_terminal() -> None:
    lines = changes_between(None, view([], [violation("r", ["a\x1b[31m\n"])]))
    assert "+ high p r: (a\\x1b[31m\\n)" in lines


def printed(looking: View, size: tuple[int, int] | None, *notes: str) -> list[str]:
    """Give the lines of the screen as a terminal shows them, long commands broken."""
    if size is None:
        console = Console(width=100)
        with console.capture() as capture:
            console.print(render(looking))
        return capture.get().rstrip("\n").split("\n")
    width, height = size
    console = Console(width=width, height=height, force_terminal=True, color_system=None)
    out = StringIO()
    with Screen(console, out) as screen:
        screen.show(looking, header="h", notes=notes, hints=[COMMAND, "two"])
    drawn = "".join(out.getvalue().split("\x1b[?1049l")[0].split("\x1b[H")[1:])
    lines = re.sub(r"\x1b\[[?0-9]*[A-Za-z]", "", drawn).split("\n")
    return [line[at : at + width] for line in lines for at in range(0, max(1, len(line)), width)]


COMMAND = "one " * 30 + "end"


def test_ten_rows_a_rule_then_the_command_for_the_rest() -> None:
    lines = printed(view([], [violation("r", [i]) for i in range(47)]), None)
    assert "  … 37 more: congress table rows p t" in [line.rstrip() for line in lines]
    assert sum("remedy of r" in line for line in lines) == 1


def test_the_screen_never_exceeds_the_terminal() -> None:
    crowd = [violation(f"r{rule}", [i]) for rule in range(30) for i in range(20)]
    for size in ((40, 15), (80, 24), (100, 40), (200, 80)):
        lines = printed(view([source("s", a=table())], crowd), size, "a note " * 12)
        assert len(lines) <= size[1]
        assert lines[-1].strip() == "two"


def test_a_small_terminal_shows_every_rule_that_has_violations() -> None:
    found = [violation(rule, [i]) for rule in ("r1", "r2", "r3") for i in range(20)]
    text = "\n".join(printed(view([source("s", a=table())] * 5, found), (80, 24)))
    assert all(f"title of {rule} (20)" in text for rule in ("r1", "r2", "r3"))
    assert "more rule" not in text


def test_names_of_sources_are_never_cut() -> None:
    sources = [source("host_packages", a=table(note="n" * 200))]
    assert any(line.startswith("host_packages  ") for line in printed(view(sources, []), (60, 24)))


def test_a_command_is_one_line_to_who_copies_it() -> None:
    out = StringIO()
    with Screen(Console(width=40, height=30), out) as screen:
        screen.show(view([], []), header="h", hints=[COMMAND])
    assert COMMAND in out.getvalue()


def test_reasons_of_the_engine_are_named_as_what_is_waited_for() -> None:
    status = {"sources": [], "ready": False, "reasons": ["waiting for the stream of source 's'"]}
    assert View(status, {}).awaited([]) == ["the stream of source 's'"]


def test_while_nothing_is_decided_the_sources_are_shown_as_they_come_up() -> None:
    out = StringIO()
    with Screen(Console(width=60, height=20), out) as screen:
        screen.begin("h", ["a note"], [source("host_python"), source("s", a=table())])
    for words in ("a note", "host_python  waiting", "s            ok, 4 s old", "starting"):
        assert words in out.getvalue()
