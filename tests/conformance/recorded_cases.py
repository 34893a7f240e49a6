"""The engine cases recorded from OpenStack Congress 11.0.0, and where this engine differs.

A step of a case has an `op`, its inputs, and in `expect` what Congress answered.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

DATA = Path(__file__).parent / "data"

Step = dict[str, Any]


@dataclass(frozen=True)
class RecordedCase:
    """One case: steps on an engine that was empty before."""

    id: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Deviation:
    """A case in which this engine answers otherwise, on purpose.

    Shapes: `instead` has the number of a step (from 0), and keys of its expectation that are so
        here.
    """

    case: str
    because: str
    instead: Mapping[int, Mapping[str, Any]]

    def applied_to(self, case: RecordedCase) -> RecordedCase:
        """Give the case with what is expected here."""
        steps = [
            {**step, **self._expected_in(number, step)} for number, step in enumerate(case.steps)
        ]
        return RecordedCase(case.id, tuple(steps))

    def _expected_in(self, number: int, step: Step) -> dict[str, Any]:
        instead = dict(self.instead.get(number, {}))
        effects = {"effects": instead.pop("effects")} if "effects" in instead else {}
        return {**effects, "expect": instead or step["expect"]}


def load_cases() -> list[RecordedCase]:
    """Read all cases."""
    with lzma.open(DATA / "congress_cases.jsonl.xz", "rt", encoding="utf-8") as lines:
        cases = map(json.loads, lines)
        return [RecordedCase(case["id"], tuple(case["steps"])) for case in cases]


@dataclass(frozen=True)
class Reason:
    """What the reference of the language says, among its deviations and, by section, elsewhere."""

    deviation: str
    because: Mapping[str, str] = field(default_factory=dict)


def load_reasons() -> dict[str, Reason]:
    """Read what allows deviations, by name."""
    reasons = _read("deviations.yaml")["reasons"]
    return {name: Reason(**entry) for name, entry in reasons.items()}


def load_deviations() -> list[Deviation]:
    """Read the deviations."""
    return [Deviation(**entry) for entry in _read("deviations.yaml")["cases"]]


def _read(name: str) -> Any:
    return yaml.safe_load((DATA / name).read_text())
