"""Nodes that cost little to make: a megabyte of policy text becomes a million of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def node(*, frozen: bool, **options: Any) -> Callable[[type], type]:
    """Make a dataclass that hashes as a frozen one does, but sets its fields by plain assignment.

    That nobody assigns to them afterwards is left to the type checker, which is shown a frozen
    dataclass: the guard of the real one makes each instance three times as dear.
    """

    def made(cls: type) -> type:
        hashes = frozen and options.get("eq", True) and "__hash__" not in cls.__dict__
        return dataclass(unsafe_hash=hashes, **options)(cls)

    return made
