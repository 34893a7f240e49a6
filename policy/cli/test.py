"""The verb `test`: the test cases of policy authors."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from congress_dist.arguments import path_named
from congress_dist.cli import FAILED, OK, USAGE, Command

from .arguments import add_paths

if TYPE_CHECKING:
    from .case_file import Case
    from .case_run import CaseRunner
    from .coverage import Coverage
    from .junit import Result

_DESCRIPTION = """\
Run test cases: files named *.test.yaml that give tables and policies, and say what must follow.
"""

_EPILOG = """\
a test file (paths in it are relative to the file):
  policies: [../policies/network]
  cases:
  - name: an open port is reported
    facts:
      nova:ports: [{server: s1, port: 80}]
    expect:
      open_port: {exactly: [[s1, 80]]}         # or contains, absent, count, unknown
    expect_why:
    - {table: open_port, row: [s1, 80], rule: NET-1}
docs/authoring.md tells every key.

exit codes: 0 all passed; 1 a case failed, or too few rules are covered; 2 a test file is wrong

examples:
  congress test tests
  congress test tests --format junit --output results.xml
  congress test tests/ports.test.yaml -k open --coverage
"""


class TestCommand(Command):
    """Run test cases."""

    name = "test"
    help = "run the test cases of policies"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.description = _DESCRIPTION
        parser.epilog = _EPILOG
        add_paths(parser, "test files, or directories of them")
        parser.add_argument("-k", dest="part", metavar="TEXT", help="only cases named like this")
        parser.add_argument("-v", "--verbose", action="store_true", help="name every case")
        parser.add_argument(
            "--coverage",
            action="store_true",
            help="list the rules that no case makes derive a row",
        )
        parser.add_argument(
            "--min-coverage",
            type=_percent,
            metavar="PERCENT",
            help="fail when fewer of the rules derive something",
        )
        parser.add_argument(
            "--format", choices=("text", "junit"), default="text", help="how to print results"
        )
        parser.add_argument(
            "--output", type=path_named, metavar="FILE", help="write the results there"
        )

    def run(self, args: argparse.Namespace) -> int:
        """Run the cases and print what came of them."""
        from ..language.text_files import replace_text
        from .coverage import Coverage
        from .junit import as_junit

        coverage = Coverage()
        results = list(_run_files(args.paths, args.part, coverage))
        is_covered = args.min_coverage is None or coverage.percent >= args.min_coverage
        text = _as_text(results, is_verbose=args.verbose)
        text += _coverage_text(coverage, is_full=args.coverage or not is_covered)
        wanted = as_junit(results) if args.format == "junit" else text
        if args.output is None:
            sys.stdout.write(wanted)
        else:
            replace_text(args.output, wanted)
            sys.stdout.write(text)
        if any(result.error for result in results):
            return USAGE
        return OK if is_covered and all(result.is_passed for result in results) else FAILED


def _percent(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is no percentage; give a number from 0 to 100")
    return number


def _run_files(paths: Sequence[Path], part: str | None, coverage: Coverage) -> Iterator[Result]:
    from congress_dist.errors import NotFound, UserError

    from .case_file import find_case_files, read_cases
    from .case_run import CaseRunner
    from .junit import Result
    from .progress import with_progress

    cases: list[Case] = []
    for file in find_case_files(paths):
        try:
            cases += read_cases(file)
        except UserError as error:
            yield Result(str(file), "(reading)", 0.0, error=error.message)
    chosen = [case for case in cases if part is None or part in case.name]
    if part is not None and not chosen:
        raise NotFound(f"none of {len(cases)} cases has {part!r} in its name")
    runner = CaseRunner()
    for case in with_progress(chosen, "testing", lambda case: case.name):
        yield _run_case(case, runner, coverage)


def _run_case(case: Case, runner: CaseRunner, coverage: Coverage) -> Result:
    from congress_dist.clock import SystemClock
    from congress_dist.errors import UserError

    from .junit import Result

    clock = SystemClock()
    start = clock.monotonic()
    try:
        outcome = runner.run(case)
    except UserError as error:
        return Result(str(case.file), case.name, clock.monotonic() - start, error=error.message)
    if outcome.engine is not None:
        coverage.add(outcome.packages, outcome.engine)
    seconds = clock.monotonic() - start
    return Result(str(case.file), case.name, seconds, outcome.complaints)


def _as_text(results: Sequence[Result], *, is_verbose: bool) -> str:
    is_coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    lines = []
    for result in results:
        if not result.is_passed or is_verbose:
            word = "passed" if result.is_passed else "error" if result.error else "FAILED"
            colour = "32" if result.is_passed else "1;31"
            shown = f"\x1b[{colour}m{word}\x1b[0m" if is_coloured else word
            lines.append(f"{shown} {result.file}: {result.name}")
            details = [result.error] if result.error else result.complaints
            lines += [f"  {line}" for text in details for line in text.split("\n")]
    passed = sum(1 for result in results if result.is_passed)
    cases = "1 case" if len(results) == 1 else f"{len(results)} cases"
    lines.append(f"{cases}: {passed} passed, {len(results) - passed} failed")
    return "\n".join(lines) + "\n"


def _coverage_text(coverage: Coverage, *, is_full: bool) -> str:
    if not coverage.total:
        return ""
    lines = [coverage.summary()]
    if is_full:
        lines += [f"  not covered: {rule}" for rule in coverage.uncovered()]
    return "\n".join(lines) + "\n"
