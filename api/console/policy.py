"""The verb `policy`: named modules of rules."""

from __future__ import annotations

import argparse

from congress_dist.arguments import name_given, path_named
from congress_dist.cli import OK, USAGE, Command
from congress_dist.errors import InvalidRequest
from congress_dist.formats import print_note, print_record, print_records

from .client import Client
from .subverbs import Subverbs, run_subverb

_COLUMNS = ("name", "kind", "description", "id")


class PolicyCommand(Command):
    """List, show, create and delete policies."""

    name = "policy"
    help = "list, show, create and delete policies"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the sub-verbs."""
        verbs = Subverbs(parser, "A policy is a named module of rules.")
        verbs.add("list", self._list, "list all policies", "congress policy list --format json")
        show = verbs.add("show", self._show, "show one policy", "congress policy show host_safety")
        show.add_argument("policy", type=name_given, help="name or id")
        create = verbs.add(
            "create",
            self._create,
            "create a policy, empty or with rules from files",
            "congress policy create mine --description 'what I care about'\n"
            "  congress policy create --from policies/host_safety",
        )
        create.add_argument(
            "policy", type=name_given, nargs="?", help="its name (default: that of --from)"
        )
        create.add_argument("--description", help="one line for people")
        create.add_argument("--kind", help="nonrecursive (default), recursive, action, database")
        create.add_argument(
            "--from",
            dest="path",
            type=path_named,
            metavar="PATH",
            help="directory of .dl files, or one file",
        )
        delete = verbs.add(
            "delete", self._delete, "delete a policy with its rules", "congress policy delete mine"
        )
        delete.add_argument("policy", type=name_given, help="name or id")

    def run(self, args: argparse.Namespace) -> int:
        """Run the sub-verb."""
        return run_subverb(args)

    def _list(self, client: Client, args: argparse.Namespace) -> int:
        print_records(_COLUMNS, client.get("policies")["results"], args.format)
        return OK

    def _show(self, client: Client, args: argparse.Namespace) -> int:
        print_record(client.get("policies", args.policy), args.format)
        return OK

    def _create(self, client: Client, args: argparse.Namespace) -> int:
        from congress_dist.policy.language.package import read_package

        from .package import placed_in_files, request_of

        package = None if args.path is None else read_package(args.path)
        body = {} if package is None else request_of(package)
        given = {"name": args.policy, "description": args.description, "kind": args.kind}
        body |= {key: value for key, value in given.items() if value is not None}
        if "name" not in body:
            print_note("congress policy create: name the policy, or give its files with --from")
            return USAGE
        try:
            created = client.post("policies", body=body)
        except InvalidRequest as error:
            raise error if package is None else placed_in_files(error, package) from error
        created.pop("rules", None)
        print_record(created, args.format)
        return OK

    def _delete(self, client: Client, args: argparse.Namespace) -> int:
        deleted = client.delete("policies", args.policy)
        print_note(f"policy '{deleted['name']}' and its rules are deleted")
        return OK
