"""Sub-verbs of a verb: each with a help text that teaches by an example, and common options."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from congress_dist.formats import add_format_option

from .client import Client, add_endpoint_option

Run = Callable[[Client, argparse.Namespace], int]


class Subverbs:
    """The sub-verbs of one parser; `run_subverb` runs the one that was chosen."""

    def __init__(self, parser: argparse.ArgumentParser, description: str) -> None:
        parser.description = description
        self._parser = parser
        self._children = parser.add_subparsers(metavar="ACTION", required=True)
        self._examples: list[str] = []

    def add(self, name: str, run: Run, summary: str, example: str) -> argparse.ArgumentParser:
        """Add a sub-verb and give its parser for further arguments."""
        child = self._children.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=f"example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        add_client_options(child)
        child.set_defaults(run_with_client=run)
        self._examples.append(f"  {example}")
        self._parser.epilog = "\n".join(["examples:", *self._examples])
        return child


def run_subverb(args: argparse.Namespace) -> int:
    """Run the chosen sub-verb with a client of the API."""
    run: Run = args.run_with_client
    with Client(args.endpoint) as client:
        return run(client, args)


def add_client_options(parser: argparse.ArgumentParser) -> None:
    """Declare what every verb that asks the API takes."""
    add_endpoint_option(parser)
    add_format_option(parser)
