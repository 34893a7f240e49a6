"""What policies, datasources, tables and columns are and may be called in rules."""

from __future__ import annotations

import re
from collections.abc import Iterable

from congress_dist.errors import InvalidRequest

from .lexical import FLAGS, POLICY, RESERVED, TABLE

_OWNER = re.compile(f"{POLICY}:", FLAGS)
_TABLE = re.compile(TABLE, FLAGS)
_TAKEN = frozenset({"_", "builtin", *RESERVED})
MAX_COLUMNS = 1_024
"""Of a table: as many as the kernel takes."""
_LENGTH = 255
_SHOWN = 80


def table_name(table: tuple[str, str]) -> str:
    """Give a table of an owner as rules name it: `nova:servers`."""
    return f"{table[0]}:{table[1]}"


def column_name(number: int) -> str:
    """Give the name of a column that nothing names: Col0, Col1, …"""
    return f"Col{number}"


def column_names(width: int) -> tuple[str, ...]:
    """Give the names of the columns of a table that nothing names."""
    return tuple(map(column_name, range(width)))


def is_owner_name(name: object) -> bool:
    """Tell whether rules can name a policy or datasource so: what stands before a colon."""
    if not isinstance(name, str) or len(name) > _LENGTH or name in _TAKEN:
        return False
    return _OWNER.fullmatch(f"{name}:") is not None


def refuse_owner_name(name: object, what: str) -> None:
    """Make sure that rules can name a policy or datasource; `what` it is begins the message.

    Raises: InvalidRequest.
    """
    if not is_owner_name(name):
        raise InvalidRequest(
            f"{what} cannot be named {_shown(name)}; a name begins with a letter or underscore, "
            "goes on with letters, digits, '_', '.' and '-', and is no word of the language",
            name=_shown(name),
        )


def refuse_table_names(source: str, table: object, columns: Iterable[object]) -> None:
    """Make sure that rules can name a table of a datasource, and its columns; they are not many.

    Shapes: a column's name may hold spaces and other signs: rules read it by its place.
    Raises: InvalidRequest.
    """
    if not isinstance(table, str) or not _TABLE.fullmatch(table):
        raise InvalidRequest(
            f"datasource {source!r} has a table named {_shown(table)}, which no rule can name; use"
            " letters, digits and '_'",
            datasource=source,
        )
    place = f"table '{source}:{table}'"
    if isinstance(columns, str):
        raise InvalidRequest(f"{place}: its columns are one text; write [{columns[:_SHOWN]!r}]")
    if not isinstance(columns, Iterable):
        raise InvalidRequest(f"{place}: its columns are {columns!r:.60}; expected their names")
    names = list(columns)
    if len(names) > MAX_COLUMNS:
        what = f"{place} has {len(names)} columns, at most {MAX_COLUMNS:,} are possible"
        raise InvalidRequest(f"{what}; name those that rules use", datasource=source)
    refuse_column_names(names, place)


def refuse_column_names(columns: Iterable[object], place: str) -> None:
    """Make sure that columns can be told apart; `place` begins the message.

    Raises: InvalidRequest.
    """
    seen: set[object] = set()
    for name in columns:
        if not isinstance(name, str) or not name.isprintable() or not name.strip():
            raise InvalidRequest(f"{place}: {_shown(name)} is no name of a column; give a text")
        if name.isdecimal():
            hint = "a number in rules is a column's place"
            raise InvalidRequest(f"{place}: {_shown(name)} is no name of a column; {hint}")
        if name in seen:
            raise InvalidRequest(f"{place}: the column {_shown(name)} is named twice")
        seen.add(name)


def _shown(name: object) -> str:
    return ascii(name) if len(ascii(name)) <= _SHOWN else f"{ascii(name)[:_SHOWN]}…"
