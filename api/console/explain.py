"""The verb `explain`: why a row is in a table."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from congress_dist.cli import OK, UNAVAILABLE, Command
from congress_dist.formats import cell_text, print_freshness, print_value

from .client import Client
from .subverbs import add_client_options

_EPILOG = """\
values are read as JSON, else as text: 22 is a number, '"22"' and sshd are text, null is null

example:
  congress explain host_safety listens_on_all 812 sshd 22
"""


class ExplainCommand(Command):
    """Print the derivation of one row as a tree."""

    name = "explain"
    help = "say why a row is in a table: the rule, and the rows that it rests on"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.description = (
            "Print the rule that derives a row, and under it the rows it rests on."
        )
        parser.epilog = _EPILOG
        parser.add_argument("policy", help="policy")
        parser.add_argument("table", help="table")
        parser.add_argument("values", nargs="*", metavar="VALUE", help="the row, cell by cell")
        add_client_options(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Print the tree."""
        row = json.dumps([cell_of(text) for text in args.values])
        with Client(args.endpoint) as client:
            answer = client.get("policies", args.policy, "tables", args.table, "explain", row=row)
        if args.format == "table":
            sys.stdout.writelines(f"{line}\n" for line in tree_lines(answer["derivation"]))
        else:
            print_value(answer, "yaml" if args.format == "yaml" else "json")
        return OK if print_freshness(answer) else UNAVAILABLE


def cell_of(text: str) -> Any:
    """Read one value of the command line: a JSON scalar, else the text itself."""
    try:
        value = json.loads(text, parse_constant=str)
    except ValueError:
        return text
    return text if isinstance(value, list | dict) else value


def tree_lines(node: Mapping[str, Any], first: str = "", rest: str = "") -> Iterator[str]:
    """Draw a derivation: each row with its rule, the rows that it rests on indented under it."""
    children = node["children"]
    yield f"{first}{_row_text(node)}"
    bar = "│ " if children else "  "
    yield from (f"{rest}{bar}{line}" for line in _reasons(node))
    for index, child in enumerate(children):
        is_last = index == len(children) - 1
        yield from tree_lines(
            child,
            rest + ("└─ " if is_last else "├─ "),
            rest + ("   " if is_last else "│  "),
        )


def _row_text(node: Mapping[str, Any]) -> str:
    cells = (
        f"{column}={cell_text(cell)}"
        for column, cell in zip(node["columns"], node["row"], strict=True)
    )
    return f"{node['policy']}:{node['table']}({', '.join(cells)})"


def _reasons(node: Mapping[str, Any]) -> Iterator[str]:
    if node["title"]:
        yield node["title"]
    lines = node["rule"].splitlines()
    yield from (f"by {line}" for line in lines[:1])
    yield from (f"   {line}" for line in lines[1:])
    yield from (f"no row matches {absence['atom']}" for absence in node["absences"])
    if node["is_cut"]:
        yield "more rows below are left out"
