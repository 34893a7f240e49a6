"""Which rules use which indexes: an unused one is known without asking all rules."""

from __future__ import annotations

from .active_rule import ActiveRule
from .normal_form import TableKey
from .relation import Columns

Signature = tuple[TableKey, Columns]


class IndexUsers:
    """The indexes that the plans of rules use.

    Invariant: a rule is noted for the signatures that its plans had at its last `update`.
    """

    def __init__(self) -> None:
        self._users: dict[Signature, set[ActiveRule]] = {}
        self._used: dict[ActiveRule, set[Signature]] = {}

    def __contains__(self, signature: object) -> bool:
        return signature in self._users

    def update(self, rule: ActiveRule) -> list[Signature]:
        """Take that a rule has other plans; give the signatures that nobody uses any more."""
        before = self._used.get(rule, set())
        after = rule.signatures()
        for signature in after - before:
            self._users.setdefault(signature, set()).add(rule)
        unused = [signature for signature in before - after if self._leave(rule, signature)]
        if after:
            self._used[rule] = after
        else:
            self._used.pop(rule, None)
        return unused

    def forget(self, rule: ActiveRule) -> list[Signature]:
        """Take that a rule is out of work; give the signatures that nobody uses any more."""
        return [used for used in self._used.pop(rule, ()) if self._leave(rule, used)]

    def _leave(self, rule: ActiveRule, signature: Signature) -> bool:
        users = self._users[signature]
        users.discard(rule)
        if users:
            return False
        del self._users[signature]
        return True
