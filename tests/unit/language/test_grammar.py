"""From text to rules: what is read, where it stood, what is refused, and how long it takes."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from contextlib import suppress
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from congress_dist.policy.language import reading
from congress_dist.policy.language.ast import (
    Alternatives,
    Argument,
    Atom,
    Comparison,
    Constant,
    Constant_,
    Literal,
    Membership,
    NegatedGroup,
    Negative,
    Operation,
    Rule,
    Span,
    Truth,
    Variable,
    Wildcard,
)
from congress_dist.policy.language.collection import without_collection
from congress_dist.policy.language.diagnostics import Diagnostic, PolicyError
from congress_dist.policy.language.grammar import parse, parse_query, parse_sequence
from congress_dist.policy.language.lexical import RESERVED
from congress_dist.policy.language.printer import print_rule


def only(text: str) -> Rule:
    (rule,) = parse(text)
    return rule


def refusal(text: str, read: Callable[[str], object] = parse) -> Diagnostic:
    with pytest.raises(PolicyError) as caught:
        read(text)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.hint
    return diagnostic


def values(text: str) -> list[Constant_]:
    arguments = only(text).head.arguments
    return [a.value.value for a in arguments if isinstance(a.value, Constant)]


def test_a_fact() -> None:
    assert only('p(1, "a")') == Rule(Atom("p", (Argument(Constant(1)), Argument(Constant("a")))))


def test_a_rule_with_every_kind_of_condition() -> None:
    x, y = Variable("x"), Variable("y")
    rule = only(
        "p(x) :- d:q(id=x, 1=_), not r(y), x <= 3, x in [1, null], y not in [true],"
        " (s(x) or t, not u()), true"
    )
    assert rule.body == (
        Literal(Atom("q", (Argument(x, "id"), Argument(Wildcard(), 1)), "d")),
        Literal(Atom("r", (Argument(y),)), negated=True),
        Comparison("<=", x, Constant(3)),
        Membership(x, (Constant(1), Constant(None))),
        Membership(y, (Constant(True),), negated=True),
        Alternatives(
            (
                (Literal(Atom("s", (Argument(x),))),),
                (Literal(Atom("t")), Literal(Atom("u"), negated=True)),
            )
        ),
        Truth(True),
    )


@pytest.mark.parametrize("sign", ["not ", "NOT ", "!", "! "])
def test_three_words_negate(sign: str) -> None:
    assert only(f"p(1) :- {sign}q(1)") == only("p(1) :- not q(1)")


def test_not_with_a_capital_is_a_table() -> None:
    assert [print_rule(rule) for rule in parse("p(1) :- Not q(1)")] == ["p(1) :- Not()", "q(1)"]


def test_a_negated_group() -> None:
    rule = only("p(1) :- not (q(1) or r(1), s(1))")
    assert rule.body is not None
    assert isinstance(rule.body[0], NegatedGroup)
    assert [len(body) for body in rule.body[0].bodies] == [1, 2]


def test_products_bind_stronger_than_sums_and_both_to_the_left() -> None:
    a, b, c, d = (Constant(n) for n in (1, 2, 3, 4))
    rule = only("p(1) :- x = 1 - 2 * 3 - 4")
    assert rule.body == (
        Comparison("=", Variable("x"), Operation("-", Operation("-", a, Operation("*", b, c)), d)),
    )


def test_brackets_and_signs_in_expressions() -> None:
    x = Variable("x")
    assert only("p(-x, (x + 1) * 2, -(x), - 3, x - -1)").head.arguments == tuple(
        Argument(value)
        for value in (
            Negative(x),
            Operation("*", Operation("+", x, Constant(1)), Constant(2)),
            Negative(x),
            Constant(-3),
            Operation("-", x, Constant(-1)),
        )
    )


def test_a_bracket_is_an_expression_when_a_comparison_follows() -> None:
    group, comparison = only("p(1) :- (q(x)), (x) = 1").body or ()
    assert isinstance(group, Alternatives)
    assert isinstance(comparison, Comparison)


def test_an_aggregate_stands_among_the_arguments() -> None:
    assert print_rule(only("load(h, count(v, w)) :- s(v, w, h)")) == (
        "load(h, count(v, w)) :- s(v, w, h)"
    )


def test_a_head_that_must_be_worked_out_makes_a_rule() -> None:
    assert only("p(1 + 2)") == only("p(1 + 2) :- true")
    assert only("p(-1, 2)").is_fact
    assert parse_query("p(1 + 2)").body == (Literal(only("p(1 + 2)").head),)


@pytest.mark.parametrize("word", ["true", "false"])
def test_true_and_false_may_have_empty_brackets(word: str) -> None:
    assert only(f"p(1) :- {word}()") == only(f"p(1) :- {word}")
    assert only(f"p(1) :- not {word} ( )") == only(f"p(1) :- not {word}")
    assert only(f"p(1) :- ({word}() or q(1)), not (r(1), {word}())") == (
        only(f"p(1) :- ({word} or q(1)), not (r(1), {word})")
    )


def test_true_takes_no_arguments() -> None:
    with pytest.raises(PolicyError, match=r"found '\('"):
        parse("p(1) :- true(1)")


def test_count_is_also_a_name() -> None:
    assert print_rule(only("count(x) :- sum(x), x = max")) == "count(x) :- sum(x), x = max"


@pytest.mark.parametrize("modal", ["execute", "ensure"])
def test_modal_heads(modal: str) -> None:
    rule = only(f"{modal}[nova:servers.pause(id=x)] :- q(x)")
    assert (rule.modal, rule.head.policy, rule.head.table) == (modal, "nova", "servers.pause")


def test_execute_without_bracket_is_a_name() -> None:
    assert print_rule(only("execute(x) :- ensure(x)")) == "execute(x) :- ensure(x)"


def test_annotations_come_with_their_values() -> None:
    rule = only('@id("A") @dry_run(true) @max(-3)\np(1)')
    assert [(a.name, a.value) for a in rule.annotations] == [
        ("id", "A"),
        ("dry_run", True),
        ("max", -3),
    ]


def test_names_may_have_dots_dashes_and_colons_where_they_may() -> None:
    rule = only("p(1) :- nova-prod.a:servers.pause(x), a:b:c.d(x), ._x")
    assert rule.body is not None
    atoms = [c.atom for c in rule.body if isinstance(c, Literal)]
    assert [(a.policy, a.table) for a in atoms] == [
        ("nova-prod.a", "servers.pause"),
        ("a", "b:c.d"),
        (None, "._x"),
    ]


@pytest.mark.parametrize("name", ["d:q", "d-e:q", ".d:q", "d:q:r", "d-e.f:q+"])
@pytest.mark.parametrize("arguments", ["(x)", "(x + 1)", ""])
def test_a_policy_is_read_without_a_blank_before_it(name: str, arguments: str) -> None:
    atom = name + arguments
    assert parse(f"p(x):-{atom}, r(x)") == parse(f"p(x) :- {atom}, r(x)")
    assert parse(f"p(x):-not {atom},({atom},{atom})") == parse(
        f"p(x) :- not {atom}, ( {atom}, {atom})"
    )
    assert parse(f"p(1).{atom}") == parse(f"p(1). {atom}")
    assert parse(f"p(1);{atom}") == parse(f"p(1); {atom}")
    assert only(f"p(x):-{atom}").body == (Literal(only(atom).head, False),)
    assert only(atom).head.policy == name.split(":")[0]


@pytest.mark.parametrize("word", RESERVED)
@pytest.mark.parametrize("text", ["{}(1)", "p(x) :- {}(x)", "p(x):-not {}(x)", "p:-{}", "{}(x+1)"])
def test_a_reserved_word_is_no_name_beside_a_policy_either(word: str, text: str) -> None:
    for name in (f"d:{word}", f"{word}:q"):
        with pytest.raises(PolicyError):
            parse(text.format(name))
    assert parse(text.format(f"d:{word}s")) + parse(text.format(f"{word}s:q"))


def test_an_effect_is_a_table_whose_name_ends_in_a_sign() -> None:
    rule = only("p+(x) :- q-(x), r(x), s-")
    assert rule.head.table == "p+"
    assert print_rule(rule) == "p+(x) :- q-(x), r(x), s-()"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("000", 0),
        ("-7", -7),
        ("+7", 7),
        ("0x1F", 31),
        ("-0x1f", -31),
        ("0o17", 15),
        ("0b101", 5),
        ("1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("1E-3", 0.001),
        ("2.e1", 20.0),
        ("-0.0", 0.0),
        ("- 2", -2),
        ("-\n2.5", -2.5),
        ("+ 3", 3),
        ("- 5.", -5.0),
        ("- 9223372036854775808", -(2**63)),
        ("-(3)", -3),
        ("---3", -3),
        ("null", None),
        ("true", True),
        ("false", False),
        ('"a"', "a"),
        ("'a'", "a"),
        ("'''a'b\n'''", "a'b\n"),
        ('"""a""b"""', 'a""b'),
        ('""', ""),
        (r'"\"\\\n\t\x41\u00e9\U0001F600\101"', '"\\\n\tAé😀A'),
        (r'"\d+\."', r"\d+\."),
        ('"a\\\nb"', "ab"),
        ('"é"', "é"),
        (r'r"\d\"\\"', r"\d\"\\"),
        (r"R'''a'\n'''", r"a'\n"),
        (r'u"\u00e9"', "é"),
        (r'b"\n"', "\n"),
        (r'Ur"\n"', r"\n"),
        (r'br"\n"', r"\n"),
        ('r""', ""),
    ],
)
def test_a_constant_has_this_value(text: str, value: Constant_) -> None:
    (found,) = values(f"p({text})")
    assert (type(found), found) == (type(value), value)


def test_a_prefix_is_part_of_its_string_only() -> None:
    assert only('p(r, "r", br) :- q(r, br), (r = 1 or"\\x72" = r), br in["r"]') == (
        only('p(r, "r", br) :- q(r, br), (r = 1 or "r" = r), br in ["r"]')
    )
    assert print_rule(only(r'p(r"\d\n")')) == r'p("\\d\\n")'
    assert parse('# r"\np(r"#")') == [only('p("#")')]


def test_minus_zero_is_zero() -> None:
    assert repr(values("p(-0.0, -0)")) == "[0.0, 0]"


def test_a_dot_after_a_number_ends_the_statement_outside_of_arguments() -> None:
    assert [print_rule(rule) for rule in parse("p(1) :- x = 5. q(1)")] == ["p(1) :- x = 5", "q(1)"]


@pytest.mark.parametrize("number", ["5", "-5", "1.5", "0x1F", "1e3", "- 2"])
@pytest.mark.parametrize("fact", ["q(1)", "q", "d:q(1)", "d-e:q(x + 1)", "q((x))", ".q(1)"])
def test_a_dot_between_a_number_and_a_name_ends_the_statement(number: str, fact: str) -> None:
    assert parse(f"p(1) :- x < {number}.{fact}") == parse(f"p(1) :- x < {number};{fact}")
    assert parse(f"p(1) :- (1 < {number}), x = 2*{number}.{fact}") == parse(
        f"p(1) :- (1 < {number}), x = 2*{number};{fact}"
    )


@pytest.mark.parametrize("statement", ["e3(1)", "e3 (1)", "e3:t(1)", "e3 :- q(1)", "E03(x + 1)"])
def test_a_number_with_a_dot_and_an_exponent_is_no_head_of_a_statement(statement: str) -> None:
    for condition in ("x < 5", "(x < 5), x < 5", "x = 2 * 5"):
        text = f"p(1) :- q(x), {condition}"
        assert parse(f"{text}.{statement}") == parse(f"{text};{statement}")


@pytest.mark.parametrize("text", ["p(5.e3)", "p(x) :- x = 5.e3", "p(x) :- x = 5.E+3 * (1)"])
def test_a_number_may_have_an_exponent_behind_its_dot(text: str) -> None:
    (rule,) = parse(text)
    assert "5000.0" in print_rule(rule)
    assert print_rule(only(print_rule(rule))) == print_rule(rule)


@pytest.mark.parametrize("text", ["p(5.x)", "p(5.5.5)", "p :- x < 1.5.5", "p :- x < 1.5.5x"])
def test_a_dot_in_a_number_ends_no_statement(text: str) -> None:
    assert refusal(text).code == "syntax"


def test_a_sign_is_part_of_the_number_behind_it_unless_a_term_stands_before() -> None:
    text = "p(x) :- x in [- 2, -2.5, + 3, -\t.5], y = 5 - 2, z = x -2, w = x * - 2, v = x--2"
    assert print_rule(only(text)) == (
        "p(x) :- x in [-2, -2.5, 3, -0.5], y = 5 - 2, z = x - 2, w = x * -2, v = x - -2"
    )


@pytest.mark.parametrize("text", ["--9223372036854775808", "-(- 9223372036854775808)"])
def test_a_minus_that_would_leave_64_bits_is_worked_out_later(text: str) -> None:
    (argument,) = only(f"p({text})").head.arguments
    assert argument.value == Negative(Constant(-(2**63)))


@pytest.mark.parametrize("text", ["", "  \n", "# nothing", "// nothing", "/* nothing */"])
def test_nothing_is_no_rules(text: str) -> None:
    assert parse(text) == []


@pytest.mark.parametrize(
    "text", ["p(1)q(2)", "p(1) q(2)", "p(1);q(2);", "p(1).q(2).", "p(1)\nq(2)"]
)
def test_terminators_are_optional(text: str) -> None:
    assert [rule.head.table for rule in parse(text)] == ["p", "q"]


def test_white_space_may_stand_between_all_words() -> None:
    spread = "p ( x , 1 )\n:-\n q ( id = x ) , ( r ( x ) or\ts ) , x not\nin [ 1 , 2 ] ."
    assert only(spread) == only("p(x,1):-q(id=x),(r(x) or s),x not in[1,2]")


def test_comments_are_white_space() -> None:
    text = 'p(x) /* head ( */ :- # the body\n q(x, /* , y */ "#//"), // r(x),\n s(x) # end'
    assert only(text) == only('p(x) :- q(x, "#//"), s(x)')


def test_spans_say_where_things_stood() -> None:
    text = '  @id("A") p(x) :- /* é */ d:q(name=x), not r(x), x < 3 ;'
    rule = only(text)
    conjuncts = rule.body or ()
    negated = conjuncts[1]
    assert isinstance(negated, Literal)

    def cut(span: Span) -> str:
        return text[span.start : span.end]

    assert cut(rule.span) == text[2:-2]
    assert cut(rule.head.span) == "p(x)"
    assert [cut(c.span) for c in conjuncts] == ["d:q(name=x)", "not r(x)", "x < 3"]
    assert cut(negated.atom.span) == "r(x)"
    assert cut(rule.annotations[0].span) == '@id("A")'
    assert rule.span.source == "<text>"


def test_equality_does_not_ask_where_things_stood() -> None:
    assert only("p(x) :- q(x)") == only("\n p ( x ) :- q(x).")


def test_diagnostics_count_lines_and_columns_from_one() -> None:
    found = refusal("p(1)\r\n  p(é)")
    assert (found.line, found.column, found.length, found.text) == (2, 5, 1, "  p(é)")


def test_an_error_in_a_bracket_does_not_hide_an_earlier_one() -> None:
    assert refusal("p(1) :- q(,)\nr(1) :- (s(1) or ,)").line == 1


def test_an_atom_becomes_a_query_for_itself() -> None:
    assert parse_query("t(1, y)") == only("t(1, y) :- t(1, y)")


def test_a_query_of_another_policy_is_answered_under_the_table_alone() -> None:
    assert parse_query("nova:servers(id=x)") == only("servers(id=x) :- nova:servers(id=x)")


def test_wildcards_of_a_query_are_asked_for() -> None:
    assert print_rule(parse_query("t(_, x, _)")) == "t(_0, x, _2) :- t(_0, x, _2)"


def test_a_rule_is_its_own_query() -> None:
    assert parse_query("ans(x) :- t(x, y), y > 3") == only("ans(x) :- t(x, y), y > 3")


def test_a_statement_of_a_sequence_may_have_several_heads() -> None:
    text = "p+(1) q(1), r(x) :- s(x), t(x); u(1, 2),\nv(1 + 2); w(1)"
    expected = ["p+(1)", "q(1) :- s(x), t(x)", "r(x) :- s(x), t(x)", "u(1, 2)", "v(1 + 2) :- true"]
    statements = parse_sequence(text)
    assert [len(statement) for statement in statements] == [1, 2, 2, 1]
    printed = [print_rule(rule) for statement in statements for rule in statement]
    assert printed == [*expected, "w(1)"]


@pytest.mark.parametrize(
    "text", ["p(1), ", "p(1),, q(1)", ", p(1)", "p(1); , q(1)", "p(1), :- q(1)"]
)
def test_a_comma_of_a_sequence_joins_two_heads(text: str) -> None:
    assert refusal(text, parse_sequence).code == "syntax"
    assert refusal(text).code == "syntax"


@pytest.mark.parametrize("text", ["", "p(1) q(1)"])
def test_a_query_is_one_statement(text: str) -> None:
    assert refusal(text, parse_query).code == "query"


def test_a_query_does_not_act() -> None:
    assert refusal("execute[p(x)] :- q(x)", parse_query).code == "query"


def test_brackets_nest_two_hundred_deep_and_no_deeper() -> None:
    for opening in ("(a or ", "not (", "("):
        text = "p :- " + opening * 200 + "b" + ")" * 200
        rule = only(text)
        assert parse(print_rule(rule)) == [rule]
        assert hash(rule) == hash(only(text))
        assert repr(rule)
        deeper = "p :- " + opening * 201 + "b" + ")" * 201
        assert refusal(deeper).code == "too-deep"


def test_expressions_nest_two_hundred_deep_and_no_deeper() -> None:
    def nested(depth: int) -> str:
        return f"p :- x = {'1 - (' * depth}1{')' * depth}"

    rule = only(nested(200))
    assert parse(print_rule(rule)) == [rule]
    assert refusal(nested(201)).code == "too-deep"
    assert refusal("p :- x = 1" + " + 1" * 201).code == "too-deep"


def test_two_hundred_operators_in_a_row_are_read_and_no_more() -> None:
    assert only("p(x" + " + 1" * 200 + ")")
    found = refusal("p(x" + " + 1" * 201 + ")")
    assert (found.code, "a + b + c" in found.note) == ("too-deep", True)


def test_a_rule_has_at_most_a_thousand_literals() -> None:
    def of(count: int) -> str:
        return "p :- " + ", ".join(f"q({n})" for n in range(count))

    assert len(only(of(1000)).body or ()) == 1000
    assert refusal(of(1001)).code == "too-large"
    assert refusal("p :- (" + " or ".join(["q"] * 1001) + ")").code == "too-large"


def test_a_text_has_at_most_a_megabyte() -> None:
    assert parse("#" * 2**20) == []
    assert refusal("#" * (2**20 + 1)).code == "too-large"


@given(st.text(alphabet=st.sampled_from("pq_x1.5:-,;()[]@=<>!+*/#\"'\\\n notirue"), max_size=40))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    try:
        rules = parse(text)
    except PolicyError as error:
        (found,) = error.diagnostics
        assert found.line >= 1
        assert found.message
    else:
        assert all(parse(print_rule(rule)) for rule in rules)


HOSTILE = {
    "open brackets": "(",
    "calls": "f(x,",
    "quotes": '"\\',
    "triple quotes": '"""\\',
    "dashes": "a-",
    "dots": "a.",
    "colons": "a:",
    "nots": "not ",
    "bangs": "!",
    "comment openings": "/*",
    "operators": "x = 1 + ",
    "words": "a ",
    "annotations": "@a(1) ",
    "brackets": "p(((x)))",
    "empty brackets": "()",
    "arrows and dashes": ":-a-",
    "dots and dashes": ").a-",
}


def seconds_for(text: str) -> float:
    begin = time.process_time()
    with suppress(PolicyError):
        parse(text)
    return time.process_time() - begin


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_cost_linear_time(piece: str) -> None:
    parse("p(((x + 1)))")  # the grammar is built once
    size = 1_000
    small = min(seconds_for("p :- " + piece * size) for _ in range(3))
    large = min(seconds_for("p :- " + piece * size * 8) for _ in range(2))
    assert large < 40 * small + 0.05  # quadratic time would be 64 times


def test_a_text_whose_brackets_do_not_end_is_looked_through_once() -> None:
    text = "p :- " + "(" * 150 + "x" + ")" * 150 + " * 2 = 1\n"
    with mock.patch.object(reading, "brackets_of", wraps=reading.brackets_of) as looked:
        assert refusal(text * 2 + "p :- (").code == "syntax"
    assert looked.call_count == 1


def test_the_collector_is_put_off_for_large_texts_only_while_they_are_read() -> None:
    assert gc.isenabled()
    assert len(parse("p(1)" * 20_000)) == 20_000
    assert gc.isenabled()
    assert refusal("p(1)" * 20_000 + "(").code == "syntax"
    assert gc.isenabled()
    with without_collection():
        with without_collection():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


@pytest.mark.parametrize("word", ["not", "or", "in", "true", "null"])
def test_a_statement_may_begin_with_a_policy_named_like_a_word(word: str) -> None:
    first, second = parse(f"p(x) :- q(x), x > 3\n{word}-a:p(1)")
    assert (first.head.policy, second.head.policy, second.head.table) == (None, f"{word}-a", "p")
