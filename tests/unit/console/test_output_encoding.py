"""What the command line writes where the locale lacks its characters."""

from __future__ import annotations

import io
import sys

import pytest

from congress_dist.cli import main


def test_a_character_that_the_locale_lacks_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(raw, encoding="ascii", errors="strict"))
    assert main(["up", "--policy", "/nowhere/\u2026"]) == 2
    sys.stderr.flush()
    assert b"/nowhere/?" in raw.getvalue()
