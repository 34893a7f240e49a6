"""How a finding is shown: the part of its line that it is about, and nothing that cannot print."""

from __future__ import annotations

import pytest

from congress_dist.policy.engine import Engine
from congress_dist.policy.language.diagnostics import Diagnostic, PolicyError
from congress_dist.policy.language.grammar import parse, parse_query


def refusal(text: str) -> PolicyError:
    engine = Engine()
    engine.create_policy("p")
    with pytest.raises(PolicyError) as refused:
        engine.insert("p", text)
    return refused.value


def test_a_line_of_usual_length_is_shown_whole() -> None:
    line = f'q(x) :- p(x), x != "{"a" * 160}", r(x)'
    found = refusal(f"{line}, y < 3").diagnostics[0]
    assert (found.text, found.text_column) == (f"{line}, y < 3", 1)


@pytest.mark.parametrize(
    ("before", "after", "cut_off"),
    [(0, 1_000, "end"), (1_000, 0, "start"), (1_000, 1_000, "start end"), (5_000, 5, "start")],
)
def test_of_a_long_line_the_part_around_the_place_is_shown(
    before: int, after: int, cut_off: str
) -> None:
    (found,) = refusal(f"{'p(1) ' * before}q(wrong) {'p(1) ' * after}").diagnostics
    shown, carets = (line[4:] for line in found.render().splitlines()[1:3])
    assert carets.strip() == "^" * 5
    assert shown[carets.index("^") :].startswith("wrong")
    assert found.column == 5 * before + 3
    assert len(shown) <= 200
    assert shown.startswith("…") is ("start" in cut_off)
    assert shown.endswith("…") is ("end" in cut_off)


def test_what_is_said_of_many_rules_on_one_line_is_linear_in_them() -> None:
    sizes = []
    for number in (300, 600):
        error = refusal(" ".join(f"q{n}(x) :- r(1), s(y)" for n in range(number)))
        assert len(error.diagnostics) >= number
        sizes.append(len(str(error)))
    assert sizes[1] < 2.2 * sizes[0]


def test_what_is_said_of_one_rule_does_not_grow_with_it() -> None:
    variables = ", ".join(f"x{number}" for number in range(1_000))
    error = refusal(f"q({variables}) :- r(1), not s({variables})")
    assert len(error.diagnostics) == 20
    assert len(str(error)) < 20_000


def test_a_query_of_two_conditions_is_told_to_be_a_rule() -> None:
    with pytest.raises(PolicyError) as refused:
        parse_query("r1(x), x > 1")
    assert str(refused.value) == (
        "<query>:1:6: error[syntax]: expected ':-' or the end of the rule, found ','\n"
        "    r1(x), x > 1\n"
        "         ^\n"
        "  note: a query is one table or one rule\n"
        "  hint: write a rule: ans(x) :- r1(x), x > 1"
    )


def test_carets_stand_below_the_place_after_tabs() -> None:
    with pytest.raises(PolicyError) as refused:
        parse("q(\t\t])")
    shown, carets = str(refused.value).splitlines()[1:3]
    assert shown == "    q(\t\t])"
    assert carets == "      \t\t^"


def test_carets_of_a_long_place_end_with_what_is_shown() -> None:
    found = refusal(f'q(y, "{"a" * 1_000}") :- not r("{"b" * 1_000}", z)').diagnostics[-1]
    shown, carets = found.render().splitlines()[1:3]
    assert len(carets) <= len(shown)


@pytest.mark.parametrize("char", ["\ud800", "\x1b", "\x85", "\u2028", "\u202e", "\ufeff"])
def test_what_cannot_be_printed_is_told_by_its_number(char: str) -> None:
    found = Diagnostic(
        "c", f"m{char}", 1, 3, 1, f"n{char}", f"h{char}", f"s{char}", text=f"{char}ab"
    )
    shown = found.render()
    number = char.encode("unicode_escape").decode()
    assert shown.encode()
    assert char not in shown
    assert all(f"{letter}{number}" in shown for letter in "mnhs")
    assert "    \N{REPLACEMENT CHARACTER}ab\n      ^\n" in shown


def test_an_error_of_a_text_with_half_a_character_can_be_printed() -> None:
    assert "bad-string" in str(refusal('q("\ud800")')).encode().decode()
