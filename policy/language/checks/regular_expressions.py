"""Check: regular expressions that stand in a rule as constants can be read."""

from __future__ import annotations

from collections.abc import Iterator

from ..ast import Constant
from ..builtins import BuiltinFailure, find_call
from ..builtins.patterns import compiled
from ..diagnostics import Diagnostic
from .batch import Batch

_PARAMETER = "regex"


def find_wrong_expressions(batch: Batch) -> Iterator[Diagnostic]:
    """Refuse constant regular expressions with which the builtin would fail for every row."""
    for _, rule in batch.rules:
        for literal in batch.literals(rule):
            builtin = find_call(literal.atom)
            if builtin is None:
                continue
            arguments = literal.atom.arguments
            for parameter, argument in zip(builtin.inputs, arguments, strict=False):
                value = argument.value
                if parameter.name == _PARAMETER and isinstance(value, Constant):
                    yield from _wrong_expression(batch, value, builtin.name)


def _wrong_expression(batch: Batch, constant: Constant, builtin: str) -> Iterator[Diagnostic]:
    if not isinstance(constant.value, str):
        return
    try:
        compiled(constant.value)
    except BuiltinFailure as failure:
        yield batch.report(
            "bad-regex",
            str(failure),
            constant.span,
            note=f"{builtin!r} reads RE2's expressions: no back references, no look-around",
            hint='a character that means something is taken as itself after a backslash: r"\\("',
        )
