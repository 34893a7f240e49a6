"""The verb `rule`: the rules of a policy."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from congress_dist.arguments import name_given
from congress_dist.cli import OK, Command
from congress_dist.formats import cell_text, print_note, print_record, print_records

from .client import Client
from .subverbs import Subverbs, run_subverb

_COLUMNS = ("id", "name", "rule")


class RuleCommand(Command):
    """List, add and delete rules."""

    name = "rule"
    help = "list, add and delete the rules of a policy"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the sub-verbs."""
        verbs = Subverbs(parser, "A rule says when a row is in a table; a fact says that it is.")
        rules = verbs.add(
            "list", self._list, "list the rules of a policy", "congress rule list host_safety"
        )
        rules.add_argument("policy", type=name_given, help="name or id")
        add = verbs.add(
            "add",
            self._add,
            "add one rule or fact to a policy",
            "congress rule add mine 'p(x) :- q(x), not r(x)'",
        )
        add.add_argument("policy", type=name_given, help="name or id")
        add.add_argument("text", help="the rule, in quotes; - reads it from standard input")
        add.add_argument("--name", help="a name for people")
        add.add_argument("--comment", help="why it is there")
        delete = verbs.add(
            "delete", self._delete, "delete one rule", "congress rule delete mine RULE-ID"
        )
        delete.add_argument("policy", type=name_given, help="name or id")
        delete.add_argument("rule", type=name_given, help="its id (congress rule list POLICY)")

    def run(self, args: argparse.Namespace) -> int:
        """Run the sub-verb."""
        return run_subverb(args)

    def _list(self, client: Client, args: argparse.Namespace) -> int:
        rules = client.get("policies", args.policy, "rules")["results"]
        if args.format == "table":
            sys.stdout.writelines(f"{line}\n" for rule in rules for line in _listing(rule))
        else:
            print_records(_COLUMNS, rules, args.format)
        return OK

    def _add(self, client: Client, args: argparse.Namespace) -> int:
        text = sys.stdin.read() if args.text == "-" else args.text
        body = {"rule": text, "name": args.name, "comment": args.comment}
        added = client.post("policies", args.policy, "rules", body=body)
        if args.format == "table":
            print_note(f"added to '{args.policy}' with id {added['id']}")
        else:
            print_record(added, args.format)
        return OK

    def _delete(self, client: Client, args: argparse.Namespace) -> int:
        deleted = client.delete("policies", args.policy, "rules", args.rule)
        print_note(f"deleted from '{args.policy}': {deleted['rule']}")
        return OK


def _listing(rule: Mapping[str, Any]) -> Iterator[str]:
    """Give a rule as policy text, what else is known of it as a comment above."""
    about = (rule["id"], rule["name"], rule["comment"])
    yield "# " + "  ".join(cell_text(word) for word in about if word)
    yield from map(cell_text, rule["rule"].splitlines())
    yield ""
