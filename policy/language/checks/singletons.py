"""Check (warning): a variable that stands in one place only is often a slip of the pen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ..diagnostics import Diagnostic
from ..walk import variables_of_rule
from .batch import Batch


def find_singletons(batch: Batch) -> Iterator[Diagnostic]:
    """Warn of variables of a body that stand nowhere else; names that begin with `_` are meant."""
    for _, rule in batch.rules:
        occurrences = list(variables_of_rule(rule)) if rule.body else []
        counts = Counter(variable.name for variable in occurrences)
        for variable in occurrences:
            name = variable.name
            in_head = variable.span.end <= rule.head.span.end
            if counts[name] == 1 and not in_head and not name.startswith("_"):
                others = (other for other in counts if other != name)
                hint = batch.did_you_mean(name, others, id(rule)) if len(name) > 1 else ""
                yield batch.report(
                    "singleton-variable",
                    f"the variable {name!r} stands in one place only",
                    variable.span,
                    hint=hint or "write _ when any value will do",
                    is_warning=True,
                )
