"""The verb `datasource`: where tables come from, and how their sources are."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from congress_dist.arguments import name_given
from congress_dist.cli import OK, UNAVAILABLE, Command
from congress_dist.errors import NotFound
from congress_dist.formats import print_records, print_rows, print_value

from .client import Client
from .subverbs import Subverbs, run_subverb
from .view import source_words

_COLUMNS = ("name", "driver", "enabled", "description")
_SCHEMA_COLUMNS = ("table", "column", "type", "nullable", "description")
_TABLE_COLUMNS = ("table", "state", "rows", "source_age", "note")


class DatasourceCommand(Command):
    """List and describe datasources and tell how they are."""

    name = "datasource"
    help = "list and describe datasources, and tell how they are"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the sub-verbs."""
        verbs = Subverbs(parser, "A datasource is a configured, running use of a driver.")
        verbs.add("list", self._list, "list all datasources", "congress datasource list")
        status = verbs.add(
            "status",
            self._status,
            "tell how the sources are (exit code 3 when one is not ready)",
            "congress datasource status host_packages",
        )
        status.add_argument(
            "name", type=name_given, nargs="?", help="one source, table by table (default: all)"
        )
        schema = verbs.add(
            "schema",
            self._schema,
            "describe the tables and columns of a source",
            "congress datasource schema host_processes",
        )
        schema.add_argument("name", type=name_given, help="datasource")

    def run(self, args: argparse.Namespace) -> int:
        """Run the sub-verb."""
        return run_subverb(args)

    def _list(self, client: Client, args: argparse.Namespace) -> int:
        found = client.get("data-sources")["results"]
        print_records(_COLUMNS, found, args.format)
        return OK

    def _schema(self, client: Client, args: argparse.Namespace) -> int:
        _print_schema(client.get("data-sources", args.name, "schema")["tables"], args.format)
        return OK

    def _status(self, client: Client, args: argparse.Namespace) -> int:
        sources = client.get("status")["sources"]
        if args.name is not None:
            sources = [source for source in sources if source["name"] == args.name]
            if not sources:
                raise NotFound(
                    f"there is no datasource '{args.name}'; "
                    "list them with: congress datasource list"
                )
        _print_status(sources, one=args.name is not None, form=args.format)
        ready = all(source["state"] in ("ready", "partial") for source in sources)
        return OK if ready else UNAVAILABLE


def _print_schema(tables: Sequence[Mapping[str, Any]], form: str) -> None:
    if form in ("json", "yaml"):
        print_value(tables, form)
        return
    keys = _SCHEMA_COLUMNS[1:]
    rows = (
        (table["table_id"], *(column["name" if key == "column" else key] for key in keys))
        for table in sorted(tables, key=lambda table: str(table["table_id"]))
        for column in table["columns"]
    )
    print_rows(_SCHEMA_COLUMNS, rows, form)


def _print_status(sources: Sequence[Mapping[str, Any]], *, one: bool, form: str) -> None:
    if form in ("json", "yaml"):
        print_value(sources[0] if one else list(sources), form)
    elif one:
        print_rows(_TABLE_COLUMNS, map(_table_row, sorted(sources[0]["tables"].items())), form)
    else:
        print_rows(("name", "state", "tables", "rows", "status"), map(_source_row, sources), form)


def _source_row(source: Mapping[str, Any]) -> tuple[Any, ...]:
    tables = source["tables"].values()
    rows = sum(table["rows"] for table in tables)
    return source["name"], source["state"], len(tables), rows, source_words(source)


def _table_row(item: tuple[str, Mapping[str, Any]]) -> tuple[Any, ...]:
    name, table = item
    state = "stale" if table["stale"] else table["state"]
    return name, state, table["rows"], table["source_age"], table["reason"] or table["note"]
