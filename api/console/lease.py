"""The verb `lease`: who publishes which stream, and taking that away from it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from typing import Any

from congress_dist.arguments import name_given
from congress_dist.cli import OK, Command
from congress_dist.errors import Conflict, NotFound, UserError
from congress_dist.formats import print_note, print_records

from .client import Client
from .subverbs import Subverbs, run_subverb

_COLUMNS = ("name", "owner", "generation", "renewals")


class LeaseCommand(Command):
    """List the leases of streams, and take one away."""

    name = "lease"
    help = "list who publishes which stream, and take a stream away from a process"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the sub-verbs."""
        verbs = Subverbs(
            parser,
            "Each stream has one publisher, the owner of its lease. Its generation is the epoch "
            "of what it publishes. An owner that is at work counts up its renewals; one that does "
            "not is replaced without your help where another process waits for the stream.",
        )
        verbs.add("list", self._list, "list all leases", "congress lease list")
        taken = verbs.add(
            "release",
            self._release,
            "take a lease away from its owner",
            "congress lease release host_packages --force",
        )
        taken.add_argument("name", type=name_given, help="stream")
        taken.add_argument(
            "--force", action="store_true", help="yes, although its owner may still be at work"
        )

    def run(self, args: argparse.Namespace) -> int:
        """Run the sub-verb."""
        return run_subverb(args)

    def _list(self, client: Client, args: argparse.Namespace) -> int:
        print_records(_COLUMNS, client.get("leases")["results"], args.format)
        return OK

    def _release(self, client: Client, args: argparse.Namespace) -> int:
        lease = _find(client.get("leases")["results"], args.name)
        owner = lease["owner"]
        if owner is None:
            print_note(f"the lease of {args.name!r} is free already")
            return OK
        if not args.force:
            raise UserError(
                f"{args.name!r} is published by {owner!r}; if that process still runs, another "
                "one may read the same source beside it; to take the lease away nevertheless add "
                "--force"
            )
        _release(client, args.name, owner, lease["generation"])
        print_note(
            f"the lease of {args.name!r} is free. warning: if {owner!r} still runs, it goes on "
            "until a renewal is refused, or for as long as it reaches no policy service; until "
            "then it and its successor both read the source, and what that causes there may "
            "happen twice. Subscribers take the rows of the successor alone"
        )
        return OK


def _release(client: Client, name: str, owner: str, generation: int) -> None:
    grant = {"owner": owner, "generation": generation}
    try:
        client.post("leases", name, "release", body=grant)
    except Conflict as error:
        raise Conflict(
            f"the lease of {name!r} changed while it was released; look at it with: "
            "congress lease list",
            name=name,
        ) from error


def _find(leases: Iterable[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    for lease in leases:
        if lease["name"] == name:
            return lease
    raise NotFound(
        f"no stream {name!r} was ever published; list them with: congress lease list", name=name
    )
