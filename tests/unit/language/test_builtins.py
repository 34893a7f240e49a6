"""Builtins: each has cases in tests/cases/builtins; how they are declared and found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from congress_dist.policy.language.ast import Atom, Constant_
from congress_dist.policy.language.builtins import (
    FAMILIES,
    BuiltinFailure,
    all_builtins,
    find_builtin,
    find_call,
)
from congress_dist.policy.language.builtins.registry import builtin

ROOT = Path(__file__).resolve().parents[3] / "tests" / "cases" / "builtins"
CASES = {
    f"{path.stem}: {case['call'][0]}: {case['name']}": case
    for path in sorted(ROOT.glob("*.yaml"))
    for case in yaml.safe_load(path.read_text())
}
cells: st.SearchStrategy[Constant_] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_call_gives(case: dict[str, Any]) -> None:
    name, *inputs = case["call"]
    found = find_builtin(name)
    assert found is not None
    if "fails" in case:
        with pytest.raises(BuiltinFailure, match=f"^{case['fails']}$"):
            found.rows(tuple(inputs))
        assert found.solve(tuple(inputs)) == []
    else:
        expected = [tuple(row) for row in case["gives"]]
        assert repr(found.rows(tuple(inputs))) == repr(expected)


def test_every_builtin_has_a_case_and_says_what_it_does() -> None:
    tried = {case["call"][0] for case in CASES.values()}
    assert tried == set(all_builtins())
    assert all(found.doc.endswith(".") for found in all_builtins().values())


def test_every_family_has_its_file_of_cases() -> None:
    families = {family.__name__.rpartition(".")[2] for family in FAMILIES}
    assert families == {path.stem for path in ROOT.glob("*.yaml")}


def test_the_prefix_may_be_left_out() -> None:
    assert find_builtin("builtin:lt") is find_builtin("lt")
    assert find_builtin("nothing") is None


def test_only_bare_and_prefixed_atoms_call_builtins() -> None:
    assert find_call(Atom("lt")) is find_call(Atom("lt", policy="builtin"))
    assert find_call(Atom("lt", policy="nova")) is None
    assert find_call(Atom("servers")) is None


def test_a_signature_tells_inputs_and_outputs() -> None:
    plus, lt = all_builtins()["plus"], all_builtins()["lt"]
    assert (plus.signature, plus.arity) == ("plus(x, y | z)", 3)
    assert (lt.signature, lt.arity) == ("lt(x, y)", 2)


def test_no_text_grows_beyond_a_million_characters() -> None:
    builtins, long = all_builtins(), "a" * 600_000
    with pytest.raises(BuiltinFailure, match="too long"):
        builtins["concat"].rows((long, long))
    with pytest.raises(BuiltinFailure, match="too long"):
        builtins["replace"].rows((long, "a", long))


def test_hostile_texts_fail_rather_than_crash() -> None:
    builtins, brackets = all_builtins(), "[" * 100_000
    assert builtins["json_get"].solve((brackets, "a")) == []
    assert builtins["matches"].solve(("a" * 100_000, "(a*)*b")) == []
    assert builtins["matches"].solve(("a", "(((a{1,1000}){1,1000}){1,1000})")) == []
    assert builtins["extract_date"].solve(("1" * 1_000_000,)) == []


def test_only_the_clock_is_read() -> None:
    reads = {name: found.reads for name, found in all_builtins().items() if found.reads}
    assert reads == {"now": ("clock", "now"), "age_seconds": ("clock", "now")}


def test_a_wrong_signature_is_refused() -> None:
    with pytest.raises(ValueError, match="not a signature"):
        builtin("plus(x, y, z)")


@pytest.mark.parametrize("name", sorted(all_builtins()))
@settings(deadline=None)
@given(st.data())
def test_no_input_breaks_a_builtin(name: str, data: st.DataObject) -> None:
    found = all_builtins()[name]
    inputs = tuple(data.draw(cells) for _ in found.takes)
    for row in found.solve(inputs):
        assert len(row) == len(found.outputs)
        assert all(isinstance(cell, str | int | float | bool | None) for cell in row)
