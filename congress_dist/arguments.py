"""Words of command lines that are never empty: argparse calls these for options of their type."""

from __future__ import annotations

import argparse
from pathlib import Path


def path_named(text: str) -> Path:
    """Read a path. Raises: ArgumentTypeError: it is empty, which would mean this directory."""
    if not text:
        raise argparse.ArgumentTypeError("a path is empty; for this directory write .")
    return Path(text)


def name_given(text: str) -> str:
    """Read the name of something. Raises: ArgumentTypeError: it is empty."""
    if not text.strip():
        raise argparse.ArgumentTypeError("a name is empty")
    return text
