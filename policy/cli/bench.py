"""The verb `bench`: how long policies take on recorded tables, and what they need."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from congress_dist.cli import OK, Command
from congress_dist.formats import print_note

from ..language.counts import counted
from .arguments import add_policies
from .workspace import add_data_option, add_kind_option, add_now_option, open_workspace

if TYPE_CHECKING:
    from .bench_run import BenchReport, ChangeTimes

_CHANGES = 100
"""Rows of a table that are tried: enough for a median, and over in a second."""

_DESCRIPTION = """\
Measure what policies cost on recorded tables: reading and loading them, evaluating all rules, and
bringing all derived tables up to date after one row of a table went or came back. Files stay as
they are.
"""

_EPILOG = """\
a table with slow changes has a rule that looks up many rows each; congress plan shows which
figures are milliseconds of this machine: compare them with others of the same machine only

examples:
  congress bench policies/network --data recorded
  congress bench policies/network --data recorded --changes 1000 --format json
"""


class BenchCommand(Command):
    """Measure policies on recorded tables."""

    name = "bench"
    help = "measure what policies cost on recorded tables"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.description = _DESCRIPTION
        parser.epilog = _EPILOG
        add_policies(parser)
        parser.add_argument(
            "--changes",
            type=_positive,
            default=_CHANGES,
            metavar="N",
            help=f"rows of each table that go and come back, one by one (default: {_CHANGES})",
        )
        parser.add_argument(
            "--repeat",
            type=_positive,
            default=3,
            metavar="N",
            help="read, load and evaluate so often, of which the fastest counts (default: 3)",
        )
        parser.add_argument(
            "--format", choices=("text", "json"), default="text", help="how to print"
        )
        add_data_option(parser, required=True)
        add_now_option(parser)
        add_kind_option(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Print what was measured."""
        from functools import partial

        from .bench_run import run_bench

        opened = partial(open_workspace, args.policies, args.data, kind=args.kind)
        report = run_bench(opened, now=args.now, repeat=args.repeat, changes=args.changes)
        if args.format == "json":
            import json

            sys.stdout.write(json.dumps(_plain(report), indent=2) + "\n")
        else:
            sys.stdout.writelines(f"{line}\n" for line in _lines(report))
        for table, reason in sorted(report.missing.items()):
            print_note(f"not measured: {table}: {reason}")
        return OK


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 up")
    return int(text)


def _lines(report: BenchReport) -> Iterator[str]:
    rows = sum(change.rows for change in report.changes)
    tables = counted(len(report.changes), "table")
    yield f"read files         {_ms(report.reading)} ms"
    yield f"load rows          {_ms(report.loading)} ms  {tables}, {counted(rows, 'row')}"
    derived = f"{report.rules} rules and facts, {counted(report.derived_rows, 'derived row')}"
    yield f"plan and evaluate  {_ms(report.evaluating)} ms  {derived}"
    kept = report.footprint
    indexes = sum(map(len, kept.indexes.values()))
    kinds = "1 index" if indexes == 1 else f"{indexes} indexes"
    size = f"{kept.size_bytes / 1e6:10.3f}"
    yield f"memory             {size} MB  {counted(kept.values, 'value')}, {kinds}"
    yield ""
    yield from _change_lines(report.changes)


_HEAD = "one row out, ms"


def _change_lines(changes: Sequence[ChangeTimes]) -> Iterator[str]:
    from statistics import median

    width = max(len(name) for name in (_HEAD, *(change.table for change in changes)))
    titles = ("rows", "tried", "first", "median", "worst", "put back", "derived rows")
    yield f"{_HEAD.ljust(width)}" + "".join(f"  {title:>10}" for title in titles)
    for change in changes:
        cells = [f"{change.rows:10}", f"{len(change.removing):10}"]
        if change.removing:
            cells += map(_ms, (change.removing[0], median(change.removing), max(change.removing)))
            cells += [_ms(median(change.putting)), f"{change.derived:12}"]
        yield "  ".join((change.table.ljust(width), *cells))


def _plain(report: BenchReport) -> dict[str, Any]:
    kept = report.footprint
    return {
        "read_ms": report.reading * 1e3,
        "load_ms": report.loading * 1e3,
        "evaluate_ms": report.evaluating * 1e3,
        "rules": report.rules,
        "derived_rows": report.derived_rows,
        "memory": {
            "bytes": kept.size_bytes,
            "values": kept.values,
            "indexes": {table: list(map(list, found)) for table, found in kept.indexes.items()},
        },
        "changes": [
            {
                "table": change.table,
                "rows": change.rows,
                "remove_ms": [seconds * 1e3 for seconds in change.removing],
                "put_back_ms": [seconds * 1e3 for seconds in change.putting],
                "derived_rows": change.derived,
            }
            for change in report.changes
        ],
        "missing": dict(report.missing),
    }


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:10.3f}"
