"""Ctrl-C at the door of a kernel."""

from __future__ import annotations

import operator
from _thread import interrupt_main
from functools import partial

import pytest

from congress_dist.policy.kernel import Kernel

pytestmark = pytest.mark.usefixtures("_quiet_collector")


def new_kernel() -> Kernel:
    return Kernel(lambda _rule, _kind, _literal: ((), (), ()))


def test_ctrl_c_that_waits_when_a_call_enters_keeps_it_out() -> None:
    kernel = new_kernel()
    entered: list[int] = []
    steps = [interrupt_main, kernel.enter, partial(entered.append, 1)]
    with pytest.raises(KeyboardInterrupt):
        list(map(operator.call, steps))  # no step of Python between them, which would raise it
    assert not entered
