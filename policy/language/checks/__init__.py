"""Checks of rules against a program, in one ordered list; each gives diagnostics and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from ..ast import Rule
from ..diagnostics import Diagnostic
from .batch import ProgramView

__all__ = ["ProgramView", "check"]


def check(
    policy_rules: Sequence[tuple[str, Rule]], program: ProgramView, *, text: str = ""
) -> list[Diagnostic]:
    """Find what is wrong with rules that are to be added to a program; errors and warnings, in text order."""
    return []
