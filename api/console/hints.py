"""The three commands that the screen offers next: see why, allow this, add a rule."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from congress_dist.errors import CongressError

from .client import DEFAULT_ENDPOINT, Client
from .view import View, Violation


class Hints:
    """Commands for the worst violation; asks the API only when that one changes."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._about: tuple[str, str, str] | None = None
        self._lines: list[str] = []

    def lines(self, view: View) -> list[str]:
        """Give the last lines of the screen."""
        shown = view.violations[0] if view.violations else None
        about = None if shown is None else _identity(shown)
        if about != self._about or not self._lines:
            self._about = about
            self._lines = [f"API at {self._client.endpoint}; try in another terminal:"]
            self._lines += self._commands(shown)
        return self._lines

    def _commands(self, shown: Violation | None) -> Iterator[str]:
        if shown is None:
            yield self._command("", "policy", "list")
            return
        policy, table = shown["policy"], shown["table"]
        cells = [_argument(cell) for cell in shown["row"]]
        yield self._command("see why", "explain", policy, table, *_after_dashes(cells))
        exception = self._exception(shown)
        if exception is not None:
            yield self._command("allow this", "rule", "add", policy, exception)
        head = ", ".join(shown["columns"])
        rule = f"warning({head}) :- {table}({head})"
        yield self._command("add a rule", "rule", "add", policy, rule)

    def _exception(self, shown: Violation) -> str | None:
        """Find the fact that would stop the rule: a table of the policy that lacks a row."""
        row = json.dumps(shown["row"])
        path = ("policies", shown["policy"], "tables", shown["table"], "explain")
        try:
            derivation = self._client.get(*path, row=row)["derivation"]
        except CongressError:
            return None
        return next(_absent_facts(derivation), None)

    def _command(self, purpose: str, *words: str) -> str:
        endpoint = self._client.endpoint
        where = () if endpoint == DEFAULT_ENDPOINT else ("--endpoint", endpoint)
        verbs = 1 if words[0] == "explain" else 2
        command = shlex.join([_program(), *words[:verbs], *where, *words[verbs:]])
        return f"  {purpose:<11} {command}"


def _absent_facts(derivation: Mapping[str, Any]) -> Iterator[str]:
    for absence in derivation["absences"]:
        if absence["is_ground"] and absence["policy"] == derivation["policy"]:
            yield absence["atom"]
    for child in derivation["children"]:
        yield from _absent_facts(child)


def _identity(violation: Violation) -> tuple[str, str, str]:
    return violation["policy"], violation["table"], json.dumps(violation["row"])


def _argument(cell: Any) -> str:
    """Write a cell so that `congress explain` reads it back: text as it is where that is safe."""
    if isinstance(cell, str):
        try:
            json.loads(cell)
        except ValueError:
            return cell
    return json.dumps(cell)


def _after_dashes(cells: Sequence[str]) -> Sequence[str]:
    return ["--", *cells] if any(cell.startswith("-") for cell in cells) else cells


def _program() -> str:
    """Name this program as the user would type it."""
    found = Path(sys.argv[0])
    if shutil.which("congress") == str(found):
        return "congress"
    try:
        return str(found.relative_to(Path.cwd()))
    except ValueError:
        return str(found)
