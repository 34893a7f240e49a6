"""What is wrong with policy text: code, place, message, hint; and the error that carries it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from congress_dist.errors import CongressError, UserError

_UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]"
)
"""What a terminal would obey rather than show, what has no width, and halves of characters."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding in a text.

    Units: `line` and `column` count from 1; `length` is in characters; line 0: no place is known.
    Promises: all of it can be printed; a character that cannot is told by its number.
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
    """The source line, for printing with a caret; of a long line a part, … where it is cut off."""
    text_column: int = 1
    """The column of the source line at which `text` begins."""

    def __post_init__(self) -> None:
        """Take out what cannot be printed; in `text` each such character keeps its column."""
        for name in ("message", "note", "hint", "source"):
            object.__setattr__(self, name, _UNPRINTABLE.sub(_escaped, getattr(self, name)))
        object.__setattr__(self, "text", _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", self.text))

    def to_wire(self) -> dict[str, Any]:
        """Give the plain form that `Diagnostic(**…)` reads."""
        return asdict(self)

    def render(self) -> str:
        """Give the finding as people read it: place, message, line with a caret, note, hint."""
        place = f"{self.source}:{self.line}:{self.column}: " if self.line else ""
        lines = [f"{place}{self.severity}[{self.code}]: {self.message}"]
        if self.text:
            lines += self._excerpt()
        if self.note:
            lines.append("  note: " + self.note.replace("\n", "\n        "))
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)

    def _excerpt(self) -> tuple[str, str]:
        """Give the line and the carets below it."""
        start = self.column - self.text_column
        blank = "".join("\t" if char == "\t" else " " for char in self.text[:start])
        blank += " " * (start - len(blank))
        carets = "^" * max(1, min(self.length, len(self.text) - start))
        return f"    {self.text}", f"    {blank}{carets}"


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


def refuse_errors(found: Iterable[Diagnostic]) -> None:
    """Raise the errors among findings, if there are any. Raises: PolicyError."""
    errors = [diagnostic for diagnostic in found if diagnostic.severity == "error"]
    if errors:
        raise PolicyError(errors)


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
