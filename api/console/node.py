"""The sub-verb `node list`: the processes of the system, and how each of them does."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from congress_dist.cli import OK, UNAVAILABLE, Command
from congress_dist.formats import print_rows, print_value

from .client import Client
from .subverbs import add_client_options

_COLUMNS = ("node", "state", "services", "publishes", "subscribes", "heard", "dropped", "metrics",
            "why")  # fmt: skip


class NodeListCommand(Command):
    """List the nodes."""

    name = "list"
    help = "list the processes of the system (exit code 3 unless all are alive)"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.description = (
            "List the nodes that the API has heard of in the last day: what each one hosts, how "
            "many streams it publishes and subscribes to, seconds since its last heartbeat, "
            "messages that found no room, and where its metrics are. One that does not answer is "
            "listed as silent, one that answers and is not heard as suspect. JSON and YAML tell "
            "everything that a node reports."
        )
        parser.epilog = "example:\n  congress node list --format json"
        add_client_options(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Print them."""
        with Client(args.endpoint) as client:
            nodes = client.get("nodes")["results"]
        if args.format in ("json", "yaml"):
            print_value(nodes, args.format)
        else:
            print_rows(_COLUMNS, map(_row, nodes), args.format)
        return OK if all(node["state"] == "alive" for node in nodes) else UNAVAILABLE


def _row(node: Mapping[str, Any]) -> tuple[Any, ...]:
    queues = node.get("queues", {}).values()
    published = [stream for stream in node["streams"] if stream["position"] is not None]
    return (
        node["node"],
        node["state"],
        " ".join(node["services"]),
        len(published),
        len(node["sources"]),
        f"{node['heard_age']:.1f}",
        sum(queue["dropped"] for queue in queues) if queues else None,
        node["metrics"],
        node["why"],
    )
