"""The grammar: pyparsing over whole-token regular expressions, and what each production means in the syntax tree.

Brackets are read one by one, innermost first, before the statement they stand in; when the grammar comes to a bracket
it takes what was read and goes on behind it. So no production calls itself, and depth costs no stack.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pyparsing as pp

from .ast import (
    Aggregate,
    Alternatives,
    Annotation,
    Argument,
    Atom,
    Body,
    Comparison,
    Conjunct,
    Constant,
    Expression,
    Literal,
    Membership,
    NegatedGroup,
    Negative,
    Operation,
    Span,
    Term,
    Truth,
    Variable,
    Wildcard,
)
from .lexical import (
    ARGUMENT_SCALAR,
    ARGUMENTS,
    COLUMN,
    COMPARE,
    FLAGS,
    MAX_NESTING,
    NAME,
    NEGATION,
    POLICY,
    SCALAR,
    SUFFIX,
    TABLE,
    VALUE,
    SyntaxFault,
    float_value,
    integer_value,
    string_value,
)
from .structure import BracketKind

_WORD_VALUES: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_SCALAR = re.compile(SCALAR, FLAGS)
_ARGUMENT_SCALAR = re.compile(ARGUMENT_SCALAR, FLAGS)
_ARGUMENT = re.compile(rf"(?:(?P<column>{COLUMN})\s*+=\s*+)?(?:{ARGUMENT_SCALAR})", FLAGS)
_AGGREGATES = "count|sum|min|max|avg"
_ATOM_HEAD = rf"(?:(?P<policy>{POLICY}):)?(?P<table>{TABLE}{SUFFIX})"
_WRONG_COMPARISONS = {"==": "=", "<>": "!=", "=<": "<=", "=>": ">="}
_OPERATORS = {"*": 2, "/": 2, "%": 2, "+": 1, "-": 1}

Match = re.Match[str]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a bracket holds, or why it cannot be read; `end` is behind the closing bracket."""

    kind: BracketKind
    end: int
    value: Any = None
    fault: SyntaxFault | None = None


class Source(str):
    """A text on its way through the grammar, with the brackets that were read already, by place."""

    name: str
    readings: dict[int, Reading]


class _BracketToken(pp.Token):
    """Takes a bracket that was read before."""

    def __init__(self, kind: BracketKind, name: str) -> None:
        super().__init__()
        self.kind = kind
        self.set_name(name)
        self.mayIndexError = False

    def parseImpl(self, instring: Source, loc: int, do_actions: bool = True) -> Any:  # noqa: ARG002, N802
        """Give the reading that stands at this place."""
        reading = instring.readings.get(loc)
        if reading is None or reading.kind != self.kind:
            raise pp.ParseException(instring, loc, self.errmsg, self)
        if reading.fault is not None:
            raise reading.fault
        return reading.end, [_Bracketed(reading.value, Span(loc, reading.end, instring.name))]


@dataclass(frozen=True, slots=True)
class _Bracketed:
    value: Any
    span: Span


@dataclass(frozen=True, slots=True)
class Grammar:
    """The productions that are entered from outside."""

    statement: pp.ParserElement
    bracket: dict[BracketKind, pp.ParserElement]


@cache
def grammar() -> Grammar:
    """Build the productions, once."""
    atom = _atom()
    expression = _expression()
    body = _body(atom, expression)
    head = _modal(atom) | atom
    statement = (
        _annotation()[...] + head.set_name("a rule or a fact") + pp.Opt(_token(":-") - body)
    )
    close = _token(r"\)", "',' or ')'")
    alternatives = (body + (_word("or") - body)[...]).set_parse_action(_bodies)
    elements: dict[BracketKind, pp.ParserElement] = {
        "arguments": pp.Opt(_arguments(expression)).set_parse_action(_together) + close,
        "expression": expression + close.copy().set_name("an operator or ')'"),
        "bodies": alternatives + close.copy().set_name("',', 'or' or ')'"),
    }
    for element in (statement, *elements.values()):
        element.streamline()
    return Grammar(statement, elements)


def _token(pattern: str, name: str | None = None) -> pp.ParserElement:
    element = pp.Regex(re.compile(pattern, FLAGS)).suppress()
    return element.set_name(name or f"'{pattern}'")


def _word(word: str) -> pp.ParserElement:
    return _token(rf"{word}(?!\.*\w)", f"'{word}'")


def _match(pattern: str, action: Callable[..., Any] | None, name: str) -> pp.ParserElement:
    element = pp.Regex(re.compile(pattern, FLAGS), as_match=True).set_name(name)
    return element.set_parse_action(action) if action else element


# Atoms.


def _atom() -> pp.ParserElement:
    simple = _match(rf"{_ATOM_HEAD}\s*+(?P<arguments>{ARGUMENTS})", _simple_atom, "a table")
    general = _match(_ATOM_HEAD, None, "a table") + pp.Opt(_BracketToken("arguments", "arguments"))
    return (simple | general.set_parse_action(_general_atom)).set_name("a table")


def _arguments(expression: pp.ParserElement) -> pp.ParserElement:
    column = _match(rf"(?P<column>{COLUMN})\s*+=", None, "a column")
    aggregate = _match(
        rf"(?P<function>{_AGGREGATES})\(\s*+{NAME}(?:\s*+,\s*+{NAME})*+\s*+\)",
        _aggregate,
        "aggregate",
    )
    prepared = _token(r"\?").set_parse_action(_refuse_prepared)
    argument_float = _match(rf"(?:{ARGUMENT_SCALAR})(?=\s*+[,)])", _argument_scalar, "a term")
    value = aggregate | prepared | argument_float | expression
    argument = (pp.Opt(column) + value.set_name("an argument")).set_parse_action(_argument)
    return argument + (_token(",") - argument)[...]


def _simple_atom(source: Source, _start: int, tokens: pp.ParseResults) -> Atom:
    return _atom_of(tokens[0], source)


def _atom_of(match: Match, source: Source) -> Atom:
    arguments = tuple(_cut_arguments(match, source))
    start = match.start("table") if match["policy"] is None else match.start("policy")
    return Atom(match["table"], arguments, match["policy"], Span(start, match.end(), source.name))


def _cut_arguments(match: Match, source: Source) -> list[Argument]:
    arguments = []
    name = source.name
    for found in _ARGUMENT.finditer(source, match.start("arguments") + 1, match.end()):
        value = _scalar_of(found, name)
        column = found["column"]
        if column is None:
            arguments.append(Argument(value, None, value.span))
        else:
            span = Span(found.start(), found.end(), name)
            arguments.append(Argument(value, _column_of(column), span))
    return arguments


def _column_of(text: str) -> str | int:
    return int(text[:20]) if text.isdigit() else text


def _scalar_of(match: Match, name: str) -> Term:
    kind = match.lastgroup
    start, end = match.span(kind or 0)
    token, span = match[kind or 0], Span(start, end, name)
    if kind == "name":
        return Wildcard(span) if token == "_" else Variable(token, span)
    if kind == "string":
        return Constant(string_value(token, start), span)
    if kind == "integer":
        return Constant(integer_value(token, start), span)
    if kind == "float":
        return Constant(float_value(token, start), span)
    return Constant(_WORD_VALUES[token], span)


def _general_atom(source: Source, _start: int, tokens: pp.ParseResults) -> Atom:
    match: Match = tokens[0]
    arguments: tuple[Argument, ...] = tokens[1].value if len(tokens) > 1 else ()
    end = tokens[1].span.end if len(tokens) > 1 else match.end()
    return Atom(match["table"], arguments, match["policy"], Span(match.start(), end, source.name))


def _aggregate(source: Source, _start: int, tokens: pp.ParseResults) -> Aggregate:
    match: Match = tokens[0]
    names = re.compile(NAME, FLAGS).finditer(source, match.end("function") + 1, match.end())
    variables = tuple(Variable(n[0], Span(n.start(), n.end(), source.name)) for n in names)
    span = Span(match.start(), match.end(), source.name)
    return Aggregate(match["function"], variables, span)  # type: ignore[arg-type]


def _refuse_prepared(_source: Source, start: int, _tokens: pp.ParseResults) -> None:
    raise SyntaxFault(
        "not-supported",
        "'?' is not supported yet",
        start,
        start + 1,
        note="it stands for a term that a prepared query is given later",
    )


def _argument_scalar(source: Source, _start: int, tokens: pp.ParseResults) -> Term:
    match = _ARGUMENT_SCALAR.match(source, tokens[0].start())
    return _scalar_of(match, source.name)  # type: ignore[arg-type]


def _argument(source: Source, _start: int, tokens: pp.ParseResults) -> Argument:
    value: Expression = tokens[-1]
    _check_depth(value)
    if len(tokens) == 1:
        return Argument(value, None, value.span)
    match: Match = tokens[0]
    span = Span(match.start(), value.span.end, source.name)
    return Argument(value, _column_of(match["column"]), span)


def _together(_source: Source, _start: int, tokens: pp.ParseResults) -> tuple[Any, ...]:
    return tuple(tokens)


# Expressions.


def _expression() -> pp.ParserElement:
    scalar = _match(SCALAR, _scalar, "a term")
    minus = _match(r"-", None, "'-'")
    operand = minus[...] + (scalar | _BracketToken("expression", "a term"))
    operand = operand.set_parse_action(_operand).set_name("a term")
    operator = pp.Regex(r"[-+*/%]")
    return (operand + (operator + operand)[...]).set_parse_action(_fold).set_name("a term")


def _scalar(source: Source, _start: int, tokens: pp.ParseResults) -> Term:
    return _scalar_of(tokens[0], source.name)


def _operand(source: Source, _start: int, tokens: pp.ParseResults) -> Expression:
    value: Expression = tokens[-1].value if isinstance(tokens[-1], _Bracketed) else tokens[-1]
    for minus in reversed(tokens[:-1]):
        span = Span(minus.start(), value.span.end, source.name)
        if isinstance(value, Constant) and type(value.value) in (int, float):
            value = Constant(0 - value.value, span)  # type: ignore[operator]
        else:
            value = Negative(value, span)
    return value


def _fold(source: Source, _start: int, tokens: pp.ParseResults) -> Expression:
    """Apply the operators by their strength, left to right: products first, then sums."""
    items = list(tokens)
    for strength in (2, 1):
        folded = [items[0]]
        for operator, right in zip(items[1::2], items[2::2], strict=True):
            if _OPERATORS[operator] == strength:
                left: Expression = folded[-1]
                span = Span(left.span.start, right.span.end, source.name)
                folded[-1] = Operation(operator, left, right, span)
            else:
                folded += [operator, right]
        items = folded
    expression: Expression = items[0]
    return expression


def _check_depth(expression: Expression) -> None:
    stack: list[tuple[Expression, int]] = [(expression, 0)]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_NESTING:
            raise SyntaxFault(
                "too-deep",
                f"the expression nests deeper than {MAX_NESTING}",
                expression.span.start,
                expression.span.end,
                hint="compute a part of it in a variable of its own",
            )
        if isinstance(node, Operation):
            stack += [(node.left, depth + 1), (node.right, depth + 1)]
        elif isinstance(node, Negative):
            stack.append((node.operand, depth + 1))


# Bodies.


def _body(atom: pp.ParserElement, expression: pp.ParserElement) -> pp.ParserElement:
    literal = _match(
        rf"(?:(?P<negation>{NEGATION})\s*+)?{_ATOM_HEAD}\s*+(?P<arguments>{ARGUMENTS})",
        _simple_literal,
        "a condition",
    )
    comparison = _match(
        rf"{VALUE}\s*+(?P<operator>{COMPARE})\s*+(?P<right>{VALUE})(?!\s*+[-+*/%(])",
        _simple_comparison,
        "a condition",
    )
    group = _BracketToken("bodies", "a condition").set_parse_action(_alternatives)
    truth = _match(r"(?:true|false)(?!\.*\w)", _truth, "true or false")
    negated_group = _BracketToken("bodies", "a group")
    negatable = (negated_group | truth | atom).set_name("a table or a group")
    negated = (_match(NEGATION, None, "'not'") - negatable).set_parse_action(_negated)
    positive = atom.copy().add_parse_action(_positive)
    operator = _match(rf"==|<>|=<|=>|{COMPARE}", _operator, "a comparison")
    general = (expression + operator - expression).set_parse_action(_comparison)
    conjunct = literal | comparison | _membership() | group | negated | general | truth | positive
    conjunct.set_name("a condition")
    return (conjunct + (_token(",") - conjunct)[...]).set_parse_action(_together)


def _membership() -> pp.ParserElement:
    start = _match(rf"{VALUE}\s*+(?P<negation>not\s++)?in\s*+\[", None, "a term in a list")
    constant = _match(rf"(?!{NAME}){VALUE}(?=\s*+[,\]])", _scalar_again, "a constant")
    end = _match(r"\]", None, "',' or ']'")
    element = start - constant + (_token(",") - constant)[...] - end
    return element.set_parse_action(_member)


def _simple_literal(source: Source, _start: int, tokens: pp.ParseResults) -> Literal:
    match: Match = tokens[0]
    span = Span(match.start(), match.end(), source.name)
    return Literal(_atom_of(match, source), match["negation"] is not None, span)


def _positive(_source: Source, _start: int, tokens: pp.ParseResults) -> Literal:
    atom: Atom = tokens[0]
    return Literal(atom, False, atom.span)


def _simple_comparison(source: Source, start: int, tokens: pp.ParseResults) -> Comparison:
    match: Match = tokens[0]
    left = _scalar_at(source, start)
    right = _scalar_at(source, match.start("right"))
    span = Span(start, match.end(), source.name)
    return Comparison(match["operator"], left, right, span)  # type: ignore[arg-type]


def _scalar_at(source: Source, start: int) -> Term:
    match = _SCALAR.match(source, start)
    return _scalar_of(match, source.name)  # type: ignore[arg-type]


def _scalar_again(source: Source, start: int, _tokens: pp.ParseResults) -> Term:
    return _scalar_at(source, start)


def _alternatives(_source: Source, _start: int, tokens: pp.ParseResults) -> Alternatives:
    bracket: _Bracketed = tokens[0]
    return Alternatives(bracket.value, bracket.span)


def _truth(source: Source, _start: int, tokens: pp.ParseResults) -> Truth:
    match: Match = tokens[0]
    return Truth(match[0] == "true", Span(match.start(), match.end(), source.name))


def _negated(source: Source, start: int, tokens: pp.ParseResults) -> Conjunct:
    subject = tokens[1]
    span = Span(start, subject.span.end, source.name)
    if isinstance(subject, Truth):
        return Truth(not subject.value, span)
    if isinstance(subject, Atom):
        return Literal(subject, True, span)
    return NegatedGroup(subject.value, span)


def _operator(_source: Source, start: int, tokens: pp.ParseResults) -> str:
    text: str = tokens[0][0]
    if text in _WRONG_COMPARISONS:
        right = _WRONG_COMPARISONS[text]
        raise SyntaxFault(
            "syntax", f"'{text}' is not a comparison", start, start + 2, hint=f"write {right}"
        )
    return text


def _comparison(source: Source, _start: int, tokens: pp.ParseResults) -> Comparison:
    left, operator, right = tokens
    _check_depth(left)
    _check_depth(right)
    return Comparison(operator, left, right, Span(left.span.start, right.span.end, source.name))


def _member(source: Source, start: int, tokens: pp.ParseResults) -> Membership:
    head, end = tokens[0], tokens[-1]
    constants: tuple[Constant, ...] = tuple(tokens[1:-1])
    span = Span(start, end.end(), source.name)
    return Membership(_scalar_at(source, start), constants, head["negation"] is not None, span)


def _bodies(_source: Source, _start: int, tokens: pp.ParseResults) -> tuple[Body, ...]:
    return tuple(tokens)


# What stands before a body.


def _modal(atom: pp.ParserElement) -> pp.ParserElement:
    start = _match(rf"(?P<modal>{NAME})\s*+\[", _modal_name, "a modal")
    return start - atom - _token(r"\]", "']'")


def _modal_name(_source: Source, start: int, tokens: pp.ParseResults) -> str:
    match: Match = tokens[0]
    if match["modal"] not in ("execute", "ensure"):
        raise SyntaxFault(
            "modal",
            f"'{match['modal']}[…]' is not something a rule can ask for",
            start,
            match.end("modal"),
            hint="heads may be execute[…] or ensure[…]",
        )
    return match["modal"]


def _annotation() -> pp.ParserElement:
    start = _match(rf"@\s*+(?P<name>{NAME})\s*+\(", None, "an annotation")
    value = _match(rf"{VALUE}(?=\s*+\))", _scalar_again, "a string or a number")
    wrong = _token("@", "an annotation") - start
    element = start - value - _match(r"\)", None, "')'")
    return element.set_parse_action(_annotated) | wrong


def _annotated(source: Source, start: int, tokens: pp.ParseResults) -> Annotation:
    head, value, end = tokens
    span = Span(start, end.end(), source.name)
    if not isinstance(value, Constant):
        raise SyntaxFault(
            "annotation",
            f"the value of @{head['name']} is not a constant",
            value.span.start,
            value.span.end,
            hint="write it in quotes: @" + head["name"] + '("…")',
        )
    return Annotation(head["name"], value.value, span)
