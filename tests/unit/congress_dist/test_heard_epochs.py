"""The newest epoch of anybody but one, against a list of all that was heard."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from congress_dist.protocol.heard_epochs import HeardEpochs

HEARD = st.lists(st.tuples(st.integers(1, 5), st.sampled_from("abc")), max_size=8)


@given(HEARD, st.sampled_from([None, "a", "b", "c"]))
def test_newest_epoch_is_the_highest_of_all_others(
    heard: list[tuple[int, str]], besides: str | None
) -> None:
    epochs = HeardEpochs()
    for epoch, incarnation in heard:
        epochs.hear(epoch, incarnation)
    others = [epoch for epoch, incarnation in heard if incarnation != besides]
    assert epochs.newest(besides) == max(others, default=0)
