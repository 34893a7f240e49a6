"""The verb `lease`: who publishes which stream, and taking that away from it.

It asks the policy service over the bus and not the API, so that it works while that one does not.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .arguments import name_given, path_named
from .cli import OK, Command
from .errors import Conflict, NotFound, UserError
from .formats import FORMATS, print_note, print_records

_COLUMNS = ("name", "owner", "generation", "renewals")
_TIMEOUT = 5.0
Call = Callable[..., Any]
"""Calls a method of the policy service with arguments by name."""


class LeaseCommand(Command):
    """List the leases of streams, and take one away."""

    name = "lease"
    help = "list who publishes which stream, and take a stream away from a process"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the sub-verbs."""
        parser.description = (
            "Each stream has one publisher, the owner of its lease. Its generation is the epoch "
            "of what it publishes. An owner that is at work counts up its renewals; one that does "
            "not is replaced without your help where another process waits for the stream."
        )
        parser.epilog = (
            "examples:\n  congress lease list\n  congress lease release host_packages --force"
        )
        actions = parser.add_subparsers(metavar="ACTION", required=True)
        shown = actions.add_parser("list", help="list all leases")
        shown.add_argument(
            "--format", choices=FORMATS, default="table", help="how to print (default: table)"
        )
        shown.set_defaults(act=_list)
        taken = actions.add_parser("release", help="take a lease away from its owner")
        taken.add_argument("name", type=name_given, help="stream")
        taken.add_argument(
            "--force", action="store_true", help="yes, although its owner may still be at work"
        )
        taken.set_defaults(act=_release)
        for child in (shown, taken):
            child.add_argument(
                "--data-dir", type=path_named, metavar="DIR", help="of the node (default: XDG)"
            )
            child.add_argument(
                "--config", type=path_named, metavar="FILE", help="configuration of the node"
            )

    def run(self, args: argparse.Namespace) -> int:
        """Run the sub-verb."""
        with _policy_service(args) as call:
            args.act(call, args)
        return OK


def _list(call: Call, args: argparse.Namespace) -> None:
    print_records(_COLUMNS, call("lease_list"), args.format)


def _release(call: Call, args: argparse.Namespace) -> None:
    lease = _find(call("lease_list"), args.name)
    owner = lease["owner"]
    if owner is None:
        print_note(f"the lease of {args.name!r} is free already")
        return
    if not args.force:
        raise UserError(
            f"{args.name!r} is published by {owner!r}; if that process still runs, another one "
            "may read the same source beside it; to take the lease away nevertheless add --force"
        )
    generation = lease["generation"]
    answer = call("lease_release", name=args.name, owner=owner, generation=generation)
    if not answer["released"]:
        raise Conflict(
            f"the lease of {args.name!r} changed while it was released; look at it with: "
            "congress lease list",
            name=args.name,
        )
    print_note(
        f"the lease of {args.name!r} is free. warning: if {owner!r} still runs, it goes on until "
        "a renewal is refused, or for as long as it reaches no policy service; until then it and "
        "its successor both read the source, and what that causes there may happen twice. "
        "Subscribers take the rows of the successor alone"
    )


def _find(leases: list[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    for lease in leases:
        if lease["name"] == name:
            return lease
    raise NotFound(
        f"no stream {name!r} was ever published; list them with: congress lease list", name=name
    )


@contextmanager
def _policy_service(args: argparse.Namespace) -> Iterator[Call]:
    """Give what calls the policy service over the bus that a node with these options is on."""
    from .clock import SystemClock, new_incarnation, new_random
    from .config import default_data_dir, dse_options, load_config
    from .node.calls import CallClient
    from .node.lease_calls import POLICY_TOPIC
    from .node.node_settings import NodeSettings
    from .protocol.message_reader import MessageReader
    from .rate_limit import RateLimit
    from .transports.sealed_transport import SealedTransport
    from .transports.transport import OsloTransport

    conf, clock = load_config(args.data_dir or default_data_dir(), args.config), SystemClock()
    settings, limit = NodeSettings(new_incarnation()), RateLimit(clock)
    settings.take(conf)
    transport = SealedTransport(OsloTransport(conf), settings.sealer, limit)
    client = CallClient(
        transport,
        settings.encode,
        MessageReader(limit),
        options=dse_options(conf),
        clock=clock,
        rng=new_random(),
    )

    def call(method: str, **arguments: Any) -> Any:
        # Each may be repeated: releasing twice what is no longer the owner's changes nothing.
        return client.call(
            POLICY_TOPIC, method, arguments, timeout=_TIMEOUT, server=None, repeat=True
        )

    try:
        yield call
    finally:
        transport.stop()
