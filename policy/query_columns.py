"""The names of the columns that a query's rows have."""

from __future__ import annotations

from .engine import Engine
from .language.ast import Argument, Variable
from .language.grammar import parse_query
from .language.names import column_name
from .query import find_asked_atom


def columns_of(engine: Engine, policy: str, query: str) -> tuple[str, ...]:
    """Name the columns of a query's rows: by the variables of its head, else by the table.

    Shapes: names are distinct; a column that has none of its own is Col0, Col1, …
    """
    rule = parse_query(query)
    arguments = rule.head.arguments
    atom = find_asked_atom(rule)
    known = () if atom is None else engine.columns(atom.policy or policy, atom.table)
    has_places = any(argument.column is not None for argument in arguments)
    if atom is not None and (len(known) != len(arguments) or has_places):
        return known
    names: list[str] = []
    for number, argument in enumerate(arguments):
        name = _name_of(argument)
        if (not name or name in names) and number < len(known):
            name = known[number]
        names.append(name if name and name not in names else column_name(number))
    return tuple(names)


def _name_of(argument: Argument) -> str:
    value = argument.value
    return value.name if isinstance(value, Variable) and not value.name.startswith("_") else ""
