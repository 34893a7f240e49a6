"""The evaluation kernel: keeps every derived table right; see docs/adr and _kernel.pyi."""

from ._kernel import CellRefused, Hold, InvalidPlan, Kernel, LimitExceeded, Plan, Rows

__all__ = ["CellRefused", "Hold", "InvalidPlan", "Kernel", "LimitExceeded", "Plan", "Rows"]
