"""Productions of atoms: a simple one is one token, others take their arguments as a bracket."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pyparsing as pp

from .ast import Aggregate, Argument, Atom, Expression, Span, Variable
from .expressions import check_depth, read_expression
from .lexical import (
    ARGUMENT_SCALAR,
    ARGUMENTS,
    COLUMN,
    FLAGS,
    INTEGER,
    NAME,
    NULLARY_END,
    POLICY,
    SUFFIX,
    TABLE,
    SyntaxFault,
)
from .reading import (
    Element,
    Match,
    Source,
    Token,
    span_of,
    term_of,
)

ATOM_HEAD = rf"(?:(?P<policy>{POLICY}):)?+(?P<table>{TABLE}{SUFFIX})"
SIMPLE_ATOM = rf"{ATOM_HEAD}(?:\s*+(?P<arguments>{ARGUMENTS})|{NULLARY_END})"
_NAMES = rf"\(\s*+{NAME}(?:\s*+,\s*+{NAME})*+\s*+\)"
_AGGREGATE = re.compile(rf"(?P<function>count|sum|min|max|avg){_NAMES}", FLAGS)
_LONE_SCALAR = re.compile(rf"(?:{ARGUMENT_SCALAR})(?=\s*+[,)])", FLAGS)
"""A term that is the whole argument: here `5.` is a float."""
_OPERATION = re.compile(rf"(?>{NAME}|{INTEGER})\s*+[-+*/%]", FLAGS)
_COLUMN = re.compile(rf"\s*+(?P<column>{COLUMN})\s*+=\s*+", FLAGS)
_SPACE = re.compile(r"\s++", FLAGS)
_ARGUMENT_END = re.compile(r"\s*+(?P<end>[,)])\s*+", FLAGS)
_TERM_ARGUMENT = rf"(?:(?P<column>{COLUMN})\s*+=\s*+)?(?:{ARGUMENT_SCALAR})"
_ARGUMENT = re.compile(_TERM_ARGUMENT, FLAGS)
_LONE_ARGUMENT = re.compile(rf"\s*+{_TERM_ARGUMENT}\s*+(?:,\s*+(?!\))|(?=\)))", FLAGS)
"""With the comma behind it, or before the closing bracket."""
_NAME = re.compile(NAME, FLAGS)


def simple_atom() -> pp.ParserElement:
    """Give the production of an atom whose arguments are single terms."""
    return Token(SIMPLE_ATOM, atom_of, "a table")


def any_atom() -> pp.ParserElement:
    """Give the production of every atom."""
    call = CallToken(ATOM_HEAD, lambda _source, _match, atom: atom, "a table")
    bare = Token(ATOM_HEAD, _bare_atom, "a table")
    return (simple_atom() | call | bare).set_name("a table")


class CallToken(Element):
    """Reads an atom whose arguments are a bracket, with what `pattern` has before the atom."""

    def __init__(
        self, pattern: str, build: Callable[[Source, Match, Atom], Any], name: str
    ) -> None:
        super().__init__(name)
        self._match = re.compile(rf"{pattern}\s*+(?=\()", FLAGS).match
        self._build = build

    def parseImpl(self, instring: Any, loc: int, do_actions: bool = True) -> Any:  # noqa: ARG002, N802
        """Give what `build` makes of the match and the atom, or raise ParseException."""
        match = self._match(instring, loc)
        atom = called_atom(instring, match) if match else None
        if match is None or atom is None:
            raise pp.ParseException(instring, loc, self.errmsg, self)
        return atom.span.end, [self._build(instring, match, atom)]


class ArgumentsToken(Element):
    """Reads the arguments of an atom in one go, with the closing bracket."""

    def __init__(self) -> None:
        super().__init__("an argument or ')'")

    def parseImpl(self, instring: Any, loc: int, do_actions: bool = True) -> Any:  # noqa: ARG002, N802
        """Give the arguments, or raise what keeps them from being read."""
        position, arguments = read_arguments(instring, loc)
        return position, [arguments]


def read_arguments(source: Source, start: int) -> tuple[int, tuple[Argument, ...]]:
    """Give the arguments at a place, with the place behind their closing bracket.

    Raises: ParseException: something else stands there; SyntaxFault: an argument is wrong.
    """
    found: list[Argument] = []
    position, expected = start, "Expected an argument or ')'"
    while True:
        lone = _LONE_ARGUMENT.match(source, position)
        if lone is not None:
            found.append(_argument_of(source, lone))
            position, expected = lone.end(), "Expected an argument"
            if source.startswith(")", position):
                return position + 1, tuple(found)
            continue
        space = _SPACE.match(source, position)
        if space is not None:
            position = space.end()
        if not found and source.startswith(")", position):
            return position + 1, ()
        position, argument = _argument(source, position, expected)
        found.append(argument)
        end = _ARGUMENT_END.match(source, position)
        if end is None:
            raise pp.ParseException(source, position, "Expected ',' or ')'")
        if end["end"] == ")":
            return end.end("end"), tuple(found)
        position, expected = end.end(), "Expected an argument"


def _argument(source: Source, start: int, expected: str) -> tuple[int, Argument]:
    column = _COLUMN.match(source, start)
    place = start if column is None else column.end()
    read = _value(source, place)
    if read is None:
        message = expected if column is None else "Expected an argument"
        raise pp.ParseException(source, place, message)
    position, value = read
    check_depth(value)
    if column is None:
        return position, Argument(value, None, value.span)
    span = Span(column.start("column"), value.span.end, source.name)
    return position, Argument(value, _column_of(column["column"]), span)


def _value(source: Source, start: int) -> tuple[int, Expression] | None:
    """Give the value of an argument that begins at a place, with the place behind it."""
    if _OPERATION.match(source, start):
        return read_expression(source, start)
    aggregate = _AGGREGATE.match(source, start)
    if aggregate is not None:
        return aggregate.end(), _aggregate(source, aggregate)
    scalar = _LONE_SCALAR.match(source, start)
    if scalar is not None:
        return scalar.end(), term_of(source, scalar)
    return read_expression(source, start)


def called_atom(source: Source, match: Match) -> Atom | None:
    """Build the atom whose bracket follows a match of ATOM_HEAD; None when it holds no arguments.

    Raises: SyntaxFault: the arguments cannot be read.
    """
    found = source.read_inside(read_arguments, match.end())
    if found is None:
        reading = source.reading_at(match.end())
        if reading is None or reading.kind != "arguments":
            return None
        if reading.fault is not None:
            raise reading.fault
        found = reading.end, reading.value
    end, arguments = found
    policy = match["policy"]
    span = Span(match.start("table" if policy is None else "policy"), end, source.name)
    return Atom(match["table"], arguments, policy, span)


def atom_of(source: Source, match: Match) -> Atom:
    """Build an atom from a match of SIMPLE_ATOM, wherever in a longer match it stands."""
    policy, table = match.group("policy", "table")
    place = match.start("table" if policy is None else "policy")
    start, end = match.span("arguments")
    if start < 0:
        return Atom(table, (), policy, Span(place, match.end("table"), source.name))
    arguments = _ARGUMENT.finditer(source, start + 1, end)
    found = tuple([_argument_of(source, argument) for argument in arguments])
    return Atom(table, found, policy, Span(place, end, source.name))


def _argument_of(source: Source, match: Match) -> Argument:
    """Build an argument that is one term from a match of _ARGUMENT, which may go on behind it."""
    value, column = term_of(source, match), match["column"]
    if column is None:
        return Argument(value, None, value.span)
    span = Span(match.start("column"), value.span.end, source.name)
    return Argument(value, _column_of(column), span)


def _column_of(text: str) -> str | int:
    return int(text[:20]) if text.isdigit() else text


def _bare_atom(source: Source, match: Match) -> Atom:
    return Atom(match["table"], (), match["policy"], span_of(source, match))


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
