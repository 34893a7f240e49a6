"""What is said of a text that the grammar refuses: what was expected, and advice for slips."""

from __future__ import annotations

import re

import pyparsing as pp

from .lexical import FLAGS, NAME, NEGATION, RESERVED, STRING, SyntaxFault
from .reading import Source, skip_space

_FOUND = re.compile(rf"{STRING}|[\w.]++|:-|!=|<=|>=|==|.", FLAGS)
_COMPARISONS = frozenset({"=", "!=", "<", "<=", ">", ">="})
_NEGATED_TERM = re.compile(rf"{NEGATION}\s*(?P<term>{NAME})\s*\Z", FLAGS)
_AGGREGATE_BEFORE = re.compile(r"(?<![\w.:])(?:count|sum|min|max|avg)\([\w., ]*\)\s*\Z", FLAGS)
_RESERVED_TABLE = re.compile(rf"[\w.\-]*+:({'|'.join(RESERVED)})(?!\.*\w)", FLAGS)
_MEMBERSHIP = re.compile(r"(?:not|NOT|!)?\s*+in\s*+\[", FLAGS)
_AGGREGATE_NAME = re.compile(r"(?<![\w.:])(?P<function>count|sum|min|max|avg)\s*\Z", FLAGS)
_SHOWN = 40
_CONDITION_WORDS = ("not", "NOT", "true", "false")
"""Reserved words that a condition may begin with."""
END_OF_RULE = "',' or the end of the rule"
QUERY = "<query>"
"""The name of a query's text."""
_USUAL_HINTS = (
    (
        "condition",
        "conditions are table(x), not table(x), x < y, x in [1, 2], or a group (… or …)",
    ),
    ("rule or a fact", "a fact is table(1, 2); a rule is table(x) :- condition(x)"),
    ("end of the rule", "put a comma between conditions, or a ';' where the rule ends"),
    ("constant", 'constants are 1, 2.5, "text", true, false and null; a list has at least one'),
    ("argument", 'arguments are x, _, 1, "text", x + 1 or column=x, with commas between them'),
    ("annotation", 'annotations look like @id("NET-1")'),
    ("a name and (", 'annotations look like @id("NET-1")'),
    ("a string or a number", 'annotations look like @id("NET-1")'),
    ("term", 'terms are x, 1, 2.5, "text", true, false and null'),
    ("comparison", "compare with =, !=, <, <=, > or >="),
    ("']'", "close the bracket with ']'"),
    ("')'", "close the bracket with ')', or put a comma before the next argument"),
    ("not", "negate a table or a group: not table(x), not (a(x), b(x))"),
)


def fault_of(error: pp.ParseBaseException, source: Source) -> SyntaxFault:
    """Say where a production of the grammar failed, and what it expected there."""
    expected = str(error.msg).removeprefix("Expected ")
    return unexpected(source, skip_space(source, error.loc), expected)


def unexpected(source: Source, position: int, expected: str) -> SyntaxFault:
    """Say that something else stands at a place than what is expected there."""
    match = _FOUND.match(source, position)
    if match is None:
        end = len(source.rstrip())
        message = f"expected {expected}, found the end of the text"
        return SyntaxFault("syntax", message, end, end, hint=_usual(expected))
    token = match[0]
    shown = token if len(token) <= _SHOWN else token[:_SHOWN] + "…"
    note, hint = _advice(token, expected, source, position)
    message, hint = f"expected {expected}, found {shown!r}", hint or _usual(expected)
    return SyntaxFault("syntax", message, position, match.end(), note, hint)


def _usual(expected: str) -> str:
    """Give the hint for what was expected, when nothing is known of what was found."""
    for word, hint in _USUAL_HINTS:
        if word in expected:
            return hint
    return "statements look like: table(x) :- condition(x), not other(x)"


def _advice(found: str, expected: str, source: Source, position: int) -> tuple[str, str]:
    """Give a note and a hint for common slips."""
    before = source[max(0, position - 100) : position]
    if found == "?" or before.rstrip().endswith("?"):
        return "'?' is one value of a prepared query: no name, and no part of a name", ""
    if source.name == QUERY and "a rule or a fact" in expected:
        return "", "ask for one table, as q(x), or write a rule: ans(x) :- q(x), not r(x)"
    if _MEMBERSHIP.match(source, position):
        return "", _hint_for_membership(before)
    if found == "or":
        return "", "put brackets around alternatives: (x = 1 or x = 2)"
    if found in _CONDITION_WORDS and expected == END_OF_RULE:
        return "", ""
    if found in RESERVED:
        return f"'{found}' is a reserved word", "take another name, or put quotes around a text"
    table = _RESERVED_TABLE.match(source, position)
    if table is not None:
        return f"'{table[1]}' is a reserved word", "give the table another name"
    if len(found) == 1 and not found.isascii():
        return _advice_for_character(found)
    aggregate = _AGGREGATE_NAME.search(before) if found == "(" else None
    if aggregate is not None:
        return _advice_for_aggregate(aggregate["function"])
    if found == "(" and before.rstrip()[-1:].isalnum():
        return "", "a table is not a value: call it in a condition of its own, as plus(x, 1, y)"
    if found in ("+", "-") and source[position + 1 : position + 2] == "(":
        return f"'{found}(' without a space names a table of an action", "write spaces around it"
    if found in _COMPARISONS and _NEGATED_TERM.search(before):
        return "'not' stands before a table or a bracket", "compare with the opposite: !=, >= …"
    if _AGGREGATE_BEFORE.search(before):
        return "an aggregate is no part of an expression", "derive it in a table of its own"
    if found in ("&", "|"):
        return "", "join conditions with ',' and alternatives with '(… or …)'"
    return "", ""


def _hint_for_membership(before: str) -> str:
    negated = _NEGATED_TERM.search(before)
    return f"write {negated['term'] if negated else 'x'} not in […]"


def _advice_for_aggregate(function: str) -> tuple[str, str]:
    note = "an aggregate is a whole argument of a head, of variables in brackets that touch it"
    return note, f"write {function}(x), or derive what it is of in a table of its own"


def _advice_for_character(found: str) -> tuple[str, str]:
    if found == "\ufeff":
        return "it is a byte order mark, which shows nowhere", "take it out"
    if found in "“”„‘’‚«»":
        return "", 'put text between " and "'
    note = "names are of the letters a to z and A to Z, digits, '_' and '.'"
    return note, "take another name, or put quotes around a text"


def comma_behind_head(source: Source, position: int) -> SyntaxFault:
    """Say that statements are not joined by commas."""
    note, hint = "a rule has one head", "write one rule for each head"
    if source.name == QUERY:
        asked = " ".join(source[:_SHOWN].split()) + ("…" if len(source) > _SHOWN else "")
        note, hint = "a query is one table or one rule", f"write a rule: ans(x) :- {asked}"
    elif ":-" not in source[position : position + 1000]:
        note, hint = "", "write facts one after another without commas: p(1) q(2)"
    message = "expected ':-' or the end of the rule, found ','"
    return SyntaxFault("syntax", message, position, position + 1, note, hint)
