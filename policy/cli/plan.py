"""The verb `plan`: what will run for a policy, and why in that order."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from congress_dist.arguments import name_given
from congress_dist.cli import OK, Command

from ..language.counts import counted
from ..language.names import table_name
from .arguments import add_policies
from .workspace import add_data_option, add_kind_option, add_now_option, open_workspace

if TYPE_CHECKING:
    from ..plan_report import PlannedRule, PlannedRun, PlannedTables
    from ..plan_words import PlannedStep

_WIDTH = 72
"""Of what steps do, before the reasons."""

_CLOSURE = (
    "recursive, a closure: from nothing it is searched breadth first, unless it begins with few"
    " rows beside many edges; for changes its rules run in rounds, until nothing new follows"
)

_DESCRIPTION = """\
Print what will run for a policy, and why in that order: the derived tables, those first on which
others rest, each with its rules and the steps of their joins, from nothing and for the changes of
each table. Nothing is changed.
"""

_EPILOG = """\
orders depend on the sizes of tables: with --data they are those that the data gives
a slow rule shows as a step that reads all of a large table, or looks up many rows each

examples:
  congress plan policies/network --data recorded
  congress plan policies/network --table open_port --format json
"""


class PlanCommand(Command):
    """Print the plan of policies."""

    name = "plan"
    help = "print what will run for a policy, and why in that order"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.description = _DESCRIPTION
        parser.epilog = _EPILOG
        add_policies(parser)
        parser.add_argument(
            "--table", type=name_given, metavar="TABLE", help="only what this table rests on"
        )
        parser.add_argument(
            "--format", choices=("text", "json"), default="text", help="how to print"
        )
        add_data_option(parser)
        add_now_option(parser)
        add_kind_option(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Print the plan."""
        workspace = open_workspace(args.policies, args.data, kind=args.kind)
        planned = workspace.engine(now=args.now).plan()
        if args.table is not None:
            planned = _below(planned, args.table, workspace.main)
        if args.format == "json":
            import json

            value = [_plain(tables) for tables in planned]
            sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
        else:
            sys.stdout.writelines(f"{line}\n" for line in _lines(planned))
        return OK


def _below(planned: Sequence[PlannedTables], table: str, main: str) -> list[PlannedTables]:
    """Give what a table rests on, itself last. Raises: NotFound: nothing derives it."""
    from congress_dist.errors import NotFound

    owner, mark, name = table.partition(":")
    key = (owner, name) if mark else (main, table)
    if not any(key in group.tables for group in planned):
        names = ", ".join(table_name(k) for group in planned for k in group.tables) or "none"
        raise NotFound(f"no rule or fact gives the table '{table_name(key)}'; there are: {names}")
    wanted = {key}
    kept = []
    for group in reversed(planned):
        if wanted.intersection(group.tables):
            kept.append(group)
            wanted.update(group.reads)
    return kept[::-1]


def _lines(planned: Sequence[PlannedTables]) -> Iterator[str]:
    for number, group in enumerate(planned, 1):
        yield f"{number}. {', '.join(map(table_name, group.tables))}{_about(group)}"
        for rule in group.rules:
            yield from _rule_lines(rule)
    if not planned:
        yield "nothing to run: there are no rules and no facts"


def _about(group: PlannedTables) -> str:
    said = [counted(group.rows, "row")]
    if group.facts:
        said.append(f"{group.facts} of them facts")
    if group.is_closure:
        said.append(_CLOSURE)
    elif group.is_recursive:
        said.append("recursive: its rules run in rounds, until nothing new follows")
    return f"  ({'; '.join(said)})"


def _rule_lines(rule: PlannedRule) -> Iterator[str]:
    from ..language.printer import print_rule

    title = rule.rule.annotation("id")
    yield f"   rule {title}: {print_rule(rule.rule)}" if title else f"   {print_rule(rule.rule)}"
    own = sum(conjunction.meaning is None for conjunction in rule.conjunctions)
    number = 0
    for conjunction in rule.conjunctions:
        if conjunction.meaning is not None:
            rows = counted(conjunction.rows, "row")
            yield f"     {conjunction.gives}: {conjunction.meaning} ({rows})"
        elif own > 1:
            number += 1
            yield f"     alternative {number} of {own}:"
        elif len(rule.conjunctions) > 1:
            yield "     the rule itself:"
        indent = " " * (7 if len(rule.conjunctions) > 1 else 5)
        for run in conjunction.runs:
            yield from _run_lines(run, indent)
    if rule.rows_per_tick:
        yield f"     each tick of the clock reads {counted(rule.rows_per_tick, 'row')} anew"
    for table, reason in sorted(rule.waits.items()):
        yield f"     waits for {table}: {reason}"


def _run_lines(run: PlannedRun, indent: str) -> Iterator[str]:
    if run.changes is not None:
        yield f"{indent}when {run.changes} changes:"
    else:
        what = "edges, for the search " if run.gives_edges else ""
        yield f"{indent}{what}from nothing:"
    width = min(_WIDTH, max((len(step.does) for step in run.steps), default=0))
    for place, step in enumerate(run.steps, 1):
        yield f"{indent}  {place}. {step.does.ljust(width)}  ({step.why})"


def _plain(group: PlannedTables) -> dict[str, Any]:
    from ..language.printer import print_rule

    return {
        "tables": list(map(table_name, group.tables)),
        "recursive": group.is_recursive,
        "closure": group.is_closure,
        "reads": list(map(table_name, group.reads)),
        "facts": group.facts,
        "rows": group.rows,
        "rules": [
            {
                "rule": print_rule(rule.rule),
                "id": rule.rule.annotation("id"),
                "rows": rule.rows,
                "rows_per_tick": rule.rows_per_tick,
                "waits": dict(rule.waits),
                "runs": [
                    {
                        "gives": conjunction.gives,
                        "meaning": conjunction.meaning,
                        "rows": conjunction.rows,
                        "changes": run.changes,
                        "gives_edges": run.gives_edges,
                        "steps": [_plain_step(step) for step in run.steps],
                    }
                    for conjunction in rule.conjunctions
                    for run in conjunction.runs
                ],
            }
            for rule in group.rules
        ],
    }


def _plain_step(step: PlannedStep) -> dict[str, Any]:
    index = None if step.index is None else list(step.index)
    return {"does": step.does, "why": step.why, "index": index}
