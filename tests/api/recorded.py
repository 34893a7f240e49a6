"""The exchanges recorded from OpenStack Congress 11.0.0, and how an answer is held against one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

DATA = Path(__file__).parent / "data" / "congress_rest.jsonl"

_OWN_VALUES = {
    "updated", "links", "trace", "last_updated", "last_error", "number_of_updates", "initialized",
    "subscribers",
}  # fmt: skip
"""Keys whose values are this system's own; that they are there is compared all the same.

A source counts transactions of its stream, and is initialized when its first round is in.
"""
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Recorded:
    """One exchange with Congress."""

    n: int
    method: str
    path: str
    body: Any
    content_type: str
    status: int
    location: str | None
    response: Any

    @property
    def label(self) -> str:
        """Name the exchange in a report."""
        return f"{self.n} {self.method} {self.path}"


def load_recorded() -> list[Recorded]:
    """Read all exchanges in the order in which they were made."""
    lines = DATA.read_text().splitlines()
    return [
        Recorded(**{key: value for key, value in json.loads(line).items() if key != "note"})
        for line in lines
    ]


class Ids:
    """Which id here stands for which recorded one."""

    def __init__(self) -> None:
        self._here_by_recorded: dict[str, str] = {}

    def translate(self, text: str) -> str:
        """Put the ids of here into a recorded path."""
        for recorded, here in self._here_by_recorded.items():
            text = text.replace(recorded, here)
        return text

    def learn(self, recorded: Any, here: Any) -> None:
        """Note which ids correspond in two answers to the same request."""
        if not (isinstance(recorded, dict) and isinstance(here, dict)):
            return
        if "id" in recorded and "id" in here:
            self._here_by_recorded[recorded["id"]] = here["id"]
        for item in recorded.get("results", []):
            for other in here.get("results", []):
                if _name(item) == _name(other) is not None:
                    self.learn(item, other)


def _name(item: Any) -> Any:
    return item.get("name") if isinstance(item, dict) else None


def essence(answer: Any) -> Any:
    """Give what must be equal of an answer: keys and values, without order, ids and times.

    Shapes: of an error, its keys and code only; the cells of a row (`data`) keep their order.
    """
    if isinstance(answer, Mapping) and set(answer) == {"error"}:
        return {"error": sorted(answer["error"]), "code": answer["error"]["error_code"]}
    if isinstance(answer, Mapping):
        return {key: _essence_of_value(key, value) for key, value in answer.items()}
    if isinstance(answer, list):
        items = (essence(item) for item in answer)
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
    return answer


def _essence_of_value(key: str, value: Any) -> Any:
    if key in _OWN_VALUES or (key == "id" and _UUID.fullmatch(value)):
        return "…"
    return value if key == "data" else essence(value)


def path_of(location: str | None) -> str | None:
    """Give the path of an address, whatever host it names."""
    return None if location is None else urlsplit(location).path
