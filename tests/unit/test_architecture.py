"""The code is laid out as ARCHITECTURE.md and setup.cfg say."""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("congress_dist", "policy", "datasources", "api")
MODULES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))

OUTSIDE_WORLDS = {
    "oslo_messaging": {
        "congress_dist.transports.transport",
        "congress_dist.transports.driver_errors",
        "congress_dist.transports.uds_driver",
        "congress_dist.transports.rabbit_driver",
        "congress_dist.transports.rabbit_connection",
        "congress_dist.transports.rabbit_listener",
    },
    "amqp": {"congress_dist.transports.rabbit_connection"},
    "kombu": {"congress_dist.transports.rabbit_connection"},
    "sqlalchemy": {"policy.store"},
    "alembic": {"policy.store"},
    "oslo_db": {"policy.store"},
    "prometheus_client": {"congress_dist.metrics"},
    "time": {"congress_dist.clock"},
    "random": {"congress_dist.clock", "congress_dist.testing"},
    "pickle": set(),
}


def name_of(path: Path) -> str:
    """Give the folder-first module name: `policy.engine`, `congress_dist.row`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text())))


def imports_of(path: Path) -> Iterator[tuple[str, int]]:
    """Give the modules that a file imports, absolute, in the form of `name_of`, with the line."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield folder_first(alias.name), node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            stem = ".".join(part for part in (base, node.module or "") if part)
            for alias in node.names:
                yield folder_first(f"{stem}.{alias.name}"), node.lineno


def folder_first(module: str) -> str:
    match = re.match(r"congress_dist\.(policy|datasources|api)(\.|$)", module)
    return module.removeprefix("congress_dist.") if match else module


def is_within(module: str, places: set[str]) -> bool:
    return any(module == place or module.startswith(place + ".") for place in places)


@cache
def documented_rules() -> dict[str, set[str]]:
    text = (ROOT / "ARCHITECTURE.md").read_text().split("## Who may import whom")[1]
    rows = re.findall(r"^\| `([\w.]+)` \| (.*) \|$", text, re.MULTILINE)
    return {source: set(re.findall(r"`([\w.]+)`", allowed)) for source, allowed in rows}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_keep_to_the_documented_rules(path: Path) -> None:
    module = name_of(path)
    broken = []
    for source, allowed in documented_rules().items():
        if not is_within(module, {source}):
            continue
        for target, line in imports_of(path):
            ours = target.split(".")[0] in FOLDERS
            if ours and not is_within(target, allowed | {source}):
                broken.append(f"{module}:{line} imports {target}, which {source} may not")
    assert not broken


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_each_outside_world_has_one_importer(path: Path) -> None:
    module = name_of(path)
    for target, line in imports_of(path):
        for world, importers in OUTSIDE_WORLDS.items():
            if is_within(target, {world}):
                assert is_within(module, importers), f"{module}:{line} imports {world}"


def test_of_the_kernel_the_bindings_alone_know_python() -> None:
    sources = [path for kind in ("*.h", "*.cpp") for path in (ROOT / "policy/kernel").glob(kind)]
    knowing = [path.name for path in sources if re.search(r"Python\.h|pybind11", path.read_text())]
    assert knowing
    assert [name for name in knowing if not name.startswith("bindings")] == []


FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_text_is_never_run_as_code(path: Path) -> None:
    for node in nodes_of(path):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in FORBIDDEN_CALLS, f"{path}:{node.lineno}"
        if isinstance(node, ast.Attribute) and node.attr == "load":
            unsafe = isinstance(node.value, ast.Name) and node.value.id == "yaml"
            assert not unsafe, f"{path}:{node.lineno}: yaml.load; use safe_load"


def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def test_packages_in_setup_cfg_equal_the_tree() -> None:
    listed = set(setup_cfg()["options"]["packages"].split())
    found = {
        "congress_dist"
        + ("" if name == "congress_dist" else "." + name.removeprefix("congress_dist."))
        for name in (name_of(path) for path in MODULES if path.name == "__init__.py")
    }
    assert listed == found


def run_python(code: str) -> str:
    """Run code in a new interpreter that sees the installed package only, and give its output."""
    command = [sys.executable, "-P", "-W", "ignore", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd="/").stdout


GROUPS = (
    "congress_dist.services",
    "congress_dist.commands",
    "congress_dist.node_actions",
    "congress_dist.offline",
    "congress_dist.drivers",
)
LOAD_ALL = f"""
import sys, importlib.metadata as metadata
names = [p.load().__name__ for g in {GROUPS} for p in metadata.entry_points(group=g)]
print(len(names), *(n for n in ("policy", "api", "datasources") if n in sys.modules))
"""


def test_every_entry_point_loads_and_no_folder_is_a_second_top_level_module() -> None:
    declared = setup_cfg()["options.entry_points"]
    count = sum(declared[group].count("=") for group in GROUPS)
    assert count >= 15
    assert run_python(LOAD_ALL).split() == [str(count)]


def test_the_glossary_lists_each_word_once() -> None:
    words = re.findall(r"^\| \*\*([^*]+)\*\*", (ROOT / "GLOSSARY.md").read_text(), re.MULTILINE)
    assert len(words) >= 30
    assert len(words) == len(set(words))
