"""Policy text laid out in the one usual way; the rules stay what they are, and so do comments.

Before: `@id("A")  p( x ):-q(x),  r(x,0x10).  # why`; after:

    @id("A")
    p(x) :- q(x), r(x, 0x10)  # why

A rule that stood on one line stays on one if it fits, else each condition has its own. Statements
end without a mark. A rule with a comment inside keeps its lines, as it has no better ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from congress_dist.errors import InternalError

from ..language.ast import Constant, Rule
from ..language.grammar import parse
from ..language.printer import print_pieces, print_value
from ..language.structure import blank_comments

WIDTH = 99
_INDENT = "    "


@dataclass(frozen=True, slots=True)
class _Item:
    """A statement or a comment, with its place in the old text."""

    start: int
    end: int
    lines: Sequence[str]
    is_comment: bool


def lay_out(text: str, *, source: str) -> str:
    """Give the text with the usual spaces and line ends.

    Promises: the rules are the same, in the same order; every comment is there, in its place among
        them; laying out again changes nothing.
    Raises: PolicyError: the text cannot be read.
    """
    rules = parse(text, source=source)
    comments = list(_comments(text))
    items = [*_statements(text, rules, comments), *_comment_items(text, rules, comments)]
    new = _joined(text, sorted(items, key=lambda item: item.start))
    if parse(new, source=source) != rules or _texts(new) != _texts(text):
        raise InternalError(f"laying out '{source}' would have changed it; it stays as it is")
    return new


def _statements(
    text: str, rules: Sequence[Rule], comments: Sequence[tuple[int, int]]
) -> Iterator[_Item]:
    inside = iter(comments)
    comment = next(inside, None)
    for rule in rules:
        start, end = rule.span.start, rule.span.end
        while comment is not None and comment[1] <= start:
            comment = next(inside, None)
        if comment is not None and comment[0] < end:
            lines = [line.rstrip() for line in text[start:end].split("\n")]
        else:
            lines = list(_rule_lines(rule, text))
        yield _Item(start, end, lines, is_comment=False)


def _comment_items(
    text: str, rules: Sequence[Rule], comments: Sequence[tuple[int, int]]
) -> Iterator[_Item]:
    """Give the comments between statements."""
    statements = iter(rules)
    rule = next(statements, None)
    for start, end in comments:
        while rule is not None and rule.span.end <= start:
            rule = next(statements, None)
        if rule is None or start < rule.span.start:
            lines = [line.rstrip() for line in text[start:end].split("\n")]
            yield _Item(start, end, lines, is_comment=True)


def _joined(text: str, items: Sequence[_Item]) -> str:
    """Put items one below the other, with one blank line where there was one at least."""
    lines: list[str] = []
    before: _Item | None = None
    for item in items:
        between = "" if before is None else text[before.end : item.start]
        ends_line = before is not None and before.lines[-1].lstrip().startswith(("#", "//"))
        if before is not None and item.is_comment and "\n" not in between and not ends_line:
            lines[-1] += f"  {item.lines[0]}"
            lines += item.lines[1:]
        else:
            if between.count("\n") > 1:
                lines.append("")
            lines += item.lines
        before = item
    return "".join(f"{line}\n" for line in lines)


def _rule_lines(rule: Rule, text: str) -> Iterator[str]:
    def written(constant: Constant) -> str:
        return _constant_text(constant, text)

    for annotation in rule.annotations:
        yield f"@{annotation.name}({print_value(annotation.value)})"
    head = "".join(print_pieces(rule.head, written))
    head = f"{rule.modal}[{head}]" if rule.modal else head
    if rule.body is None:
        yield head
        return
    body = [print_pieces(conjunct, written) for conjunct in rule.body]
    one_line = f"{head} :- {', '.join(''.join(pieces) for pieces in body)}"
    was_one_line = "\n" not in text[rule.head.span.start : rule.span.end]
    if was_one_line and len(one_line) <= WIDTH and "\n" not in one_line:
        yield one_line
        return
    yield f"{head} :-"
    for number, pieces in enumerate(body):
        end = "" if number == len(body) - 1 else ","
        yield from _filled([*pieces, end])


def _filled(pieces: Sequence[str]) -> Iterator[str]:
    """Break one condition that does not fit on a line: after its first bracket, then where needed.

    After: `    nova:servers(`, below it `        id=x, name=y, …)`.
    """
    whole = _INDENT + "".join(pieces)
    if len(whole) <= WIDTH or "\n" in whole:
        yield whole
        return
    line = _INDENT
    opening = next((n for n, piece in enumerate(pieces) if piece.endswith("(")), -1) + 1
    if opening:
        yield line + "".join(pieces[:opening])
        line = 2 * _INDENT
    for unit in _units(pieces[opening:]):
        if len(line) + len(unit.rstrip()) > WIDTH and line.strip():
            yield line.rstrip()
            line = 2 * _INDENT
        line += unit
    yield line.rstrip()


def _units(pieces: Sequence[str]) -> Iterator[str]:
    """Join pieces between which no line may break."""
    unit = ""
    for piece in pieces:
        if piece == " or ":
            yield f"{unit} "
            unit = "or "
        else:
            unit += piece
            if piece == ", ":
                yield unit
                unit = ""
    yield unit


def _constant_text(constant: Constant, text: str) -> str:
    """Write a constant; numbers, and text over several lines, as they stood."""
    given = text[constant.span.start : constant.span.end]
    is_number = isinstance(constant.value, int | float) and not isinstance(constant.value, bool)
    if given and (is_number or given.startswith(('"""', "'''"))):
        return given
    return print_value(constant.value)


def _comments(text: str) -> Iterator[tuple[int, int]]:
    """Give start and end of each comment: what is blank once comments are blanked."""
    blanked = blank_comments(text)
    if blanked == text:
        return
    position = 0
    for line_start, old, new in _lines(text, blanked):
        if old == new or line_start + len(old) <= position:
            continue
        for offset in range(max(0, position - line_start), len(old)):
            start = line_start + offset
            if start >= position and old[offset] != new[offset]:
                is_block = text.startswith("/*", start)
                position = text.index("*/", start + 2) + 2 if is_block else line_start + len(old)
                yield start, position


def _lines(text: str, blanked: str) -> Iterator[tuple[int, str, str]]:
    start = 0
    for old, new in zip(text.split("\n"), blanked.split("\n"), strict=True):
        yield start, old, new
        start += len(old) + 1


def _texts(text: str) -> list[list[str]]:
    """Give what the comments say, without their indentation."""
    return [
        [line.strip() for line in text[start:end].split("\n")] for start, end in _comments(text)
    ]
