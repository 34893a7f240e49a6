"""Values out of JSON texts."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, NoReturn

from ..ast import Constant_ as Cell
from .registry import BuiltinFailure, builtin

_INDEX = re.compile(r"0|[1-9][0-9]{0,18}")
"""Of a list's element, in digits as RFC 6901 wants them."""
_KEPT = 32
"""Documents that are kept parsed: a rule asks for several values of one."""


@builtin("json_get(document: text, path: text | value: any)", gives_many=True)
def json_get(document: str, path: str) -> list[Cell]:
    """Give the value at a path like "ports.0.name", or "/a.b/0"; objects and lists as JSON text.

    Nothing is there: no row. The empty path is the whole document.
    """
    value = _parsed(document)
    for key in _keys(path):
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and _INDEX.fullmatch(key) and int(key) < len(value):
            value = value[int(key)]
        else:
            return []
    if isinstance(value, dict | list):
        return [_text_of(value)]
    cell: Cell = value
    return [cell]


def _text_of(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:  # as 1e400, which was read as infinity
        raise BuiltinFailure("the result holds a number that is too large for a float") from None


def _keys(path: str) -> list[str]:
    """Split a path: at dots, or at slashes when it begins with one (RFC 6901)."""
    if path.startswith("/"):
        return [part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/")]
    return path.split(".") if path else []


@lru_cache(maxsize=_KEPT)
def _parsed(document: str) -> Any:
    try:
        return json.loads(document, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise BuiltinFailure("the text is not JSON") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
