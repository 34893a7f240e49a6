"""Test files of policy authors: YAML that says what is given, and what must follow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from congress_dist.errors import InvalidRequest, NotFound
from congress_dist.schema import TableSchema

from ..language.known_keys import refuse_unknown_keys
from ..language.policy_kinds import NONRECURSIVE
from ..language.text_files import files_below, is_directory, read_text, yaml_value
from ..recorded_tables import schema_of
from .workspace import time_text

SUFFIXES = (".test.yaml", ".test.yml")

_GIVEN = ("policies", "kind", "data", "schemas", "facts", "missing", "now", "rules")
_EXPECTED = ("expect", "expect_why", "expect_error")
_CASE_KEYS = ("name", *_GIVEN, *_EXPECTED)
_TABLE_KEYS = ("exactly", "contains", "absent", "count", "incomplete")
_WHY_KEYS = ("table", "row", "rule", "uses")

Row = Any
"""As written: a list of cells, a mapping by columns, or the cell of a row with one."""


@dataclass(frozen=True, slots=True)
class TableExpectation:
    """What must be true of a table; what is None is not asked."""

    table: str
    exactly: Sequence[Row] | None = None
    contains: Sequence[Row] = ()
    absent: Sequence[Row] = ()
    count: int | None = None
    incomplete: bool = False


@dataclass(frozen=True, slots=True)
class WhyExpectation:
    """What the derivation of a row must show: its rule, by id or text, and rows that it uses."""

    table: str
    row: Row
    rule: str | None = None
    uses: Mapping[str, Sequence[Row]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ErrorExpectation:
    """The diagnostic with which the policies must be refused."""

    code: str | None = None
    contains: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One test: what is given, and what must follow.

    Shapes: paths are absolute or relative to the working directory; `facts` and `missing` are by
        `owner:table`.
    """

    name: str
    file: Path
    policies: Sequence[Path]
    kind: str = NONRECURSIVE
    data: Path | None = None
    schemas: Mapping[str, Mapping[str, TableSchema]] = field(default_factory=dict)
    facts: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    now: str | None = None
    rules: str = ""
    tables: Sequence[TableExpectation] = ()
    whys: Sequence[WhyExpectation] = ()
    error: ErrorExpectation | None = None


def find_case_files(paths: Sequence[Path]) -> list[Path]:
    """Give the test files at some paths: files as given, directories with all below them.

    Raises: NotFound: a path with nothing to run.
    """
    found: list[Path] = []
    for path in paths:
        if is_directory(path):
            files = [file for file in files_below(path) if file.name.endswith(SUFFIXES)]
            if not files:
                raise NotFound(f"directory '{path}' holds no test file; name them *.test.yaml")
            found += files
        elif path.is_file():
            found.append(path)
        else:
            raise NotFound(f"there is no test file '{path}'")
    return list(dict.fromkeys(found))


def read_cases(file: Path) -> list[Case]:
    """Read a test file: its cases, or the whole as one case.

    Raises: InvalidRequest: it is not YAML, or not of the expected form; says where and what is.
    """
    data = yaml_value(read_text(file), file)
    reader = _Reader(file)
    top = reader.mapping(data, f"'{file}'", (*_CASE_KEYS, "cases"))
    if "cases" not in top:
        return [reader.case({}, top, f"'{file}'", file.name.partition(".")[0])]
    for key in _EXPECTED:
        if key in top:
            raise InvalidRequest(f"'{file}': '{key}' belongs into a case, as there are 'cases'")
    cases = [
        reader.case(top, reader.mapping(case, place, _CASE_KEYS), place, f"case {number}")
        for number, case, place in reader.numbered(top["cases"], "cases")
    ]
    if not cases:
        raise InvalidRequest(f"'{file}': 'cases' is empty, so nothing is tested; add a case")
    names = [case.name for case in cases]
    for name in names:
        if names.count(name) > 1:
            raise InvalidRequest(f"'{file}': two cases are named {name!r}; rename one")
    return cases


class _Reader:
    """The parts of one test file; each refusal says in which case and under which key."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def case(self, top: Mapping[str, Any], own: Mapping[str, Any], place: str, name: str) -> Case:
        given = {**top, **own}
        name = str(own.get("name", name))
        place = f"'{self._file}': {name!r}" if top else place
        if not any(key in own for key in _EXPECTED):
            raise InvalidRequest(f"{place} expects nothing; say so with {', '.join(_EXPECTED)}")
        facts = {**self._tables(top, "facts", place), **self._tables(own, "facts", place)}
        kind = self._text(given.get("kind", NONRECURSIVE), f"{place}: kind")
        return Case(
            name,
            self._file,
            policies=self._paths(given.get("policies"), f"{place}: policies"),
            kind=kind,
            data=self._path(given["data"], f"{place}: data") if "data" in given else None,
            schemas=dict(self._schemas(given.get("schemas", {}), f"{place}: schemas")),
            facts=facts,
            missing=self._reasons(given.get("missing", {}), f"{place}: missing"),
            now=self._time(given["now"], f"{place}: now") if "now" in given else None,
            rules=self._text(given.get("rules", ""), f"{place}: rules"),
            tables=list(self._expect(own.get("expect", {}), f"{place}: expect")),
            whys=list(self._whys(own.get("expect_why", []), f"{place}: expect_why")),
            error=self._error(own["expect_error"], f"{place}: expect_error")
            if "expect_error" in own
            else None,
        )

    def mapping(
        self, value: Any, place: str, keys: Sequence[str] | None = None
    ) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise InvalidRequest(f"{place}: expected a mapping, found {_what(value)}")
        if keys is not None:
            refuse_unknown_keys(value, keys, place)
        return {str(key): inner for key, inner in value.items()}

    def numbered(self, value: Any, key: str) -> Iterator[tuple[int, Any, str]]:
        for number, entry in enumerate(self._list(value, f"'{self._file}': {key}"), 1):
            yield number, entry, f"'{self._file}': {key}, entry {number}"

    def _list(self, value: Any, place: str) -> Sequence[Any]:
        if not isinstance(value, list):
            raise InvalidRequest(f"{place}: expected a list, found {_what(value)}")
        return value

    def _text(self, value: Any, place: str) -> str:
        if not isinstance(value, str):
            raise InvalidRequest(f"{place}: expected text, found {_what(value)}")
        return value

    def _boolean(self, value: Any, place: str) -> bool:
        if not isinstance(value, bool):
            raise InvalidRequest(f"{place}: expected true or false, found {_what(value)}")
        return value

    def _time(self, value: Any, place: str) -> str:
        given = value if isinstance(value, date) else self._text(value, place)
        try:
            return time_text(given)
        except InvalidRequest as error:
            raise InvalidRequest(f"{place}: {error.message}") from error

    def _path(self, value: Any, place: str) -> Path:
        return self._file.parent / self._text(value, place)

    def _paths(self, value: Any, place: str) -> Sequence[Path]:
        if isinstance(value, str):
            value = [value]
        paths = [self._path(entry, place) for entry in self._list(value or [], place)]
        if not paths:
            raise InvalidRequest(f"{place}: name the policies, relative to the test file")
        return paths

    def _schemas(self, value: Any, place: str) -> Iterator[tuple[str, Mapping[str, TableSchema]]]:
        for source, tables in self.mapping(value, place).items():
            inner = self.mapping(tables, f"{place}: {source}")
            yield source, {t: schema_of(g, f"{place}: {source}:{t}") for t, g in inner.items()}

    def _tables(self, given: Mapping[str, Any], key: str, place: str) -> dict[str, Sequence[Row]]:
        tables = self.mapping(given.get(key, {}), f"{place}: {key}")
        return {
            table: self._rows([] if rows is None else rows, f"{place}: {key}: {table}")
            for table, rows in tables.items()
        }

    def _rows(self, value: Any, place: str) -> Sequence[Row]:
        rows = self._list(value, place)
        for number, row in enumerate(rows, 1):
            for cell in _cells(row):
                if not isinstance(cell, str | int | float | bool | type(None)):
                    hint = "quote it" if isinstance(cell, date) else "write a plain value"
                    where = f"{place}, row {number}"
                    raise InvalidRequest(f"{where}: {_what(cell)} is no cell; {hint}")
        return rows

    def _reasons(self, value: Any, place: str) -> Mapping[str, str]:
        if isinstance(value, list):
            value = dict.fromkeys(value, "missing in this test")
        return {table: str(reason) for table, reason in self.mapping(value, place).items()}

    def _expect(self, value: Any, place: str) -> Iterator[TableExpectation]:
        for table, given in self.mapping(value, place).items():
            where = f"{place}: {table}"
            if isinstance(given, list):
                given = {"exactly": given}
            asked = self.mapping(given, where, _TABLE_KEYS)
            count = asked.get("count")
            if count is not None and (not isinstance(count, int) or isinstance(count, bool)):
                raise InvalidRequest(f"{where}: count: expected a number, found {_what(count)}")
            yield TableExpectation(
                table,
                self._rows(asked["exactly"], f"{where}: exactly") if "exactly" in asked else None,
                self._rows(asked.get("contains", []), f"{where}: contains"),
                self._rows(asked.get("absent", []), f"{where}: absent"),
                count,
                self._boolean(asked.get("incomplete", False), f"{where}: incomplete"),
            )

    def _whys(self, value: Any, place: str) -> Iterator[WhyExpectation]:
        for number, entry in enumerate(self._list(value, place), 1):
            where = f"{place}, entry {number}"
            asked = self.mapping(entry, where, _WHY_KEYS)
            for key in ("table", "row"):
                if key not in asked:
                    raise InvalidRequest(f"{where}: '{key}' is missing")
            yield WhyExpectation(
                self._text(asked["table"], f"{where}: table"),
                self._rows([asked["row"]], f"{where}: row")[0],
                self._text(asked["rule"], f"{where}: rule") if "rule" in asked else None,
                self._tables(asked, "uses", where),
            )

    def _error(self, value: Any, place: str) -> ErrorExpectation:
        if isinstance(value, str):
            return ErrorExpectation(code=value)
        asked = self.mapping(value, place, ("code", "contains"))
        if not asked:
            raise InvalidRequest(f"{place}: name the code of the error, or what it contains")
        texts = {key: self._text(text, f"{place}: {key}") for key, text in asked.items()}
        return ErrorExpectation(texts.get("code"), texts.get("contains"))


def _cells(row: Row) -> Iterable[Any]:
    if isinstance(row, dict):
        return row.values()
    return row if isinstance(row, list) else [row]


def _what(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "text", type(None): "nothing"}
    return names.get(type(value), f"{value!r:.60}")
