"""Diagnostics as people, programs and code hosts read them: text, JSON, SARIF 2.1.0."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..language.counts import counted
from ..language.diagnostics import Diagnostic
from ..language.package import path_of

_RED, _YELLOW, _RESET = "\x1b[1;31m", "\x1b[1;33m", "\x1b[0m"


def as_text(found: Sequence[Diagnostic], *, is_coloured: bool) -> str:
    """Give each finding with its line and a caret, then how many there are."""
    blocks = [_coloured(d) if is_coloured else d.render() for d in found]
    return "\n".join([*blocks, summary(found)]) + "\n"


def summary(found: Sequence[Diagnostic]) -> str:
    """Say how many findings there are."""
    errors = sum(1 for diagnostic in found if diagnostic.severity == "error")
    return f"{counted(errors, 'error')}, {counted(len(found) - errors, 'warning')}"


def as_json(found: Sequence[Diagnostic]) -> dict[str, Any]:
    """Give all findings and their numbers as plain values."""
    errors = sum(1 for diagnostic in found if diagnostic.severity == "error")
    return {
        "errors": errors,
        "warnings": len(found) - errors,
        "diagnostics": [diagnostic.to_wire() for diagnostic in found],
    }


def as_sarif(found: Sequence[Diagnostic], version: str) -> dict[str, Any]:
    """Give the findings as one run in SARIF, what code hosts show beside the changed lines.

    Source: OASIS, Static Analysis Results Interchange Format 2.1.0.
    """
    codes = sorted({diagnostic.code for diagnostic in found})
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "congress check",
                        "version": version,
                        "rules": [{"id": code} for code in codes],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(diagnostic, codes) for diagnostic in found],
            }
        ],
    }


def _result(found: Diagnostic, codes: Sequence[str]) -> dict[str, Any]:
    text = "\n".join(part for part in (found.message, found.note, found.hint) if part)
    location: dict[str, Any] = {"artifactLocation": {"uri": _uri(path_of(found.source))}}
    if found.line:
        location["region"] = {
            "startLine": found.line,
            "startColumn": found.column,
            "endColumn": found.column + max(1, found.length),
            "snippet": {"text": found.text},
        }
    return {
        "ruleId": found.code,
        "ruleIndex": codes.index(found.code),
        "level": found.severity,
        "message": {"text": text},
        "locations": [{"physicalLocation": location}],
    }


def _uri(path: str) -> str:
    from urllib.parse import quote

    place = Path(path)
    return place.as_uri() if place.is_absolute() else quote(place.as_posix())


def _coloured(found: Diagnostic) -> str:
    colour = _RED if found.severity == "error" else _YELLOW
    word = f"{found.severity}[{found.code}]"
    return found.render().replace(word, f"{colour}{word}{_RESET}", 1)
