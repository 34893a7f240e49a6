"""Productions of atoms: a simple one is one token, others take their arguments as a bracket."""

from __future__ import annotations

import re

import pyparsing as pp

from .ast import Aggregate, Argument, Atom, Expression, Span, Term, Variable
from .expressions import check_depth
from .lexical import (
    ARGUMENT_SCALAR,
    ARGUMENTS,
    COLUMN,
    FLAGS,
    NAME,
    NULLARY_END,
    POLICY,
    SUFFIX,
    TABLE,
    SyntaxFault,
)
from .reading import (
    BracketToken,
    Match,
    Source,
    Token,
    built,
    keep_match,
    span_of,
    symbol,
    term_of,
    together,
)

ATOM_HEAD = rf"(?:(?P<policy>{POLICY}):)?(?P<table>{TABLE}{SUFFIX})"
SIMPLE_ATOM = rf"{ATOM_HEAD}(?:\s*+(?P<arguments>{ARGUMENTS})|{NULLARY_END})"
_AGGREGATES = "count|sum|min|max|avg"
_ARGUMENT_SCALAR = re.compile(ARGUMENT_SCALAR, FLAGS)
_ARGUMENT = re.compile(rf"(?:(?P<column>{COLUMN})\s*+=\s*+)?(?:{ARGUMENT_SCALAR})", FLAGS)
_NAME = re.compile(NAME, FLAGS)


def simple_atom() -> pp.ParserElement:
    """Give the production of an atom whose arguments are single terms."""
    return Token(SIMPLE_ATOM, atom_of, "a table")


def any_atom() -> pp.ParserElement:
    """Give the production of every atom."""
    head = Token(ATOM_HEAD, keep_match, "a table")
    general = built(head + pp.Opt(BracketToken("arguments", "arguments")), _atom)
    return (simple_atom() | general).set_name("a table")


def arguments(expression: pp.ParserElement) -> pp.ParserElement:
    """Give the production of the arguments of an atom, with the closing bracket."""
    column = Token(rf"(?P<column>{COLUMN})\s*+=", keep_match, "a column")
    names = rf"\(\s*+{NAME}(?:\s*+,\s*+{NAME})*+\s*+\)"
    aggregate = Token(rf"(?P<function>{_AGGREGATES}){names}", _aggregate, "an aggregate")
    prepared = Token(r"\?", _refuse_prepared, "'?'")
    scalar = Token(rf"(?:{ARGUMENT_SCALAR})(?=\s*+[,)])", _scalar, "a term")
    value = (aggregate | prepared | scalar | expression).set_name("an argument")
    argument = built(column - value | value, _argument)
    some = argument + (symbol(",") - argument)[...] + symbol(r"\)", "',' or ')'")
    return built(symbol(r"\)") | some, together).set_name("an argument or ')'")


def atom_of(source: Source, match: Match) -> Atom:
    """Build an atom from a match of SIMPLE_ATOM, wherever in a longer match it stands."""
    policy = match["policy"]
    place = match.start("table" if policy is None else "policy")
    start, end = match.span("arguments")
    if start < 0:
        return Atom(match["table"], (), policy, Span(place, match.end("table"), source.name))
    found = []
    for argument in _ARGUMENT.finditer(source, start + 1, end):
        value = term_of(source, argument)
        column = argument["column"]
        if column is None:
            found.append(Argument(value, None, value.span))
        else:
            found.append(Argument(value, _column_of(column), span_of(source, argument)))
    return Atom(match["table"], tuple(found), policy, Span(place, end, source.name))


def _column_of(text: str) -> str | int:
    return int(text[:20]) if text.isdigit() else text


def _atom(source: Source, _start: int, tokens: pp.ParseResults) -> Atom:
    match: Match = tokens[0]
    if len(tokens) == 1:
        return Atom(match["table"], (), match["policy"], span_of(source, match))
    span = Span(match.start(), tokens[1].span.end, source.name)
    return Atom(match["table"], tokens[1].value, match["policy"], span)


def _aggregate(source: Source, match: Match) -> Aggregate:
    names = _NAME.finditer(source, match.end("function") + 1, match.end())
    variables = tuple(Variable(name[0], span_of(source, name)) for name in names)
    for variable in variables:
        if variable.name == "_":
            raise SyntaxFault(
                "aggregate",
                f"'_' stands in {match['function']}(…), which needs the values of a variable",
                variable.span.start,
                variable.span.end,
                hint="name a variable that the body binds",
            )
    return Aggregate(match["function"], variables, span_of(source, match))  # type: ignore[arg-type]


def _refuse_prepared(_source: Source, match: Match) -> None:
    raise SyntaxFault(
        "prepared-only",
        "'?' stands in prepared queries only",
        match.start(),
        match.end(),
        note="it stands for a value that is given each time the query is asked",
        hint="write the value itself, or a variable",
    )


def _scalar(source: Source, match: Match) -> Term:
    """Build the term again from its own expression: here `5.` is a float."""
    found = _ARGUMENT_SCALAR.match(source, match.start())
    return term_of(source, found or match)


def _argument(source: Source, _start: int, tokens: pp.ParseResults) -> Argument:
    value: Expression = tokens[-1]
    check_depth(value)
    if len(tokens) == 1:
        return Argument(value, None, value.span)
    column: Match = tokens[0]
    span = Span(column.start(), value.span.end, source.name)
    return Argument(value, _column_of(column["column"]), span)
