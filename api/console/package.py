"""A policy package sent to the API, and the API's findings placed in the package's files."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from congress_dist.errors import CongressError
    from congress_dist.policy.language.diagnostics import Diagnostic
    from congress_dist.policy.language.package import Package

_NTH_RULE = re.compile(r"rule (\d+)")
"""How the API names a rule of a request that creates a policy with many."""


def request_of(package: Package) -> dict[str, Any]:
    """Give the body of POST /v1/policies."""
    return {
        "name": package.name,
        "description": package.description,
        "kind": package.kind,
        "rules": [
            {"rule": rule.text, "name": rule.name, "comment": rule.comment}
            for rule in package.rules
        ],
    }


def placed_in_files(error: CongressError, package: Package) -> CongressError:
    """Give the API's refusal of a package with the file and line of each finding.

    Shapes: an error without findings is given back as it is.
    """
    from congress_dist.policy.language.diagnostics import Diagnostic, PolicyError

    findings = error.fields.get("diagnostics")
    if not findings:
        return error
    return PolicyError(
        package.placed(_placed(Diagnostic(**finding), package) for finding in findings)
    )


def _placed(finding: Diagnostic, package: Package) -> Diagnostic:
    numbered = _NTH_RULE.fullmatch(finding.source)
    if numbered is None:
        return finding
    span = package.rules[int(numbered[1]) - 1].rule.span
    before = package.texts[span.source][: span.start]
    in_first_line = finding.line == 1
    return replace(
        finding,
        source=span.source,
        line=finding.line + before.count("\n") if finding.line else 0,
        column=finding.column + (len(before) - before.rfind("\n") - 1 if in_first_line else 0),
    )
