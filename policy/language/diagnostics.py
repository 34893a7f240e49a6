"""What is wrong with policy text: code, place, message, hint; and the error that carries it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from congress_dist.errors import CongressError, UserError


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding in a text.

    Units: `line` and `column` count from 1; `length` is in characters; line 0: no place is known.
    """

    code: str
    message: str
    line: int = 0
    column: int = 0
    length: int = 0
    note: str = ""
    hint: str = ""
    source: str = "<text>"
    severity: Literal["error", "warning"] = "error"
    text: str = ""
    """The source line, for printing with a caret."""

    def to_wire(self) -> dict[str, Any]:
        """Give the plain form that `Diagnostic(**…)` reads."""
        return asdict(self)

    def render(self) -> str:
        """Give the finding as people read it: place, message, line with a caret, note, hint."""
        place = f"{self.source}:{self.line}:{self.column}: " if self.line else ""
        lines = [f"{place}{self.severity}[{self.code}]: {self.message}"]
        if self.text:
            lines.append(f"    {self.text}")
            lines.append("    " + " " * (self.column - 1) + "^" * max(1, self.length))
        if self.note:
            lines.append("  note: " + self.note.replace("\n", "\n        "))
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)


class PolicyError(UserError):
    """Policy text was refused; nothing was changed."""

    code: ClassVar[str] = "policy_error"

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(
            "\n".join(d.render() for d in self.diagnostics),
            diagnostics=[d.to_wire() for d in self.diagnostics],
        )

    @classmethod
    def from_fields(cls, message: str, fields: dict[str, Any]) -> CongressError:  # noqa: ARG003
        """Rebuild the error that a remote side sent."""
        return cls(Diagnostic(**data) for data in fields["diagnostics"])
