"""What kinds of policies there are."""

from __future__ import annotations

NONRECURSIVE = "nonrecursive"
RECURSIVE = "recursive"
ACTION = "action"
DATABASE = "database"

DATASOURCE = "datasource"
"""What holds tables from outside; no policy is created with it."""

KINDS = {
    NONRECURSIVE: NONRECURSIVE,
    RECURSIVE: RECURSIVE,
    "materialized": RECURSIVE,
    "z3": RECURSIVE,
    ACTION: ACTION,
    DATABASE: DATABASE,
}
"""The kinds that a policy can be created with, and what they are called inside."""
