"""What only `make bench` runs."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes long or needs another engine, unless benchmarks were asked for.

    Why not skip: a skipped test is one that nobody ran and somebody should have.
    """
    if config.getoption("benchmark_enable"):
        return
    left_out = [item for item in items if item.get_closest_marker("only_bench")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
