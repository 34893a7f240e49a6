"""Which tables there are by name, as the API shows and asks for them."""

from __future__ import annotations

from congress_dist.errors import NotFound

from .planner.normal_form import TableKey
from .planner.program import body_atoms
from .replica import State


def resolve_owner(state: State, owner: str) -> str:
    """Give the name of a policy or datasource by name or id. Raises: NotFound (reason `owner`)."""
    found = state.catalog.find_policy(owner) or state.catalog.find_datasource(owner)
    if found is None:
        raise NotFound(
            f"there is no policy or datasource with name or id {owner!r}", reason="owner"
        )
    return found.name


def resolve_table(state: State, owner: str, table: str) -> TableKey:
    """Find a table under the owner that names it. Raises: NotFound (reason `owner` or `table`)."""
    name = resolve_owner(state, owner)
    if table not in tables_named_by(state, name):
        raise NotFound(f"{name!r} has no table {table!r}", reason="table")
    if state.catalog.find_policy(name) is not None and ":" in table:
        other, _, inner = table.partition(":")
        return other, inner
    return name, table


def tables_named_by(state: State, owner: str) -> list[str]:
    """Give the tables of a datasource, or those that a policy's rules name, sorted.

    Shapes: a policy names the tables of others as `owner:table`.
    """
    datasource = state.catalog.find_datasource(owner)
    if datasource is not None:
        return sorted(state.catalog.schemas(datasource))
    tables: set[str] = set()
    for stored in state.catalog.rules(state.catalog.get_policy(owner)):
        if stored.rule.modal is None:
            tables.add(stored.rule.head.table)
        for atom in body_atoms(stored.rule.body or ()):
            foreign = atom.policy not in (None, owner)
            tables.add(f"{atom.policy}:{atom.table}" if foreign else atom.table)
    return sorted(tables)
