"""What the pure state machines ask their caller to do: data, carried out by the node.

The caller's duties: carry effects out in the order given; carry out a `Send` before the next
stimulus is handed in, or drop it whole; hand every answer or failure of a request back with its
request number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .messages import ChunkRequest, Delta, Heartbeat, SyncRequest
from .stream import Transaction


@dataclass(frozen=True, slots=True)
class Send:
    """Cast a message to everybody who listens; `size_bytes` is about what it will weigh."""

    message: Delta | Heartbeat
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Apply:
    """Hand a transaction to the listeners: it was applied to what is held."""

    transaction: Transaction


@dataclass(frozen=True, slots=True)
class RequestSync:
    """Call one incarnation of a publisher; its reply or the failure comes back as a stimulus."""

    incarnation: str
    message: SyncRequest | ChunkRequest


@dataclass(frozen=True, slots=True)
class Alarm:
    """Tell an operator: something happened that must not."""

    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Give it as a line of a log."""
        return " ".join((self.text, *(f"{key}={value}" for key, value in self.fields.items())))


@dataclass(frozen=True, slots=True)
class Count:
    """Add one to a counter."""

    name: str


Effect = Send | Apply | RequestSync | Alarm | Count
