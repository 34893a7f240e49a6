"""What was run already: one line of JSON for each stretch of cases, with the commit it ran on."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from congress_dist import policy


@dataclass(frozen=True)
class Stretch:
    """Cases of a seed that were run one after the other."""

    commit: str
    seed: int
    first: int
    count: int
    failed: int
    seconds: float


class Ledger:
    """A file to which stretches are added as soon as they are done."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self.stretches = [Stretch(**json.loads(line)) for line in lines]

    def add(self, stretch: Stretch) -> None:
        """Note a stretch."""
        self.stretches.append(stretch)
        with self._path.open("a") as file:
            file.write(json.dumps(asdict(stretch)) + "\n")

    def next_number(self, seed: int) -> int:
        """Give the number of the first case of a seed behind all that were run."""
        ends = (each.first + each.count for each in self.stretches if each.seed == seed)
        return max(ends, default=0)

    def counts(self) -> dict[str, int]:
        """Give how many cases were run on each commit."""
        counts: Counter[str] = Counter()
        for each in self.stretches:
            counts[each.commit] += each.count
        return dict(counts)


def commit_under_test() -> str:
    """Give the commit of the sources that are run; `+` behind it when they were edited."""
    root = Path(policy.__file__).parent
    command = ["git", "-C", str(root), "describe", "--always", "--exclude=*", "--dirty=+"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
