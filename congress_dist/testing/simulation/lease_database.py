"""The lease rows as the rule database keeps them, with outages, delays and restored backups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from congress_dist.protocol.lease import ACQUIRE, RENEW


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """One lease; `owner` is None when it was released."""

    owner: str | None
    generation: int
    renewals: int


class LeaseDatabase:
    """Answers lease calls as the policy service does; each is one conditional update.

    Shapes: `heard_epoch` gives the newest epoch heard of the stream from others than an
        incarnation.
    Promises: the same answers as the policy service on its SQL store; a test compares them.
    """

    def __init__(self, heard_epoch: Callable[[str], int]) -> None:
        self._heard_epoch = heard_epoch
        self._rows: dict[str, LeaseRow] = {}
        self._backup: dict[str, LeaseRow] = {}
        self._before_grant: dict[str, LeaseRow] = {}
        self.is_away = False
        self.delay = 0.0

    def carry_out(self, method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Do what a lease call asks for."""
        if method == ACQUIRE:
            return self._acquire(**arguments)
        row = self._rows.get(arguments["name"])
        is_held = row is not None and (row.owner, row.generation) == (
            arguments["owner"],
            arguments["generation"],
        )
        if method == RENEW:
            heard = self._heard_epoch(arguments["owner"])
            if row is not None and is_held:
                self._rows[arguments["name"]] = replace(row, renewals=row.renewals + 1)
            return {"granted": is_held, "heard": heard}
        if row is not None and is_held:
            self._rows[arguments["name"]] = replace(row, owner=None)
        return {"released": is_held}

    def save(self) -> None:
        """Make a backup."""
        self._backup = dict(self._rows)

    def restore(self) -> None:
        """Go back to the backup."""
        self._rows = dict(self._backup)

    def take_away(self) -> None:
        """Let nobody own a lease, as an operator can."""
        self._rows = {name: replace(row, owner=None) for name, row in self._rows.items()}

    def forget_grant(self) -> None:
        """Go back to what stood before the newest grant."""
        self._rows = dict(self._before_grant)

    def _acquire(
        self,
        name: str,
        owner: str,
        replaces: str | None = None,
        heard_epoch: int = 0,
        expected: list[int] | None = None,
    ) -> dict[str, Any]:
        heard = self._heard_epoch(owner)
        above = max(heard_epoch, heard)
        row = self._rows.get(name)
        if row is None:
            row = self._grant(name, LeaseRow(owner, above + 1, 0))
        elif row.owner != owner and (
            row.owner is None
            or row.owner == replaces
            or [row.generation, row.renewals] == expected
        ):
            row = self._grant(name, LeaseRow(owner, max(row.generation, above) + 1, 0))
        return {
            "granted": row.owner == owner,
            "owner": row.owner,
            "generation": row.generation,
            "renewals": row.renewals,
            "heard": heard,
        }

    def _grant(self, name: str, row: LeaseRow) -> LeaseRow:
        before = self._rows.get(name)
        assert before is None or row.generation > before.generation  # noqa: S101 - for fencing
        self._before_grant = dict(self._rows)
        self._rows[name] = row
        return row
