"""Numbers with their nouns, as messages say them."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Give a number with its noun: 1 column, 2 columns."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
