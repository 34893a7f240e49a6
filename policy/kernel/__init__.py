"""The evaluation kernel: keeps every derived table right; see docs/adr and _kernel.pyi."""

from ._kernel import (
    Cancelled,
    CellRefused,
    DeadlinePassed,
    Hold,
    InvalidPlan,
    Kernel,
    LimitExceeded,
    Plan,
    PreparedQuery,
    Rows,
    Stopped,
    defer_interrupt,
    exchange_deadline,
    let_interrupt,
)

__all__ = [
    "Cancelled",
    "CellRefused",
    "DeadlinePassed",
    "Hold",
    "InvalidPlan",
    "Kernel",
    "LimitExceeded",
    "Plan",
    "PreparedQuery",
    "Rows",
    "Stopped",
    "defer_interrupt",
    "exchange_deadline",
    "let_interrupt",
]
