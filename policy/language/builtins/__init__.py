"""The builtins: functions that rules can call, with or without `builtin:`; a family per module."""

from __future__ import annotations

from ..ast import Atom
from . import (
    addresses,
    arithmetic,
    comparison,
    digest,
    documents,
    patterns,
    string,
    times,
    validation,
    versions,
)
from .registry import Age, Builtin, BuiltinFailure, Parameter, all_builtins, find_registered

__all__ = [
    "FAMILIES",
    "PREFIX",
    "Age",
    "Builtin",
    "BuiltinFailure",
    "Parameter",
    "all_builtins",
    "find_builtin",
    "find_call",
]

PREFIX = "builtin"
FAMILIES = (
    comparison,
    arithmetic,
    string,
    patterns,
    documents,
    digest,
    times,
    addresses,
    versions,
    validation,
)


def find_builtin(name: str) -> Builtin | None:
    """Give the builtin of this name, with or without `builtin:`, or None."""
    return find_registered(name.removeprefix(f"{PREFIX}:"))


def find_call(atom: Atom) -> Builtin | None:
    """Give the builtin that an atom calls; None when it names a table, or an unknown builtin."""
    return find_registered(atom.table) if atom.policy in (None, PREFIX) else None
