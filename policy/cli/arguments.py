"""Words of command lines: paths, and last words that are apart: `eval a.dl --data DIR 'p(x)'`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from congress_dist.arguments import path_named


def add_paths(parser: argparse.ArgumentParser, what: str) -> None:
    """Declare the paths that a verb works on."""
    parser.add_argument("paths", nargs="+", type=path_named, metavar="PATH", help=what)


def add_policies(parser: argparse.ArgumentParser) -> None:
    """Declare the policies that a verb works on."""
    parser.add_argument("policies", nargs="+", type=path_named, metavar="POLICY", help="policies")


def allow_options_between(parser: argparse.ArgumentParser) -> None:
    """Let options stand anywhere among the positional arguments.

    By itself argparse would fill all of them from the words before the first option.
    """
    plain = parser.parse_known_args

    def parse(args: Sequence[str], namespace: Any) -> Any:
        if {"-h", "--help"}.intersection(args):
            return plain(args, namespace)
        parser.parse_known_args = plain  # type: ignore[method-assign]
        try:
            return parser.parse_known_intermixed_args(args, namespace)
        finally:
            parser.parse_known_args = parse  # type: ignore[method-assign,assignment]

    parser.parse_known_args = parse  # type: ignore[method-assign,assignment]
