"""The verb `violation`: what the rules found."""

from __future__ import annotations

import argparse

from congress_dist.arguments import name_given
from congress_dist.cli import FAILED, OK, UNAVAILABLE, Command
from congress_dist.formats import print_freshness, print_note, print_rows, print_value

from .client import Client
from .subverbs import Subverbs, run_subverb
from .view import View, summary

_COLUMNS = ("severity", "policy", "rule", "table", "row", "title")


class ViolationCommand(Command):
    """List violations."""

    name = "violation"
    help = "list the violations of all policies"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the sub-verbs."""
        verbs = Subverbs(
            parser, "A violation is a pair of a rule and a row that it should not have."
        )
        found = verbs.add(
            "list",
            self._list,
            "list violations, worst first (exit code 1: there are some, 3: there may be)",
            "congress violation list --policy host_safety --format json",
        )
        found.add_argument("--policy", type=name_given, help="only those of one policy")

    def run(self, args: argparse.Namespace) -> int:
        """Run the sub-verb."""
        return run_subverb(args)

    def _list(self, client: Client, args: argparse.Namespace) -> int:
        answer = client.get("violations", policy=args.policy)
        if args.format in ("json", "yaml"):
            print_value(answer, args.format)
        else:
            rows = ([found[name] for name in _COLUMNS] for found in answer["violations"])
            print_rows(_COLUMNS, rows, args.format)
        print_note(summary(View({"sources": []}, answer)))
        is_fresh = print_freshness(answer)
        if answer["violations"]:
            return FAILED
        return OK if is_fresh else UNAVAILABLE
