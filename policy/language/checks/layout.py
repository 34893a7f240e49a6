"""Check (warning): a statement that begins where the previous one ended may lack a comma."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from ..diagnostics import Diagnostic
from ..structure import blank_comments
from .batch import Batch


def find_missing_commas(batch: Batch) -> Iterator[Diagnostic]:
    """Warn of a statement on the line where a rule ended without ';' or '.'."""
    for (_, before), (_, after) in pairwise(batch.rules):
        if before.is_fact or before.span.source != after.span.source:
            continue
        text = batch.text_of(before.span.source)
        between = blank_comments(text[before.span.end : after.span.start])
        if text and not between.strip() and "\n" not in between:
            yield batch.report(
                "missing-comma",
                "a statement begins on the line where the rule before it ended",
                after.span,
                note=f"it is read as a statement of its own, for the table {after.head.table!r}",
                hint="put a comma before it to make it a condition, or ';' to say that it is not",
                is_warning=True,
            )
