"""The verb `check`: what is wrong or doubtful in policy files."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from congress_dist.cli import OK, USAGE, Command
from congress_dist.errors import UserError

from .arguments import add_paths
from .workspace import Workspace, add_data_option, add_kind_option

if TYPE_CHECKING:
    from ..language.diagnostics import Diagnostic

_DESCRIPTION = """\
Check policies without running them: syntax, safety, recursion, names of tables and columns.
Each finding has a code, its place, the reason, and what to do. Nothing is changed.
With --data the tables and columns of datasources are known, and what does not fit them is found.
"""

_EPILOG = """\
a policy is a directory of .dl files, one such file, or a library policy in YAML; a directory of
policies stands for all of them. Policies given together may read each other's tables.

exit codes: 0 nothing found, or warnings only; 2 errors (with --strict: warnings too)

examples:
  congress check policies/network
  congress check policies --data recorded --strict
  congress check policies --format sarif > findings.sarif
"""


class CheckCommand(Command):
    """Check policy files."""

    name = "check"
    help = "check policy files without running them"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.description = _DESCRIPTION
        parser.epilog = _EPILOG
        add_paths(parser, "policies")
        parser.add_argument("--strict", action="store_true", help="warnings are errors too")
        parser.add_argument(
            "--format",
            choices=("text", "json", "sarif"),
            default="text",
            help="how to print (default: text)",
        )
        add_data_option(parser)
        add_kind_option(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Print what was found."""
        found = find_all(args.paths, args.data, kind=args.kind)
        _print(found, args.format)
        is_refused = any(args.strict or d.severity == "error" for d in found)
        return USAGE if is_refused else OK


def find_all(paths: Sequence[Path], data: Path | None, *, kind: str) -> list[Diagnostic]:
    """Give the findings of all policies at some paths; what cannot be read is one of them.

    Raises: Conflict: two policies have one name or file. As `read_recording`.
    """
    from ..language.diagnostics import PolicyError
    from ..language.package import Package, find_packages, read_package, refuse_equal_names
    from ..recorded_tables import read_recording
    from .progress import with_progress

    found: list[Diagnostic] = []
    places: list[Path] = []
    packages: dict[Path, Package] = {}
    for given in paths:
        try:
            places += find_packages(given)
        except UserError as error:
            found.append(_unreadable(given, error))
    for path in with_progress(places, "reading"):
        try:
            packages[path] = read_package(path, kind=kind)
        except PolicyError as error:
            found += error.diagnostics
        except UserError as error:
            found.append(_unreadable(path, error))
    refuse_equal_names(packages)
    workspace = Workspace([*packages.values()], {} if data is None else read_recording(data))
    found += workspace.check()
    if not any(diagnostic.severity == "error" for diagnostic in found):
        found += _refusals(workspace)
    return found


def _unreadable(path: Path, error: UserError) -> Diagnostic:
    from ..language.diagnostics import Diagnostic

    return Diagnostic("unreadable", error.message, source=str(path))


def _refusals(workspace: Workspace) -> Sequence[Diagnostic]:
    """Give what shows only when the rules are put to work."""
    from ..language.diagnostics import PolicyError

    try:
        workspace.checked_engine()
    except PolicyError as error:
        return error.diagnostics
    return ()


def _print(found: Sequence[Diagnostic], form: str) -> None:
    import json

    from .findings import as_json, as_sarif, as_text

    if form == "text":
        is_coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        sys.stdout.write(as_text(found, is_coloured=is_coloured))
        return
    from importlib.metadata import version

    value = as_json(found) if form == "json" else as_sarif(found, version("congress_dist"))
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
