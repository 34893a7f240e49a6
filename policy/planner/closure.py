"""Tables that are closures: of a row all columns but one stay, and that one moves along edges.

From nothing the kernel finds such a table's rows breadth first, instead of joining in rounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from congress_dist.errors import InternalError

from .binders import names_in, run_order
from .kernel_rules import AnyKernelRule, KernelRule
from .normal_form import Choice, Condition, Match, NormalRule, Term


@dataclass(frozen=True, slots=True)
class ClosureShape:
    """How a table follows from rows that do not depend on it.

    Shapes: `column` is the one that moves; the `steps` give edges, the `mirrors` swap two columns:
        numbers of rules, in the order in which they were given.
    """

    column: int
    steps: tuple[int, ...]
    mirrors: tuple[int, ...]


def find_closure(rules: Sequence[AnyKernelRule]) -> ClosureShape | None:
    """Tell how the rules of a table make it a closure; None when they do not.

    Steps are `p(x, z) :- p(x, y), q(y, z)` and `p(x, z) :- q(x, y), p(y, z)`, though not both
    kinds: what moves two columns is not found by a search from one. The rows to begin with are
    edges as well for `p(x, z) :- p(x, y), p(y, z)`, which moves whichever column the others do.
    With it the mirror `p(x, y) :- p(y, x)` only has to be applied to the rows to begin with.

    Left to rounds are a mirror beside steps, steps along a chain of tables, as in
    `p(x, z) :- p(x, y), q(y, w), r(w, z)`, and each table with a rule that reports by `@severity`:
    such a rule has a table of its own, so that two depend on each other.
    """
    columns: dict[int, int] = {}
    doubled: list[int] = []
    mirrors: list[int] = []
    for number, rule in enumerate(rules):
        if not isinstance(rule, KernelRule) or not _reads_itself(rule):
            continue
        if _is_mirror(rule):
            mirrors.append(number)
        elif _is_doubled(rule):
            doubled.append(number)
        else:
            column = _moved_column(rule)
            if column is None:
                return None
            columns[number] = column
    if len(set(columns.values())) > 1 or (mirrors and columns) or not (columns or doubled):
        return None
    column = next(iter(columns.values()), 1)
    return ClosureShape(column, tuple(sorted((*columns, *doubled))), tuple(mirrors))


def edges_of(rule: KernelRule, column: int) -> NormalRule:
    """Give what gives the edges of a step, as rows (from, to)."""
    for literal in _own_literals(rule):
        if _differing(rule, literal) == [column]:
            rest = tuple(other for other in rule.body if other is not literal)
            return NormalRule(("", ""), (literal.terms[column], rule.terms[column]), rest)
    raise InternalError(f"{rule} does not move column {column}")


def _moved_column(rule: KernelRule) -> int | None:
    """Give the column that a rule moves along the rows of one other table.

    What it reads beside may only test those rows: a builtin could fail for rows that no search
    comes to, and a join could give more edges than the rounds of the rule would look at.
    """
    own = _own_literals(rule)
    columns = _differing(rule, own[0]) if len(own) == 1 else []
    if len(columns) != 1:
        return None
    (column,) = columns
    edges = edges_of(rule, column)
    if not all(isinstance(literal, Match | Condition | Choice) for literal in edges.body):
        return None
    tables = [o for o in edges.body if isinstance(o, Match) and not o.negated]
    kept = (*rule.terms[:column], *rule.terms[column + 1 :])
    used = {*edges.terms, *names_in(edges.body)}
    if len(tables) != 1 or not _are_variables(kept) or None in used or used & set(kept):
        return None
    known = run_order(o for o in edges.body if not isinstance(o, Choice))[1]
    return column if {term for term in used if isinstance(term, str)} <= known else None


def _is_doubled(rule: KernelRule) -> bool:
    """Tell whether a rule is `p(x, z) :- p(x, y), p(y, z)`."""
    own = _own_literals(rule)
    if len(rule.terms) != 2 or len(own) != 2 or len(rule.body) != 2:
        return False
    left, right = own if own[0].terms[0] == rule.terms[0] else own[::-1]
    joined = (*left.terms, right.terms[1])
    is_joined = left.terms[1] == right.terms[0] and rule.terms == (joined[0], joined[2])
    return is_joined and _are_variables(joined)


def _is_mirror(rule: KernelRule) -> bool:
    """Tell whether a rule is `p(x, y) :- p(y, x)`."""
    own = _own_literals(rule)
    if len(rule.terms) != 2 or len(own) != 1 or len(rule.body) != 1:
        return False
    return own[0].terms == rule.terms[::-1] and _are_variables(rule.terms)


def _reads_itself(rule: KernelRule) -> bool:
    return bool(_own_literals(rule)) or any(_is_own(rule, match) for match in rule.asks())


def _own_literals(rule: KernelRule) -> list[Match]:
    """Give the literals on the table of the head, but those in groups; none is negated."""
    return [match for match in rule.matches() if _is_own(rule, match)]


def _is_own(rule: KernelRule, match: Match) -> bool:
    return (match.table, len(match.terms)) == (rule.head, len(rule.terms))


def _differing(rule: KernelRule, match: Match) -> list[int]:
    """Give the columns in which a literal has another term than the head."""
    pairs = zip(match.terms, rule.terms, strict=True)
    return [column for column, (one, other) in enumerate(pairs) if one != other]


def _are_variables(terms: Sequence[Term]) -> bool:
    """Tell whether all are variables, and none is twice."""
    return all(isinstance(term, str) for term in terms) and len(set(terms)) == len(terms)
