"""What follows from the tables: language, planner, evaluation, the rule database, the replica.

Names are exported lazily (PEP 562): importing `policy.language` does not load the evaluator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine import Engine
    from .language.diagnostics import PolicyError
    from .transactions import within

__all__ = ["Engine", "PolicyError", "within"]


def __getattr__(name: str) -> Any:
    if name == "Engine":
        from .engine import Engine

        return Engine
    if name == "PolicyError":
        from .language.diagnostics import PolicyError

        return PolicyError
    if name == "within":
        from .transactions import within

        return within
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
