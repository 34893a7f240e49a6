"""Where random programs take their decisions from: a seed, or hypothesis, which shrinks them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """Decisions, each drawn as a number; 0 is the plainest."""

    def __init__(self, number_below: Callable[[int], int]) -> None:
        """`number_below(n)` gives one of 0, …, n - 1."""
        self.below = number_below

    def pick(self, options: Sequence[T]) -> T:
        """Give one of some options, the plainest first."""
        return options[self.below(len(options))]

    def chance(self, percent: int) -> bool:
        """Tell whether something rare happens."""
        return self.below(100) >= 100 - percent

    def between(self, low: int, high: int) -> int:
        """Give a number, both ends included."""
        return low + self.below(high - low + 1)

    def some(self, options: Sequence[T], low: int, high: int) -> list[T]:
        """Give so many different options, in their order."""
        left = list(range(len(options)))
        count = min(self.between(low, high), len(left))
        taken = sorted(left.pop(self.below(len(left))) for _ in range(count))
        return [options[place] for place in taken]

    def shuffled(self, options: Sequence[T]) -> list[T]:
        """Give the options in some order."""
        left = list(options)
        return [left.pop(self.below(len(left))) for _ in range(len(left))]


def seeded(seed: object) -> Choices:
    """Give the decisions that belong to a seed."""
    random = Random(str(seed)).random
    return Choices(lambda count: int(random() * count))
