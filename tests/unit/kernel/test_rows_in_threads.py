"""Rows of changes, read in one thread while another one is inside of the kernel."""

from __future__ import annotations

import threading

from congress_dist.policy.kernel import Kernel

SOON_S = 0.05
LATE_S = 60.0


def test_rows_are_read_when_nobody_else_is_inside() -> None:
    kernel = Kernel(lambda *_: ())
    table = kernel.add_relation(2, "base")
    kernel.change(table, [("short", "a text that has a block of its own")], ())
    kernel.propagate()
    added, _ = kernel.changes(table)
    read: list[object] = []
    threads = [
        threading.Thread(target=lambda: read.append(list(added))),
        threading.Thread(target=lambda: read.append([added[0]])),
    ]
    kernel.enter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON_S)
    assert not read
    assert list(added) == [added[0]]  # the thread that is inside itself
    kernel.leave()
    for thread in threads:
        thread.join(LATE_S)
    assert read == [[("short", "a text that has a block of its own")]] * 2
