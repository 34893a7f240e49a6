"""Check: calls of builtins name one that exists and give it as many arguments as it has."""

from __future__ import annotations

from collections.abc import Iterator

from ..ast import Atom
from ..builtins import PREFIX, Builtin, all_builtins, find_call
from ..counts import counted
from ..diagnostics import Diagnostic
from .batch import Batch, listed


def find_wrong_calls(batch: Batch) -> Iterator[Diagnostic]:
    """Refuse unknown builtins, wrong numbers of arguments, and arguments by name."""
    for _, rule in batch.rules:
        for literal in batch.literals(rule):
            atom = literal.atom
            builtin = find_call(atom)
            if builtin is not None:
                yield from _wrong_arguments(batch, atom, builtin)
            elif atom.policy == PREFIX:
                yield batch.report(
                    "unknown-builtin",
                    f"there is no builtin {atom.table!r}",
                    atom.span,
                    note=f"builtins are {listed(sorted(all_builtins()), limit=40)}",
                    hint=batch.did_you_mean(atom.table.lower(), all_builtins(), PREFIX)
                    or "call one of these, or leave out 'builtin:' for a table of the policy",
                )


def _wrong_arguments(batch: Batch, atom: Atom, builtin: Builtin) -> Iterator[Diagnostic]:
    named = [argument for argument in atom.arguments if argument.column is not None]
    if named:
        yield batch.report(
            "builtin-columns",
            f"the builtin {builtin.name!r} takes its arguments by position only",
            named[0].span,
            hint=f"write {builtin.signature}",
        )
    elif len(atom.arguments) != builtin.arity:
        yield batch.report(
            "builtin-arity",
            f"the builtin {builtin.name!r} takes {counted(builtin.arity, 'argument')}, here"
            f" are {len(atom.arguments)}",
            atom.span,
            note=f"{builtin.signature}: {builtin.doc}" if builtin.doc else "",
            hint="arguments before '|' go in, those after it come out",
        )
