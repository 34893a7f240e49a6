"""The built kernel offers exactly what its stub declares, with the same parameters."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
STUB = ast.parse((ROOT / "policy/kernel/_kernel.pyi").read_text())
CLASSES = {node.name: node for node in STUB.body if isinstance(node, ast.ClassDef)}
FUNCTIONS = {node.name for node in STUB.body if isinstance(node, ast.FunctionDef)}
BY_HAND = "PreparedQuery"
"""Not made by pybind11: nothing writes its signatures."""


def built() -> ModuleType:
    """Give the extension module itself, which the package does not show to mypy."""
    return importlib.import_module("congress_dist.policy.kernel._kernel")


def public(names: object) -> set[str]:
    return {name for name in dir(names) if not name.startswith("_")}


def declared(name: str) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in CLASSES[name].body if isinstance(node, ast.FunctionDef)}


def parameters(function: ast.FunctionDef) -> list[str]:
    return [argument.arg for argument in function.args.args if argument.arg != "self"]


def parameter_count(docstring: str) -> int:
    """Count the parameters in the signature line that pybind11 writes, `self` left out.

    Brackets are taken out from the inside first: `f(self: K, arg0: tuple[int, int]) -> None`.
    """
    text = docstring.splitlines()[0].partition("(")[2].rpartition(") ->")[0]
    while (shorter := re.sub(r"\[[^\[\]]*\]|\([^()]*\)", "", text)) != text:
        text = shorter
    return text.count(",")


def test_the_built_module_has_what_the_stub_declares() -> None:
    assert public(built()) == CLASSES.keys() | FUNCTIONS


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_has_the_methods_that_the_stub_declares(name: str) -> None:
    stub = {method for method in declared(name) if not method.startswith("_")}
    inherited = {known for base in getattr(built(), name).__mro__[1:] for known in public(base)}
    assert public(getattr(built(), name)) - inherited == stub


METHODS = [
    (name, method)
    for name in sorted(CLASSES.keys() - {BY_HAND})
    for method in declared(name)
    if not method.startswith("__")
]


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_a_method_takes_as_many_parameters_as_the_stub_declares(name: str, method: str) -> None:
    text = inspect.getdoc(getattr(getattr(built(), name), method))
    assert text is not None
    assert parameter_count(text) == len(parameters(declared(name)[method]))


def test_rows_have_what_the_stub_says_of_sequences() -> None:
    for method in declared("Rows"):
        assert hasattr(built().Rows, method)
