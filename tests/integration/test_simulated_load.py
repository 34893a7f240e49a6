"""A whole system under the load of a simulated cloud, for a few seconds."""

from __future__ import annotations

import pytest

from tests.bench.measure_load import SAMPLE_S, evenly, main

pytestmark = pytest.mark.integration


def test_every_change_of_a_simulated_cloud_arrives_in_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["--minutes", "0.1", "--rate", "200", "--servers", "500", "--bus", "uds"]
    assert main(arguments) == 0, capsys.readouterr().out
    assert "tables that differ at the end: none" in capsys.readouterr().out


def test_one_look_that_took_long_counts_as_all_that_it_kept_away() -> None:
    assert evenly(0.3, 0.4 * SAMPLE_S) == [0.3]
    assert evenly(6.0, 100 * SAMPLE_S) == [6.0] * 100
