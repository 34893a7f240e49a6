"""Conditions on the time of the clock, as rules write them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .choices import Choices
from .vocabulary import TICKS

_COMPARISONS = (">", ">=", "<", "<=", "=", "!=")
_AGES = ("60", "30", "0", "45.5", "-30", "120", "3600", '"60"', "null")
_NAMED = ("lt", "gteq", "datetime_lt", "datetime_gteq", "equal")

Known = Callable[[Sequence[str]], str]
"""Gives a bound variable or a constant."""


class ClockTexts:
    """Writes conditions that ask for the time; most compare it with constants."""

    def __init__(self, choices: Choices, known: Known) -> None:
        self._choices = choices
        self._known = known

    def condition(self, bound: Sequence[str]) -> str:
        """Give literals that test the time or an age, and bind nothing that others use."""
        choices = self._choices
        kind = choices.below(10)
        if kind < 5:
            text = f"age_seconds({self._known(bound)}, s), {self._compared('s')}"
        elif kind < 7:
            text = f"now(t), {self._against('t', choices.pick(TICKS))}"
        elif kind < 8:
            text = f"now(t), datetime_lt({self._known(bound)}, t)"
        elif kind < 9:
            return f"not now({self._known(bound)})"
        else:
            return f"age_seconds({self._known(bound)}, {choices.pick(_AGES)})"
        return f"not ({text})" if choices.chance(25) else text

    def binding(self, bound: Sequence[str]) -> str:
        """Give a literal that binds v to the time or an age."""
        if self._choices.chance(30):
            return "now(v)"
        return f"age_seconds({self._known(bound)}, v)"

    def _compared(self, age: str) -> str:
        constant = self._choices.pick(_AGES)
        operator = self._choices.pick(_COMPARISONS)
        if self._choices.chance(25):
            return f"{constant} {operator} {age}"
        if self._choices.chance(15):
            return f"{age} > 15, {age} <= 75"
        return f"{age} {operator} {constant}"

    def _against(self, time: str, tick: str) -> str:
        if self._choices.chance(40):
            return f'{self._choices.pick(_NAMED)}({time}, "{tick}")'
        return f'{time} {self._choices.pick(_COMPARISONS)} "{tick}"'
