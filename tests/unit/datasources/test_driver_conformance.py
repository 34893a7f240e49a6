"""Every installed driver passes the suite, and the suite finds what is wrong with one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from congress_dist.datasources.conformance import check_driver
from congress_dist.datasources.driver import (
    UNCHANGED,
    Changes,
    Column,
    Driver,
    Option,
    Poll,
    SourceUnavailable,
    Table,
    TableRead,
    TableSchema,
    schema,
)
from congress_dist.datasources.registry import driver_names, load_driver


def small_config(driver: type[Driver], folder: Path) -> dict[str, Any]:
    """Point a driver that can look elsewhere at a tree where reading takes no time."""
    (folder / "usr/bin").mkdir(parents=True)
    (folder / "usr/bin/tool").write_text("#!/bin/sh\n")
    (folder / "usr/bin/tool").chmod(0o4755)
    return {"root": str(folder)} if "root" in {each.name for each in driver.options} else {}


@pytest.mark.parametrize("name", driver_names())
def test_every_installed_driver_conforms(name: str, tmp_path: Path) -> None:
    driver = load_driver(name)
    assert driver.name == name
    findings = check_driver(driver, small_config(driver, tmp_path))
    # pytest keeps its directories: no setuid file must stay on the real machine.
    (tmp_path / "usr/bin/tool").unlink()
    assert findings == []


class Sound(Driver):
    """Nothing to find; each test spoils one thing."""

    name = "sound"
    description = "sound"
    tables: ClassVar[Mapping[str, TableSchema]] = {
        "t": schema(Column("x", "int", description="a number"), description="numbers")
    }
    polls = (Poll("p", ("t",), interval=1.0),)
    rows: ClassVar[TableRead] = Table([(1,)])

    def read(self, poll: str) -> Mapping[str, TableRead]:  # noqa: ARG002
        return dict.fromkeys(self.tables, self.rows)


def test_a_sound_driver_has_no_findings() -> None:
    assert check_driver(Sound, {}) == []


def table(*columns: Column, description: str = "t") -> dict[str, TableSchema]:
    return {"t": schema(*columns, description=description)}


@pytest.mark.parametrize(
    ("spoiled", "finding"),
    [
        ({"name": "two words"}, "the driver's name 'two words' is not an identifier"),
        ({"description": ""}, "the driver has no description"),
        ({"options": (Option("a b", "d"),)}, "option 'a b' is not an identifier"),
        ({"options": (Option("a", ""),)}, "option 'a' has no description"),
        ({"options": (Option("a", "d", dict),)}, "option 'a' has a type that no text"),
        ({"options": (Option("a", "d", int, "x"),)}, "option 'a': its default is not a int"),
        ({"options": (Option("a", "d"),) * 2}, "option 'a' occurs 2 times"),
        ({"options": (Option("a", "d", default="x", secret=True),)}, "is a secret that everybody"),
        ({"tables": {"a:b": Sound.tables["t"]}}, "table 'a:b' is not an identifier"),
        ({"tables": table(Column("x", description="d"), description="")}, "'t' has no descr"),
        ({"tables": table()}, "table 't' has no columns"),
        ({"tables": table(Column("x"))}, "column 'x' of table 't' has no description"),
        ({"tables": table(Column("1", description="d"))}, "column '1' of table 't' is not an id"),
        ({"tables": table(*[Column("x", description="d")] * 2)}, "'x' occurs 2 times"),
        ({"polls": ()}, "table 't' is only declared: each one is in exactly one poll"),
        ({"polls": (Poll("p", ("t", "u"), 1.0),)}, "table 'u' is only polled"),
        ({"polls": (Poll("p", ("t",), 1.0), Poll("q", ("t",), 1.0))}, "polls 't' occurs 2 times"),
        ({"polls": (Poll("p", ("t",), 0.0),)}, "interval and timeout must be above 0 s"),
        ({"rows": Table([("x",)])}, "table 't', row 1, column 'x': 'x' is not int"),
        ({"rows": UNCHANGED}, "table 't' has no rows in the first read"),
        ({"rows": Changes([(1,)], [])}, "table 't' has no rows in the first read"),
        ({"rows": None}, "the driver gave a NoneType for table 't'"),
        ({"read": lambda *_: {}}, "poll 'p' gave tables [], expected ['t']"),
    ],
)
def test_what_is_wrong_is_found(spoiled: dict[str, Any], finding: str) -> None:
    findings = check_driver(type("Spoiled", (Sound,), spoiled), {})
    assert any(finding in each for each in findings), findings


def test_a_source_that_is_away_is_no_finding() -> None:
    def away(_driver: Driver, _poll: str) -> Mapping[str, TableRead]:
        raise SourceUnavailable("not here")

    assert check_driver(type("Away", (Sound,), {"read": away}), {}) == []


def test_a_close_that_works_once_only_is_found() -> None:
    class Once(Sound):
        closed = False

        def close(self) -> None:
            if self.closed:
                raise RuntimeError("twice")
            self.closed = True

    assert check_driver(Once, {}) == ["the second close raises RuntimeError: twice"]
