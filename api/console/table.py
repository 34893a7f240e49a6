"""The verb `table`: tables of policies and datasources, and their rows."""

from __future__ import annotations

import argparse
from itertools import chain
from typing import Any

from congress_dist.arguments import name_given
from congress_dist.cli import OK, UNAVAILABLE, Command
from congress_dist.formats import (
    print_freshness,
    print_note,
    print_records,
    print_rows,
    print_value,
)

from .client import Client
from .subverbs import Subverbs, run_subverb

PAGE_ROWS = 10_000
_SHOWN_ROWS = 1000


class TableCommand(Command):
    """List tables and their rows."""

    name = "table"
    help = "list the tables of a policy or datasource, and their rows"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the sub-verbs."""
        verbs = Subverbs(parser, "Policies and datasources both have tables.")
        tables = verbs.add(
            "list",
            self._list,
            "list the tables of one owner",
            "congress table list host_processes",
        )
        tables.add_argument("policy", type=name_given, help="policy or datasource")
        rows = verbs.add(
            "rows",
            self._rows,
            "print the rows of a table (exit code 3 when they may not be all)",
            "congress table rows host_safety allowed_listener --format csv",
        )
        rows.add_argument("policy", type=name_given, help="policy or datasource")
        rows.add_argument("table", type=name_given, help="table")
        rows.add_argument(
            "--limit", type=int, metavar="N", help="rows to print; 0: all (default: 1000 as table)"
        )

    def run(self, args: argparse.Namespace) -> int:
        """Run the sub-verb."""
        return run_subverb(args)

    def _list(self, client: Client, args: argparse.Namespace) -> int:
        tables = client.get("policies", args.policy, "tables")["results"]
        print_records(("id",), tables, args.format)
        return OK

    def _rows(self, client: Client, args: argparse.Namespace) -> int:
        limit = args.limit
        if limit is None:
            limit = _SHOWN_ROWS if args.format == "table" else 0
        answer = read_rows(client, args.policy, args.table, limit)
        if args.format in ("json", "yaml"):
            print_value(answer, args.format)
        else:
            print_rows(answer["columns"], answer["rows"], args.format)
        if answer["more"]:
            print_note(f"… more than {limit} rows; all of them with: --limit 0")
        return OK if print_freshness(answer) else UNAVAILABLE


def read_rows(client: Client, owner: str, table: str, limit: int) -> dict[str, Any]:
    """Read up to `limit` rows of a table, all for 0, page by page.

    Shapes: columns, rows, more, and revision, as_of, missing of the first page.
    """
    size = min(limit, PAGE_ROWS) or PAGE_ROWS
    pages = client.pages("policies", owner, "tables", table, "rows", limit=size)
    first = next(pages)
    rows: list[list[Any]] = []
    more = False
    for page in chain([first], pages):
        rows += [result["data"] for result in page["results"]]
        more = "next" in page
        if limit and len(rows) >= limit:
            more = more or len(rows) > limit
            break
    meta = {key: first[key] for key in ("revision", "as_of", "missing")}
    return {"columns": first["columns"], "rows": rows[: limit or None], "more": more, **meta}
