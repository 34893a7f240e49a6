"""docs/library.md: its examples run from top to bottom and give what stands behind them."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[3] / "docs" / "library.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def given_by_line(block: str) -> dict[int, str]:
    """Give what a line is said to give, by the number of the line."""
    lines = enumerate(block.splitlines(), 1)
    return {number: line.split("# → ")[1] for number, line in lines if "# → " in line}


def test_the_examples_give_what_the_page_says() -> None:
    session: dict[str, Any] = {}
    checked = 0
    for block in BLOCKS:
        given = given_by_line(block)
        for statement in ast.parse(block).body:
            expected = given.get(statement.end_lineno or 0)
            if expected is None:
                exec(compile(ast.Module([statement], []), PAGE.name, "exec"), session)  # noqa: S102
                continue
            assert isinstance(statement, ast.Expr)
            code = compile(ast.Expression(statement.value), PAGE.name, "eval")
            found = repr(eval(code, session))  # noqa: S307 - the page is our own
            assert found == expected.strip(), ast.unparse(statement)
            checked += 1
    assert checked > 30
