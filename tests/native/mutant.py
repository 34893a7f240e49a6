"""A change of one place in the kernel."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A change of one place in one file; `before` stands there once."""

    file: str
    before: str
    after: str

    @property
    def name(self) -> str:
        """Give a text that tells it from the others."""
        return f"{self.file}: {self.change} → {' '.join(self.after.split())}"

    @property
    def change(self) -> str:
        """Give what is changed, on one line."""
        return " ".join(self.before.split())
