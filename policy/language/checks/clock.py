"""Check (warning): uses of the clock for which a tick costs more than the rows that cross."""

from __future__ import annotations

from collections.abc import Iterator

from ..ast import Atom, Comparison, Conjunct, Literal, Rule, Variable
from ..builtins import Builtin, find_call
from ..builtins.comparison import COMPARING
from ..diagnostics import Diagnostic
from ..walk import expressions_of, literals_of, variables_of, variables_of_rule
from .batch import Batch

_COMPARING = COMPARING | {f"datetime_{name}" for name in COMPARING}


def find_costly_clocks(batch: Batch) -> Iterator[Diagnostic]:
    """Warn where the time, or an age, is used otherwise than compared with a constant."""
    for _, rule in batch.rules:
        for conjunct in literals_of(rule.body or ()):
            if not isinstance(conjunct, Literal):
                continue
            builtin = find_call(conjunct.atom)
            if builtin is not None and builtin.reads is not None:
                given = _output_of(conjunct.atom, builtin)
                if given is not None and not _is_only_compared(rule, given):
                    yield _costly(batch, conjunct, builtin, given)


def _output_of(atom: Atom, builtin: Builtin) -> Variable | None:
    """Give the variable that gets the time or age; None where it is tested at once."""
    values = [argument.value for argument in atom.arguments]
    outputs = [value for value in values[len(builtin.inputs) :] if isinstance(value, Variable)]
    return outputs[0] if outputs else None


def _is_only_compared(rule: Rule, variable: Variable) -> bool:
    """Tell whether all but one use of a variable are comparisons with constants."""
    uses = sum(other.name == variable.name for other in variables_of_rule(rule))
    compared = sum(_compares(other, variable) for other in literals_of(rule.body or ()))
    return uses == compared + 1


def _compares(conjunct: Conjunct, variable: Variable) -> bool:
    values = expressions_of(conjunct)
    if isinstance(conjunct, Literal):
        builtin = find_call(conjunct.atom)
        if builtin is None or builtin.name not in _COMPARING:
            return False
    elif not isinstance(conjunct, Comparison):
        return False
    others = [value for value in values if value != variable]
    return len(values) - len(others) == 1 and not any(variables_of(*others))


def _costly(batch: Batch, conjunct: Literal, builtin: Builtin, given: Variable) -> Diagnostic:
    return batch.report(
        "clock",
        f"{given.name!r} of {builtin.name!r} is used otherwise than compared with a constant",
        conjunct.span,
        note="the rule is worked out for all its rows at every tick of the clock: congress plan"
        " tells how many",
        hint=f"compare it with a constant, as {given.name} > …, and use nothing else of it",
        is_warning=True,
    )
