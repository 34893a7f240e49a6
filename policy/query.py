"""Questions that are asked once: a rule that is run against the tables and not kept."""

from __future__ import annotations

from dataclasses import replace

from .evaluator import Evaluator
from .language.ast import Literal, Rule
from .language.diagnostics import Diagnostic, PolicyError
from .planner.active_rule import ActiveRule
from .planner.answers import Answer
from .planner.normal_form import Match, NormalRule, Term
from .planner.normalize import Unresolved, normalize
from .planner.program import Program, head_key
from .planner.steps import LimitExceeded


def run_query(policy: str, rule: Rule, program: Program, evaluator: Evaluator) -> Answer:
    """Give the answer to a checked rule, or to an atom that was made one.

    Raises: PolicyError: the columns of a table are not known, or there are too many rows.
    """
    active = ActiveRule(policy, rule, head_key(policy, rule))
    try:
        alternatives = normalize(rule, policy, program=program, symbols=evaluator.symbols)
    except Unresolved as error:
        raise PolicyError(
            Diagnostic("unknown-columns", f"table {table!r}: {reason}")
            for table, reason in error.reasons.items()
        ) from error
    if _is_atom(rule):
        alternatives = tuple(_with_all_columns(normal) for normal in alternatives)
    active.resolve(alternatives)
    active.settle({table: evaluator.missing(table) for table in active.reads})
    try:
        rows = set() if active.is_off else active.derive(evaluator.context)
    except LimitExceeded as error:
        message = f"the query is too large: {error}"
        raise PolicyError([Diagnostic("too-many-rows", message)]) from error
    finally:
        evaluator.drop_unused_indexes(active.reads)
    return Answer([evaluator.symbols.decode(row) for row in rows], active.missing)


def _is_atom(rule: Rule) -> bool:
    """Tell whether a rule only repeats its head: that is how an atom is asked for."""
    if rule.body is None or len(rule.body) != 1:
        return False
    (literal,) = rule.body
    return (
        isinstance(literal, Literal)
        and not literal.negated
        and (literal.atom.table, literal.atom.arguments) == (rule.head.table, rule.head.arguments)
    )


def _with_all_columns(normal: NormalRule) -> NormalRule:
    """Ask for every column of the one literal, those too that it does not name.

    Before: `t(1, _) :- t(1, _)`; after: `t(1, y) :- t(1, y)`.
    """
    (literal,) = normal.body
    if not isinstance(literal, Match):
        return normal
    terms: tuple[Term, ...] = tuple(
        f"?{column}" if term is None else term for column, term in enumerate(literal.terms)
    )
    return NormalRule(normal.head, terms, (replace(literal, terms=terms),))
