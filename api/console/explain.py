"""The verb `explain`: why a row is in a table, or is not."""

from __future__ import annotations

import argparse
import json
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from congress_dist.arguments import name_given, path_named
from congress_dist.cli import OK, UNAVAILABLE, Command
from congress_dist.derivation_text import cell_of, tree_lines, why_not_lines
from congress_dist.errors import InvalidRequest
from congress_dist.formats import print_freshness, print_value

from .client import Client
from .subverbs import add_client_options

OFFLINE = "congress_dist.offline"
"""Entry points by question: what answers it from files; this folder may not import it."""

_EPILOG = """\
values are read as JSON, else as text: 22 is a number, '"22"' and sshd are text, null is null
with --data the answer comes from files, and POLICY is the path of the policy; without it the
running system is asked

examples:
  congress explain host_safety listens_on_all 812 sshd 22
  congress explain policies/network open_port s1 80 --data recorded
  congress explain policies/network open_port s1 22 --data recorded --why-not
"""


class ExplainCommand(Command):
    """Print the derivation of one row as a tree."""

    name = "explain"
    help = "say why a row is in a table, or is not: the rules, and the rows that they rest on"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.description = (
            "Print the rule that derives a row, and under it the rows it rests on; or, for a row "
            "that is not there, what keeps it away."
        )
        parser.epilog = _EPILOG
        parser.add_argument(
            "policy", type=name_given, help="policy; with --data its directory or file"
        )
        parser.add_argument("table", type=name_given, help="table")
        parser.add_argument("values", nargs="*", metavar="VALUE", help="the row, cell by cell")
        offline = parser.add_argument_group("offline")
        offline.add_argument(
            "--data", type=path_named, metavar="DIR", help="use these recorded tables"
        )
        offline.add_argument(
            "--with",
            dest="others",
            type=path_named,
            action="append",
            default=[],
            metavar="POLICY",
            help="a further policy that the first one reads (may be repeated)",
        )
        offline.add_argument(
            "--kind", default="nonrecursive", help="kind of policies that do not say theirs"
        )
        offline.add_argument(
            "--why-not",
            action="store_true",
            help="say what keeps the row out of the table: for each rule what fails first",
        )
        offline.add_argument("--now", metavar="TIME", help="the time of the clock, in UTC")
        add_client_options(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Print the tree, or what keeps the row away."""
        if args.why_not:
            answer = _ask_files(args, "why-not")
            lines = why_not_lines(answer["why_not"])
        else:
            answer = _ask_system(args) if args.data is None else _ask_files(args, "explain")
            lines = tree_lines(answer["derivation"])
        if args.format == "table":
            sys.stdout.writelines(f"{line}\n" for line in lines)
        else:
            print_value(answer, "yaml" if args.format == "yaml" else "json")
        return OK if print_freshness(answer) else UNAVAILABLE


def _ask_system(args: argparse.Namespace) -> Any:
    row = json.dumps([cell_of(text) for text in args.values])
    with Client(args.endpoint) as client:
        return client.get("policies", args.policy, "tables", args.table, "explain", row=row)


def _ask_files(args: argparse.Namespace, question: str) -> Any:
    if args.data is None:
        raise InvalidRequest("--why-not answers from files: name recorded tables by --data DIR")
    (entry_point,) = entry_points(group=OFFLINE, name=question)
    ask = entry_point.load()
    return ask(
        [Path(args.policy), *args.others],
        args.data,
        table=args.table,
        row=[cell_of(text) for text in args.values],
        now=args.now,
        kind=args.kind,
    )
