"""What the REPL tells of things that are not so: changes that are tried, rows that are absent."""

from __future__ import annotations

import re
from collections.abc import Iterator

from congress_dist.derivation_text import why_not_lines
from congress_dist.errors import InvalidRequest
from congress_dist.formats import cell_text

from ..engine import Engine
from ..impact import RowChange, RuleOperation
from ..planner.answers import Row

_SIMULATION = re.compile(
    r"(?P<query>.*?)\s+after\s+(?P<sequence>.*?)"
    r"(?:\s+action_policy\s+(?P<action_policy>[\w.\-]+))?",
    re.DOTALL,
)


def absence(engine: Engine, owner: str, table: str, row: Row) -> Iterator[str]:
    """Say for each rule why it does not give a row. Raises: as `Engine.why_not`."""
    found = engine.why_not(owner, table, row).to_wire()
    yield from why_not_lines(found | {"columns": list(engine.columns(owner, table))})


def simulation(engine: Engine, policy: str, text: str) -> Iterator[str]:
    """Say what a sequence of changes does to the answer of a query: `p(x) after q+(1)`.

    Shapes: behind actions stands the policy that describes them: `p(x) after cut(1)
        action_policy acts`.
    Raises: InvalidRequest: the text has no such form. Others as `Engine.simulate`.
    """
    match = _SIMULATION.fullmatch(text)
    if match is None:
        raise InvalidRequest("name a query and changes: .simulate p(x, y) after q+(1) r-(2)")
    result = engine.simulate(policy, **match.groupdict(), delta=True).result
    yield from result or ["nothing changes"]


def impact(engine: Engine, policy: str, text: str) -> Iterator[str]:
    """Say which violations and actions come and go with a rule: `+ p(x) :- q(x)`.

    Raises: InvalidRequest: the text has no such form. Others as `Engine.impact`.
    """
    if text[:1] not in ("+", "-"):
        raise InvalidRequest("say what is done with the rule: .impact + p(x) :- q(x), or - …")
    operation = RuleOperation("insert" if text[0] == "+" else "delete", policy, text[1:])
    found = engine.impact([operation])
    for warning in found.warnings:
        yield from warning.render().splitlines()
    yield from (f"+ {_shown(change)}" for change in found.appeared)
    yield from (f"- {_shown(change)}" for change in found.disappeared)
    for (owner, table), missing in found.incomplete.items():
        yield f"? {owner}:{table}, of which more may appear: {', '.join(sorted(missing))}"
    if not (found.appeared or found.disappeared or found.incomplete):
        yield "no violation and no action comes or goes"


def _shown(change: RowChange) -> str:
    cells = ", ".join(map(cell_text, change.row))
    return f"{change.kind} {change.policy}:{change.table}({cells})"
