"""A replica without a bus, told by its standard input which rules to write; answers in JSON lines.

Arguments: the database's URL, and `cas` or `naive`: check, then insert, as it must not be done.
A line holds a policy and a rule; the answer says how it ended and at which revision it was
validated.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import msgspec

from congress_dist.errors import CongressError
from congress_dist.policy.service import PolicyService
from congress_dist.policy.store.changes import Change
from congress_dist.policy.store.rule_store import Draft, RevisionMoved, RuleStore


class RecordingStore(RuleStore):
    """Remembers at which revision the first attempt of each write was validated."""

    validated_at: int | None = None

    def commit(self, draft: Draft) -> Change:
        if self.validated_at is None:
            self.validated_at = draft.after.revision
        return super().commit(draft)


class NaiveStore(RecordingStore):
    """Inserts what was checked, whatever was committed since."""

    def commit(self, draft: Draft) -> Change:
        while True:
            try:
                return super().commit(draft)
            except RevisionMoved:
                draft = msgspec.structs.replace(draft, after=self.head())


def main() -> None:
    url, kind = sys.argv[1:]
    store = NaiveStore(url) if kind == "naive" else RecordingStore(url)
    service = PolicyService("r1", store)
    service.open()
    _say({"outcome": "open"})
    for line in sys.stdin:
        policy, rule = json.loads(line)
        store.validated_at = None
        outcome = _insert(service, policy, rule)
        _say(outcome | {"rule": rule, "validated_at": store.validated_at})
    service.stop()


def _insert(service: PolicyService, policy: str, rule: str) -> dict[str, Any]:
    try:
        answer = service.methods()["rule_insert"](policy=policy, rule=rule)
    except CongressError as error:
        return {"outcome": error.code, "message": error.message}
    return {"outcome": "written", "revision": answer["revision"]}


def _say(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
