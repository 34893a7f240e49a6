"""The verb `eval`: the answer of a query, from policy files and recorded tables."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from congress_dist.cli import OK, UNAVAILABLE, Command
from congress_dist.formats import add_format_option, print_note, print_records, print_rows

from .arguments import add_policies, allow_options_between
from .workspace import add_data_option, add_kind_option, add_now_option, open_workspace

if TYPE_CHECKING:
    from ..planner.answers import Failure

_DESCRIPTION = """\
Print the rows of a table, or of any query, that policy files derive from recorded tables.
"""

_EPILOG = """\
the query is an atom, p(x, "web"), or a rule, ans(x) :- p(x, y), not q(y); tables without a policy
are those of the first POLICY. Strings are in double quotes, so put the query in single ones.

exit codes: 0 fine; 2 the policy or query is wrong; 3 a table that the answer needs is not known

examples:
  congress eval policies/network --data recorded 'open_port(server, port)'
  congress eval a.dl b.dl --data recorded 'ans(x) :- a:p(x), not b:q(x)' --format json
"""


class EvalCommand(Command):
    """Evaluate a query on files."""

    name = "eval"
    help = "evaluate a query on policy files and recorded tables"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.description = _DESCRIPTION
        parser.epilog = _EPILOG
        add_policies(parser)
        parser.add_argument("query", help="an atom or a rule")
        add_data_option(parser)
        add_now_option(parser)
        add_kind_option(parser)
        add_format_option(parser)
        allow_options_between(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Print the rows, sorted."""
        from ..query_columns import columns_of
        from ..row_order import row_order

        workspace = open_workspace(args.policies, args.data, kind=args.kind)
        engine = workspace.engine(now=args.now)
        answer = engine.answer(workspace.main, args.query)
        columns = columns_of(engine, workspace.main, args.query)
        rows = sorted(answer.rows, key=row_order)
        if not columns and args.format == "table":
            sys.stdout.write("true\n" if rows else "false\n")
        elif args.format in ("json", "yaml"):
            records = [dict(zip(columns, row, strict=True)) for row in rows]
            print_records(columns, records, args.format)
        else:
            print_rows(columns, rows, args.format)
        for warning in answer.warnings:
            print_note(warning.render())
        for table, reason in sorted(answer.missing.items()):
            print_note(f"incomplete: {table}: {reason}")
        for failed in [*answer.failures, *engine.failures()]:
            print_note(failure_text(failed))
        return UNAVAILABLE if answer.missing else OK


def failure_text(failed: Failure) -> str:
    """Say that calls of a builtin failed, with one of them."""
    from ..language.counts import counted

    example = ", ".join(map(repr, failed.example))
    times = counted(failed.count, "time")
    return f"failed, so no row: {failed.builtin}({example}), {times}: {failed.reason}"
