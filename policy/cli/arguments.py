"""Words of command lines: paths, and last words that are apart: `eval a.dl --data DIR 'p(x)'`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def path_named(text: str) -> Path:
    """Read a path: what argparse calls for an option of this type."""
    if not text:
        raise argparse.ArgumentTypeError("a path is empty; for this directory write .")
    return Path(text)


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
