"""What a run of faults says at its end."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from statistics import median

from .audit import Audit
from .strike import COUNTED, Outcome


class Report:
    """Gathers outcomes; its text can be had at any time."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.skipped: dict[str, str] = {}
        """The kinds of fault that are not possible here, and why."""
        self._outcomes: list[Outcome] = []

    @property
    def injected(self) -> int:
        """Give how many faults were injected."""
        return sum(len(outcome.faults) for outcome in self._outcomes)

    def add(self, outcome: Outcome) -> None:
        """Take an outcome."""
        self._outcomes.append(outcome)

    def text(self, audit: Audit) -> str:
        """Give all of it."""
        lines = [f"seed {self.seed}: {self.injected} faults in {len(self._outcomes)} strikes"]
        lines += ["", f"{'fault':44}{'times':>6}  converged after, p50 and at most"]
        lines += self._by_fault()
        lines += ["", *self._sums(), "", "promises looked at:"]
        lines += [f"  {count:>9,}  {name}" for name, count in sorted(shown(audit.checks).items())]
        if self.skipped:
            lines += ["", f"SKIPPED, not possible here: {len(self.skipped)} kinds of fault"]
            lines += [f"  {name}: {why}" for name, why in self.skipped.items()]
        lines += ["", f"promises broken: {len(audit.broken)}"]
        lines += [f"  {what[:600]}" for what in audit.broken[:20]]
        return "\n".join(lines)

    def _by_fault(self) -> list[str]:
        seconds = defaultdict(list)
        for outcome in self._outcomes:
            for name in outcome.faults:
                seconds[name].append(outcome.converged)
        return [
            f"{name:44}{len(found):>6}  {times(found)}" for name, found in sorted(seconds.items())
        ]

    def _sums(self) -> list[str]:
        sums: Counter[str] = sum((Counter(o.counts) for o in self._outcomes), Counter())
        converged = times([outcome.converged for outcome in self._outcomes])
        answered = times([outcome.answered for outcome in self._outcomes])
        return [
            f"all subscribers converged after {converged}; answers after {answered}",
            ", ".join(f"{sums[name]:,} {name}" for name in COUNTED)
            + ", as the nodes counted them",
        ]


def times(seconds: Iterable[float]) -> str:
    """Give the median and the longest of some times."""
    found = sorted(seconds)
    return f"{median(found):.2f} s, {found[-1]:.2f} s" if found else "-"


def shown(checks: Counter[str]) -> dict[str, int]:
    """Give checks for people: the counters that stay 0 as one."""
    found: Counter[str] = Counter()
    for name, count in checks.items():
        found["counters of own faults stay 0" if name.endswith(" stays 0") else name] += count
    return dict(found)
