"""The verb `eval`: the answer of a query, from policy files and recorded tables."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from congress_dist.cli import OK, UNAVAILABLE, Command
from congress_dist.formats import add_format_option, print_note, print_records, print_rows

from .arguments import allow_options_between
from .workspace import add_data_option, add_kind_option, add_now_option, open_workspace

if TYPE_CHECKING:
    from ..engine import Engine

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
        parser.add_argument("policies", nargs="+", type=Path, metavar="POLICY", help="policies")
        parser.add_argument("query", help="an atom or a rule")
        add_data_option(parser)
        add_now_option(parser)
        add_kind_option(parser)
        add_format_option(parser)
        allow_options_between(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Print the rows, sorted."""
        from ..paging import row_order

        workspace = open_workspace(args.policies, args.data, kind=args.kind)
        engine = workspace.engine(now=args.now)
        answer = engine.answer(workspace.main, args.query)
        columns = columns_of(engine, workspace.main, args.query)
        rows = sorted(answer.rows, key=row_order)
        if args.format in ("json", "yaml"):
            records = [dict(zip(columns, row, strict=True)) for row in rows]
            print_records(columns, records, args.format)
        else:
            print_rows(columns, rows, args.format)
        for warning in answer.warnings:
            print_note(warning.render())
        for table, reason in sorted(answer.missing.items()):
            print_note(f"incomplete: {table}: {reason}")
        for failed in engine.failures():
            example = ", ".join(map(repr, failed.example))
            print_note(
                f"failed, so no row: {failed.builtin}({example}), {failed.count} times: "
                f"{failed.reason}"
            )
        return UNAVAILABLE if answer.missing else OK


def columns_of(engine: Engine, policy: str, query: str) -> tuple[str, ...]:
    """Name the columns of a query's rows: by the variables of its head, else by the table.

    Shapes: names are distinct; a column that has none of its own is Col0, Col1, …
    """
    from ..language.ast import Literal, Variable
    from ..language.grammar import parse_query

    rule = parse_query(query)
    arguments = rule.head.arguments
    known: tuple[str, ...] = ()
    if rule.body and len(rule.body) == 1 and isinstance(rule.body[0], Literal):
        atom = rule.body[0].atom
        if (atom.table, atom.arguments) == (rule.head.table, rule.head.arguments):
            known = engine.columns(atom.policy or policy, atom.table)
            if len(known) != len(arguments) or any(a.column is not None for a in arguments):
                return known
    names: list[str] = []
    for number, argument in enumerate(arguments):
        is_named = isinstance(argument.value, Variable) and not argument.value.name.startswith("_")
        name = str(getattr(argument.value, "name", "")) if is_named else ""
        if (not name or name in names) and number < len(known):
            name = known[number]
        names.append(name if name and name not in names else f"Col{number}")
    return tuple(names)
