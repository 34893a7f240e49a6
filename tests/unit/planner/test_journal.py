"""What a journal takes back, also of a change that was only begun."""

from __future__ import annotations

import pytest

from congress_dist.policy.planner.journal import Journal


class Full(dict[str, int]):
    """A mapping for whose next entry there is no memory."""

    def __setitem__(self, key: str, value: int) -> None:
        raise MemoryError


def test_an_entry_that_could_not_be_made_is_taken_back() -> None:
    journal = Journal()
    mapping = {"one": 1}
    full = Full()
    mark = journal.mark()
    journal.put(mapping, "one", 2)
    with pytest.raises(MemoryError):
        journal.put(full, "two", 2)
    journal.rollback(mark)
    assert (mapping, full) == ({"one": 1}, {})
