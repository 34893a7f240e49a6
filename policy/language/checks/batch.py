"""What a check looks at: rules to be added, and the program that they are to join."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from ..ast import Rule


class ProgramView(Protocol):
    """What checks ask of a program."""

    def kind(self, policy: str) -> str | None:
        """Give the kind of a policy, `datasource` for a datasource, None where there is neither."""

    def columns(self, policy: str, table: str) -> tuple[str, ...] | None:
        """Give the names of a table's columns: by schema, for a policy's table by its heads."""

    def arity(self, policy: str, table: str) -> int | None:
        """Give the number of a table's columns; None when it is unknown."""

    def rules(self) -> Iterable[tuple[str, Rule]]:
        """Give all rules with their policies."""
