"""What the verbs print: tables for people, JSON, YAML and CSV for programs.

Colours and fitting to the width only on a terminal; elsewhere lines are whole and plain.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

FORMATS = ("table", "json", "yaml", "csv")


def add_format_option(parser: argparse.ArgumentParser) -> None:
    """Declare `--format`."""
    parser.add_argument(
        "--format", choices=FORMATS, default="table", help="how to print (default: table)"
    )


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[Any]], form: str) -> None:
    """Print rows under their columns, as a table or as CSV."""
    if form == "csv":
        _print_csv(columns, rows)
    elif sys.stdout.isatty():
        _print_fitted(columns, rows)
    else:
        _print_aligned(columns, rows)


def print_records(columns: Sequence[str], records: Sequence[Mapping[str, Any]], form: str) -> None:
    """Print records: all their keys as JSON or YAML, the named columns otherwise."""
    if form in ("json", "yaml"):
        print_value(list(records), form)
    else:
        print_rows(columns, ([record.get(name) for name in columns] for record in records), form)


def print_record(record: Mapping[str, Any], form: str) -> None:
    """Print one record, a line for each of its keys."""
    if form in ("json", "yaml"):
        print_value(record, form)
    else:
        print_rows(("field", "value"), record.items(), form)


def print_value(value: Any, form: str) -> None:
    """Print a value as JSON or YAML."""
    if form == "json":
        sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
        return
    import yaml

    yaml.safe_dump(value, sys.stdout, sort_keys=False, allow_unicode=True)


def print_note(text: str) -> None:
    """Tell people something beside the output: on standard error."""
    sys.stderr.write(f"{text}\n")


def print_freshness(answer: Mapping[str, Any]) -> bool:
    """Tell on standard error what is missing or stale in an answer; True when nothing is."""
    for table, reason in sorted(answer.get("missing", {}).items()):
        print_note(f"incomplete: {table}: {cell_text(reason)}")
    stale = [name for name, as_of in sorted(answer.get("as_of", {}).items()) if as_of["stale"]]
    if stale:
        print_note(f"stale: {', '.join(stale)}")
    return not stale and not answer.get("missing")


def cell_text(cell: Any) -> str:
    """Give a cell for people: null as a dash, control characters escaped, true as in rules."""
    if cell is None:
        return "-"
    if isinstance(cell, bool):
        return "true" if cell else "false"
    text = str(cell)
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def _print_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


def _print_fitted(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for name in columns:
        table.add_column(Text(name), overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(cell)) for cell in row))
    Console().print(table)


def _print_aligned(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    lines = [list(columns), *([_cell(cell) for cell in row] for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        sys.stdout.write("  ".join(padded).rstrip() + "\n")


def _cell(cell: Any) -> str:
    if isinstance(cell, list | dict):
        return json.dumps(cell, ensure_ascii=False)
    return cell_text(cell)
