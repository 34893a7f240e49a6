"""docs/library.md: its examples run from top to bottom and give what stands behind them."""

from __future__ import annotations

from tests.pages import run_page


def test_the_examples_give_what_the_page_says() -> None:
    assert run_page("library.md") > 30
