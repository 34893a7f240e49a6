"""How tokens and brackets pass through pyparsing: a token is one regular expression.

Where the grammar comes to a bracket it reads all that stand inside of it, innermost first, then
the bracket itself, and goes on behind it. So no production calls itself, depth costs no stack, and
nothing is read behind the first error. Shallow brackets of plain statements are spared this: they
are read on the way.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import pyparsing as pp

from .ast import Constant, Span, Term, Variable, Wildcard
from .lexical import (
    FLAGS,
    MAX_LITERALS,
    SCALAR,
    SyntaxFault,
    float_value,
    integer_value,
    string_value,
)
from .structure import Bracket, BracketKind, brackets_of

Match = re.Match[str]
Found = tuple[int, Any]
"""The place behind what was read, and what it is."""
_WORD_VALUES: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_SCALAR = re.compile(SCALAR, FLAGS)
_SPACE = re.compile(r"\s*+", FLAGS)
_WHITE_SPACE = " \t\n\r\f\v"
_SHALLOW = 8
"""Brackets that are read on the way, each inside of the last, before depth may cost stack."""


@dataclass(slots=True)
class Reading:
    """What a bracket holds, or why it cannot be read; `end` is behind the closing bracket."""

    kind: BracketKind
    end: int
    value: Any = None
    fault: SyntaxFault | None = None


class Source(str):
    """A text on its way through the grammar, with its brackets, and what was read of them."""

    __slots__ = (
        "brackets",
        "depth",
        "fault",
        "is_prepared",
        "literals",
        "name",
        "numbers",
        "operators",
        "read",
        "readings",
    )

    name: str
    brackets: list[Bracket] | None
    """None until the first one is asked for: most texts have but brackets that need no list."""
    fault: SyntaxFault | None
    """What is wrong with them: the whole text is looked through once, also where it fails."""
    is_prepared: bool
    """It is the text of a prepared query, in which `?` is a term."""
    numbers: dict[int, int]
    """The brackets' numbers by place."""
    readings: dict[int, Reading]
    """By place."""
    read: Callable[[Source, Bracket], Reading]
    """Reads a bracket of which those inside are read."""
    literals: int
    """How many literals were read in this statement or bracket; `operators` likewise."""
    operators: int
    depth: int
    """In how many brackets stands what is read on the way."""

    def begin(self, *, is_plain: bool) -> None:
        """Begin a statement or bracket: count anew; tell whether brackets are read on the way."""
        self.literals = self.operators = 0
        self.depth = 0 if is_plain else _SHALLOW

    def read_inside(self, read: Callable[[Source, int], Found | None], place: int) -> Found | None:
        """Let `read` read what stands in the bracket at a place, with the place behind it.

        None: it cannot, or the bracket was read before, or is to be read by `reading_at`.
        """
        if self.depth == _SHALLOW or (self.readings and place in self.readings):
            return None
        operators = self.operators
        self.operators = 0
        self.depth += 1
        try:
            return read(self, place + 1)
        except (SyntaxFault, pp.ParseException):
            return None  # `reading_at` finds what is to be said
        finally:
            self.operators = operators
            self.depth -= 1

    def look_at_brackets(self) -> list[Bracket]:
        """Give the brackets of the whole text.

        Raises: SyntaxFault: a bracket, string or comment that does not end, nesting too deep.
        """
        if self.fault is not None:
            raise self.fault
        if self.brackets is None:
            try:
                self.brackets = brackets_of(self)
            except SyntaxFault as fault:
                self.fault = fault
                raise
            self.numbers = {bracket.open: bracket.number for bracket in self.brackets}
        return self.brackets

    def reading_at(self, place: int) -> Reading | None:
        """Give what the bracket at a place holds; None when none opens there.

        Raises: as `look_at_brackets`.
        """
        reading = self.readings.get(place)
        if reading is not None:
            return reading
        brackets = self.look_at_brackets()
        number = self.numbers.get(place)
        if number is None:
            return None
        counts = self.literals, self.operators, self.depth
        for inner in brackets[brackets[number].first : number + 1]:
            if inner.open not in self.readings:
                self.readings[inner.open] = self.read(self, inner)
        self.literals, self.operators, self.depth = counts
        return self.readings[place]


Build = Callable[[Source, Match], Any]
Action = Callable[[Source, int, pp.ParseResults], Any]


class Element(pp.Token):
    """An element of the grammar; white space before it is what regular expressions take for it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.mayIndexError = False
        self.set_whitespace_chars(_WHITE_SPACE)
        self.set_name(name)


class Token(Element):
    """Matches one regular expression and gives what `build` makes of the match; None: nothing."""

    def __init__(self, pattern: str, build: Build | None, name: str) -> None:
        super().__init__(name)
        self._match = re.compile(pattern, FLAGS).match
        self._build = build

    def parseImpl(self, instring: Any, loc: int, do_actions: bool = True) -> Any:  # noqa: ARG002, N802
        """Match at this place, or raise ParseException."""
        match = self._match(instring, loc)
        if match is None:
            raise pp.ParseException(instring, loc, self.errmsg, self)
        return match.end(), [self._build(instring, match)] if self._build else []


class Counted(Token):
    """A token that is counted as the beginning of one more literal."""

    def parseImpl(self, instring: Any, loc: int, do_actions: bool = True) -> Any:  # noqa: N802
        """Match and count. Raises: SyntaxFault: these are too many literals for one rule."""
        result = super().parseImpl(instring, loc, do_actions)
        instring.literals += 1
        if instring.literals > MAX_LITERALS:
            raise too_many_literals(loc, result[0])
        return result


class BracketToken(Element):
    """Takes a bracket that was read before."""

    def __init__(self, kind: BracketKind, name: str) -> None:
        super().__init__(name)
        self._kind = kind

    def parseImpl(self, instring: Any, loc: int, do_actions: bool = True) -> Any:  # noqa: ARG002, N802
        """Give the reading that stands at this place, or raise what kept it from being read."""
        reading = instring.reading_at(loc)
        if reading is None or reading.kind != self._kind:
            raise pp.ParseException(instring, loc, self.errmsg, self)
        if reading.fault is not None:
            raise reading.fault
        return reading.end, [Bracketed(reading.value, Span(loc, reading.end, instring.name))]


@dataclass(frozen=True, slots=True)
class Bracketed:
    """What stands in a bracket, with the bracket's span."""

    value: Any
    span: Span


def built(element: pp.ParserElement, action: Action) -> pp.ParserElement:
    """Let an element give what an action makes of its tokens."""
    return element.set_parse_action(cast("Callable[[str, int, pp.ParseResults], Any]", action))


def symbol(pattern: str, name: str | None = None) -> Token:
    """Make a token of which only the presence matters."""
    return Token(pattern, None, name or f"'{pattern}'")


def keep_match(_source: Source, match: Match) -> Match:
    """Build nothing: what comes later needs the match."""
    return match


def skip_space(source: str, position: int) -> int:
    """Give the first place from here on where no white space stands."""
    match = _SPACE.match(source, position)
    return match.end() if match else position


def too_many_literals(start: int, end: int) -> SyntaxFault:
    """Make the fault of a rule that is too long."""
    return SyntaxFault(
        "too-large",
        f"the rule has more than {MAX_LITERALS} literals",
        start,
        end,
        hint="give a part of the rule a table of its own",
    )


def span_of(source: Source, match: Match) -> Span:
    """Give the span of a match."""
    return Span(match.start(), match.end(), source.name)


def together(_source: Source, _start: int, tokens: pp.ParseResults) -> tuple[Any, ...]:
    """Give what was parsed as one tuple."""
    return tuple(tokens)


def term_of(source: Source, match: Match) -> Term:
    """Build a term from a match of SCALAR, wherever in a longer match it stands."""
    kind = match.lastgroup
    start, end = match.span(kind or 0)
    text, span = source[start:end], Span(start, end, source.name)
    if kind == "name":
        return Wildcard(span) if text == "_" else Variable(text, span)
    if kind == "string":
        return Constant(string_value(text, start), span)
    if kind == "integer":
        return Constant(integer_value(text, start), span)
    if kind == "float":
        return Constant(float_value(text, start), span)
    return Constant(_WORD_VALUES[text], span)


def term_at(source: Source, start: int) -> Term:
    """Build the term at a place where one is known to stand."""
    match = _SCALAR.match(source, start)
    if match is None:
        raise SyntaxFault(
            "syntax", "expected a term", start, start, hint="name a variable or write a constant"
        )
    return term_of(source, match)


def term_again(source: Source, match: Match) -> Term:
    """Build the term at which a match begins."""
    return term_at(source, match.start())
