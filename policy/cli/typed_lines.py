"""Lines as they are typed into the REPL, put together to whole inputs."""

from __future__ import annotations

import re

from ..language.lexical import FLAGS, STRING
from ..language.structure import blank_comments

_STRING = re.compile(STRING, FLAGS)
_NEW_INPUT = re.compile(r"\s*(?:$|\.[a-z]|[+-]\s*[A-Za-z_@])", FLAGS)


class TypedLines:
    """The lines of an input that is not whole yet."""

    def __init__(self) -> None:
        self.text = ""

    def take(self, line: str) -> list[str]:
        """Add a line; give the inputs that are whole with it, in order.

        Shapes: an empty line, a command, and a line with `+` or `-` at its beginning end what is
            open, so that a forgotten bracket costs one input.
        """
        whole = self.finish() if self.text and _NEW_INPUT.match(line) else []
        self.text += line
        return whole if goes_on(self.text) else [*whole, *self.finish()]

    def finish(self) -> list[str]:
        """Give what is there as an input, at the end of all lines."""
        text, self.text = self.text, ""
        return [text] if text.strip() else []


def goes_on(text: str) -> bool:
    """Tell whether a text wants another line.

    Shapes: a bracket or comment is open, or the text ends in a comma or `:-`.
    """
    if text.lstrip().startswith("."):
        return False
    plain = _STRING.sub('""', blank_comments(text)).rstrip()
    is_open = sum(map(plain.count, "([")) > sum(map(plain.count, ")]"))
    return is_open or "/*" in plain or plain.endswith((",", ":-"))
