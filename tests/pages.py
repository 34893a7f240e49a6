"""Pages of docs/ whose examples are Python: they run from top to bottom, as a reader would."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1] / "docs"


def run_page(name: str) -> int:
    """Run a page's examples; give how many said what they give (`# → …`), and do.

    Raises: AssertionError: an example gives something else.
    """
    page = DOCS / name
    session: dict[str, Any] = {"__name__": page.stem}
    checked = 0
    for block in re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL):
        given = _given_by_line(block)
        for statement in ast.parse(block).body:
            expected = given.get(statement.end_lineno or 0)
            if expected is None:
                exec(compile(ast.Module([statement], []), name, "exec"), session)  # noqa: S102
                continue
            assert isinstance(statement, ast.Expr)
            code = compile(ast.Expression(statement.value), name, "eval")
            found = repr(eval(code, session))  # noqa: S307 - the page is our own
            assert found == expected.strip(), ast.unparse(statement)
            checked += 1
    return checked


def _given_by_line(block: str) -> dict[int, str]:
    """Give what a line is said to give, by the number of the line."""
    lines = enumerate(block.splitlines(), 1)
    return {number: line.split("# → ")[1] for number, line in lines if "# → " in line}
