"""Regular expressions, in RE2's syntax: matching is linear in the text, whatever the expression.

No back references and no look-around, which cannot be matched in linear time.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2

from .registry import BuiltinFailure, builtin

_MAX_LENGTH = 10_000
_MAX_MEMORY = 2**23
"""Bytes that one compiled expression may use."""


@builtin("matches(x: text, regex: text |)")
def matches(x: str, regex: str) -> bool:
    """Hold when the expression matches a part of x; ^ and $ tie it to the ends."""
    return compiled(regex).search(x) is not None


@lru_cache(maxsize=1024)
def compiled(regex: str, *, ignores_case: bool = False) -> Any:
    """Give the compiled expression. Raises: BuiltinFailure: RE2 cannot read it."""
    if len(regex) > _MAX_LENGTH:
        raise BuiltinFailure("the regular expression is too long")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    options.case_sensitive = not ignores_case
    try:
        return re2.compile(regex, options=options)
    except re2.error as error:
        raise BuiltinFailure(f"the regular expression is wrong: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    """Give what is wrong without the part of the expression that RE2 puts behind it."""
    reason = error.args[0] if error.args else ""
    text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
    return text.partition(":")[0]
