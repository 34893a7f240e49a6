"""Each mutant of the protocol is one change of code that is there; the run is `make mutants`."""

from __future__ import annotations

import ast

import pytest

from tests.protocol_mutants.__main__ import PACKAGE
from tests.protocol_mutants.mutants import HARMLESS, MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_changes_one_place_and_is_python(mutant: Mutant) -> None:
    text = (PACKAGE / mutant.file).read_text()
    assert text.count(mutant.before) == 1
    ast.parse(text.replace(mutant.before, mutant.after))


def test_there_are_enough_and_few_are_harmless() -> None:
    assert len(MUTANTS) >= 40
    assert len(HARMLESS) <= 3
    assert HARMLESS.keys() <= {mutant.name for mutant in MUTANTS}
