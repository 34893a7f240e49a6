"""Running one test case: what is given goes into an engine, what follows is compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from congress_dist.errors import InvalidRequest, NotFound, UserError
from congress_dist.row import Cell, encode_row

from ..engine import Engine
from ..explain import Derivation
from ..language.ast import Argument, Atom, Constant, Rule
from ..language.counts import counted
from ..language.diagnostics import PolicyError
from ..language.grammar import parse
from ..language.package import Package, PackageRule, read_packages
from ..language.printer import print_value
from ..recorded_tables import Recording, read_recording
from ..row_order import row_order
from .case_file import Case, ErrorExpectation, TableExpectation, WhyExpectation
from .case_tables import given_tables
from .workspace import Workspace

_SHOWN_ROWS = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case: nothing to complain of, or complaints; the engine, when it ran."""

    case: Case
    complaints: Sequence[str]
    packages: Sequence[Package] = ()
    engine: Engine | None = None


class CaseRunner:
    """Runs cases one after the other; policies and recorded tables are read once."""

    def __init__(self) -> None:
        self._packages: dict[tuple[tuple[Path, ...], str], list[Package]] = {}
        self._recordings: dict[Path, Recording] = {}

    def run(self, case: Case) -> Outcome:
        """Run a case.

        Raises: UserError: the case itself is wrong: a file that is not there, a row that does not
            fit its columns.
        """
        try:
            packages = self._read(case)
            whole = _with_rules(packages, case)
            workspace = Workspace(whole, self._recording(case, whole))
            engine = workspace.engine(now=case.now)
        except PolicyError as error:
            return Outcome(case, list(_compare_errors(error, case.error)))
        if case.error is not None:
            wanted = case.error.code or repr(case.error.contains)
            return Outcome(case, [f"expected the error {wanted}, the policies were accepted"])
        comparison = _Comparison(engine, workspace.main)
        complaints = [
            *(c for expected in case.tables for c in comparison.table(expected)),
            *(c for expected in case.whys for c in comparison.why(expected)),
        ]
        return Outcome(case, complaints, packages, engine)

    def _read(self, case: Case) -> list[Package]:
        key = (tuple(case.policies), case.kind)
        if key not in self._packages:
            self._packages[key] = read_packages(case.policies, kind=case.kind)
        return self._packages[key]

    def _recording(self, case: Case, packages: Sequence[Package]) -> Recording:
        recorded: Recording = {}
        if case.data is not None:
            if case.data not in self._recordings:
                self._recordings[case.data] = read_recording(case.data)
            recorded = self._recordings[case.data]
        return given_tables(case, recorded, packages)


def _with_rules(packages: Sequence[Package], case: Case) -> list[Package]:
    """Give the packages with the case's own rules and facts in them."""
    source = f"{case.file}: rules of {case.name!r}"
    rules = {packages[0].name: list(parse(case.rules, source=source))}
    names = [package.name for package in packages]
    for key, rows in case.facts.items():
        owner, mark, table = key.partition(":")
        if not mark:
            owner, table = packages[0].name, key
        if owner in names:
            rules.setdefault(owner, []).extend(_fact(table, row, case, key) for row in rows)
    texts = {source: case.rules}
    return [
        replace(
            package,
            rules=[
                *package.rules,
                *(PackageRule(rule, "", None, "") for rule in rules.get(package.name, ())),
            ],
            texts={**package.texts, **texts},
        )
        for package in packages
    ]


def _fact(table: str, row: Any, case: Case, key: str) -> Rule:
    if isinstance(row, dict):
        raise InvalidRequest(
            f"'{case.file}': {case.name!r}: facts: {key}: rows of a policy's table are lists"
        )
    cells = row if isinstance(row, list) else [row]
    return Rule(Atom(table, tuple(Argument(Constant(cell)) for cell in cells)))


def _compare_errors(error: PolicyError, expected: ErrorExpectation | None) -> Iterator[str]:
    if expected is None:
        yield f"the policies were refused:\n{error.message}"
        return
    for found in error.diagnostics:
        is_code = expected.code in (None, found.code)
        if is_code and (expected.contains or "") in found.render():
            return
    wanted = " ".join(
        [expected.code or "", f"with {expected.contains!r}" if expected.contains else ""]
    ).strip()
    yield f"expected the error {wanted}, found:\n{error.message}"


class _Comparison:
    """What an engine holds against what is expected."""

    def __init__(self, engine: Engine, main: str) -> None:
        self._engine = engine
        self._main = main

    def table(self, expected: TableExpectation) -> Iterator[str]:
        owner, table = self._key(expected.table)
        try:
            known = self._engine.tables(owner)
        except NotFound as error:
            yield f"expect: {expected.table}: {error.message}"
            return
        if table not in known:
            yield f"expect: nothing defines the table '{owner}:{table}'; there are: " + (
                ", ".join(known) or "none"
            )
            return
        missing = self._engine.missing(owner, table)
        if missing and not expected.incomplete:
            reasons = ", ".join(f"{key}: {reason}" for key, reason in missing.items())
            hint = "say incomplete: true if that is meant"
            yield f"{owner}:{table} is incomplete ({reasons}); {hint}"
        if expected.incomplete and not missing:
            yield f"{owner}:{table} is complete, expected that it is not"
        yield from self._rows(owner, table, expected)

    def why(self, expected: WhyExpectation) -> Iterator[str]:
        owner, table = self._key(expected.table)
        names = self._engine.columns(owner, table)
        rows = [r for r in self._engine.rows(owner, table) if _agrees(expected.row, r, names)]
        if not rows:
            yield f"expect_why: {owner}:{table} has no row {_text(expected.row)}"
            return
        first = min(rows, key=row_order)
        derivation = self._engine.explain(owner, table, first)
        if expected.rule is not None and expected.rule not in (
            derivation.rule_id,
            derivation.rule,
        ):
            yield (
                f"expect_why: {owner}:{table}{_text(derivation.row)} follows by "
                f"{derivation.rule_id or derivation.rule!r}, expected {expected.rule!r}"
            )
        below = list(_all_below(derivation))
        for key, wanted in expected.uses.items():
            used_table = self._key(key)
            used = [(d.row, d.columns) for d in below if (d.policy, d.table) == used_table]
            for row in wanted:
                if not any(_agrees(row, cells, columns) for cells, columns in used):
                    shown = ", ".join(_text(cells) for cells, _ in used) or "none"
                    yield (
                        f"expect_why: {owner}:{table}{_text(derivation.row)} does not use "
                        f"{':'.join(used_table)}{_text(row)}; of that table it uses: {shown}"
                    )

    def _rows(self, owner: str, table: str, expected: TableExpectation) -> Iterator[str]:
        name = f"{owner}:{table}"
        rows = sorted(self._engine.rows(owner, table), key=row_order)
        names = self._engine.columns(owner, table)
        if expected.count is not None and len(rows) != expected.count:
            has = counted(len(rows), "row")
            yield f"{name} has {has}, expected {expected.count}" + _listing("", rows)
        wanted = [*(expected.exactly or ()), *expected.contains]
        lost = [row for row in wanted if not any(_agrees(row, r, names) for r in rows)]
        extra = [row for row in expected.absent if any(_agrees(row, r, names) for r in rows)]
        surplus = [
            r
            for r in (rows if expected.exactly is not None else ())
            if not any(_agrees(row, r, names) for row in expected.exactly or ())
        ]
        if lost:
            yield f"{name} lacks rows{_listing('-', lost)}{self._advice(lost, names)}"
        if surplus or extra:
            yield f"{name} has rows that must not be there{_listing('+', [*surplus, *extra])}"

    def _advice(self, lost: Sequence[Any], names: Sequence[str]) -> str:
        for row in lost:
            if isinstance(row, dict):
                unknown = [str(name) for name in row if name not in names]
                if unknown:
                    return f"\n  there is no column '{unknown[0]}'; it has {', '.join(names)}"
            elif isinstance(row, list) and len(row) != len(names):
                return f"\n  rows have {len(names)} cells: {', '.join(names)}"
        return ""

    def _key(self, table: str) -> tuple[str, str]:
        owner, mark, name = table.partition(":")
        return (owner, name) if mark else (self._main, table)


def _agrees(expected: Any, row: Sequence[Cell], names: Sequence[str]) -> bool:
    """Tell whether a row is the expected one, or has the expected cells in the named columns."""
    if isinstance(expected, dict):
        cells = dict(zip(names, row, strict=True))
        return all(
            name in cells and _is_same([cell], [cells[name]]) for name, cell in expected.items()
        )
    return _is_same(expected if isinstance(expected, list | tuple) else [expected], row)


def _is_same(left: Sequence[Cell], right: Sequence[Cell]) -> bool:
    if len(left) != len(right):
        return False
    try:
        return encode_row(left) == encode_row(right)
    except UserError:
        return False


def _all_below(derivation: Derivation) -> Iterator[Derivation]:
    for child in derivation.children:
        yield child
        yield from _all_below(child)


def _listing(sign: str, rows: Sequence[Any]) -> str:
    lines = [f"\n  {sign} {_text(row)}" for row in rows[:_SHOWN_ROWS]]
    if len(rows) > _SHOWN_ROWS:
        lines.append(f"\n  {sign} … {len(rows) - _SHOWN_ROWS} more")
    return "".join(lines)


def _text(row: Any) -> str:
    if isinstance(row, dict):
        return f"({', '.join(f'{name}={print_value(cell)}' for name, cell in row.items())})"
    cells = row if isinstance(row, list | tuple) else [row]
    return f"({', '.join(map(print_value, cells))})"
