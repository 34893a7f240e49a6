"""Holds what the engine says about one row, why it is there or not, to the reference engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from congress_dist.errors import CongressError
from congress_dist.policy.explain import Absence, Derivation
from congress_dist.policy.language.ast import Constant
from congress_dist.policy.language.grammar import parse_query
from congress_dist.policy.language.printer import print_rule
from congress_dist.policy.planner.join_order import UnsafeRule
from congress_dist.policy.planner.normal_form import NormalRule, TableKey
from congress_dist.policy.planner.normalize import Unresolved, normalize
from congress_dist.policy.why_not import Obstacle, WhyNot

from .engine import ReferenceEngine
from .meaning import STOPPED, Reasons, ReferenceRule
from .solving import Binding, Body, agrees
from .symbols import IdRow

Fact = tuple[TableKey, IdRow]

_NO_TEXT = "the head can be worked out"


class FalseClaim(AssertionError):
    """The engine says what is not so; the text tells what."""


def check_derivation(found: Derivation, engine: ReferenceEngine) -> None:
    """Check that each step is one of a rule and that no row stands below itself.

    Raises: FalseClaim.
    """
    _Steps(engine).check(found, frozenset())


class _Steps:
    def __init__(self, engine: ReferenceEngine) -> None:
        self._engine = engine
        self._meaning = engine.meaning
        self._checked: set[tuple[str, Fact, tuple[Fact, ...]]] = set()

    def check(self, node: Derivation, above: frozenset[Fact]) -> None:
        fact = self._fact(node)
        table, row = fact
        _insist(row in self._meaning.rows.get(table, ()), f"{fact} is not there")
        _insist(fact not in above, f"{fact} stands below itself")
        below = tuple(map(self._fact, node.children))
        step = (node.rule, fact, below)
        if step not in self._checked:
            self._checked.add(step)
            self._check_step(node, table, row, below)
        for child in node.children:
            self.check(child, above | {fact})

    def _check_step(
        self, node: Derivation, table: TableKey, row: IdRow, below: tuple[Fact, ...]
    ) -> None:
        shown = f"{table}{self._engine.symbols.decode(row)} by {node.rule!r} from {below}"
        if table not in self._meaning.derived:
            _insist(not node.rule and not below, f"a row of a datasource follows: {shown}")
        elif not self._is_fact(table, row, node.rule):
            rules = rules_of(self._engine, table, node.rule)
            is_step = any(self._is_step(rule, row, below, node.is_cut) for rule in rules)
            _insist(is_step, f"no step of a rule: {shown}")
        else:
            _insist(not below, f"a fact has children: {shown}")
        for absence in node.absences:
            self._check_absence(absence)

    def _is_fact(self, table: TableKey, row: IdRow, text: str) -> bool:
        return " :- " not in text and row in self._engine.facts.get(table, ())

    def _is_step(
        self, rule: ReferenceRule, row: IdRow, below: tuple[Fact, ...], is_cut: bool
    ) -> bool:
        if row not in self._meaning.rows_by_rule[rule.name]:
            return False
        if rule.alternatives[0].fold is not None:
            members = {fact for each in rule.alternatives for fact in self._members(each, row)}
            return members.issuperset(below) if is_cut else members == set(below)
        return is_cut or any(self._follows(each, row, below) for each in rule.alternatives)

    def _follows(self, normal: NormalRule, row: IdRow, below: tuple[Fact, ...]) -> bool:
        matches = list(normal.matches())
        if [match.table for match in matches] != [table for table, _ in below]:
            return False
        return any(
            all(agrees(m.terms, r, way) for m, (_, r) in zip(matches, below, strict=True))
            for way in self._ways(normal, row)
        )

    def _members(self, normal: NormalRule, row: IdRow) -> Iterator[Fact]:
        for way in self._ways(normal, row):
            for match in normal.matches():
                rows = self._meaning.rows.get(match.table, ())
                yield from ((match.table, r) for r in rows if agrees(match.terms, r, way))

    def _ways(self, normal: NormalRule, row: IdRow) -> Iterator[Binding]:
        """Give the ways in which a body gives a row, or a member of its group."""
        given = Body(normal.body).solve(self._meaning.rows, self._engine.symbols, {})
        return (way for way in given if _gives(normal, way, row))

    def _check_absence(self, absence: Absence) -> None:
        if absence.is_ground:
            asked = parse_query(absence.atom).head.arguments
            cells = [a.value.value for a in asked if isinstance(a.value, Constant)]
            rows = self._meaning.rows.get((absence.policy, absence.table), ())
            _insist(self._engine.symbols.encode(cells) not in rows, f"{absence} is there")

    def _fact(self, node: Derivation) -> Fact:
        return (node.policy, node.table), self._engine.symbols.encode(node.row)


def _gives(normal: NormalRule, way: Binding, row: IdRow) -> bool:
    pairs = list(zip(normal.terms, row, strict=False))
    if normal.fold is not None:
        parts = zip(normal.fold.parts, row, strict=True)
        pairs = [(normal.terms[part], cell) for part, cell in parts if isinstance(part, int)]
    return all((way[t] if isinstance(t, str) else t) == cell for t, cell in pairs)


def check_doubt(found: WhyNot, engine: ReferenceEngine) -> None:
    """Check that what the engine says of a row, and of each rule, is so. Raises: FalseClaim."""
    table = found.policy, found.table
    row = engine.symbols.encode(found.row)
    is_present = row in engine.meaning.rows.get(table, ())
    _insist(found.is_present is is_present, f"{table}{found.row} is there: {is_present}")
    _check_reasons(found.missing, engine.missing(*table), exactly=True)
    if is_present or table not in engine.meaning.derived:
        _insist(not found.obstacles, f"obstacles of {table}{found.row}: {found.obstacles}")
        return
    named = {obstacle.rule for obstacle in found.obstacles}
    for rule in engine.rules:
        if rule.head == table and rule.alternatives and not found.is_cut:
            _insist(print_rule(rule.rule) in named, f"nothing is said of {print_rule(rule.rule)}")
    for obstacle in found.obstacles:
        rules = rules_of(engine, table, obstacle.rule)
        _insist(rules, f"there is no rule {obstacle.rule!r}")
        _check_obstacle(obstacle, rules[0], row, engine)


def _check_obstacle(
    obstacle: Obstacle, rule: ReferenceRule, row: IdRow, engine: ReferenceEngine
) -> None:
    said = f"{obstacle} of {engine.symbols.decode(row)}"
    if obstacle.because == "ignorance":
        _insist(obstacle.missing, f"nothing is missing: {said}")
        _check_reasons(obstacle.missing or {}, _all_missing(rule, engine))
        return
    if not rule.alternatives:
        _insist(not rule.waits_for and obstacle.fails == "false", f"it waits: {said}")
        return
    normal = rule.alternatives[max(obstacle.alternative - 1, 0)]
    if obstacle.because == "head":
        _insist(not _may_give(normal, row), f"the head fits: {said}")
        return
    if _NO_TEXT in (obstacle.fails, *obstacle.holds):
        return
    if obstacle.because == "value":
        _insist(row not in engine.meaning.rows_by_rule[rule.name], f"it gives the row: {said}")
        return
    _insist(_find_truth(obstacle.policy, obstacle.holds, engine), f"these do not hold: {said}")
    if len(rule.alternatives) == 1:
        together = (*obstacle.holds, obstacle.fails)
        truth = _find_truth(obstacle.policy, together, engine)
        _insist(truth is not True, f"all of it holds: {said}")


def _may_give(normal: NormalRule, row: IdRow) -> bool:
    if normal.fold is None:
        return agrees(normal.terms, row)
    parts = [(p, cell) for p, cell in zip(normal.fold.parts, row, strict=True)]
    groups = [(normal.terms[p], cell) for p, cell in parts if isinstance(p, int)]
    return agrees([term for term, _ in groups], tuple(cell for _, cell in groups))


def _find_truth(policy: str, conditions: Iterable[str], engine: ReferenceEngine) -> bool | None:
    """Tell whether conditions, each as text, hold together; None: that hangs on others."""
    written = ", ".join(conditions)
    if not written:
        return True
    rule = parse_query(f"asked :- {written}")
    try:
        normal = normalize(rule, policy, program=engine.program, symbols=engine.symbols)  # type: ignore[arg-type]
    except UnsafeRule:
        return None
    except (Unresolved, CongressError) as error:
        raise FalseClaim(f"{written!r} means nothing: {error}") from error
    ways = (Body(e.body).solve(engine.meaning.rows, engine.symbols, {}) for e in normal)
    return any(next(each, None) is not None for each in ways)


def rules_of(engine: ReferenceEngine, table: TableKey, text: str) -> list[ReferenceRule]:
    """Give the rules of a table that are printed so."""
    own = (rule for rule in engine.rules if rule.head == table)
    return [rule for rule in own if print_rule(rule.rule) == text]


def _all_missing(rule: ReferenceRule, engine: ReferenceEngine) -> Reasons:
    reasons: Reasons = {table: {why} for table, why in rule.waits_for.items()}
    for table in (*rule.reads, rule.head):
        for name, some in engine.missing(*table).items():
            reasons[name] = reasons.get(name, set()) | some
    return reasons


def _check_reasons(found: dict[str, str], expected: Reasons, *, exactly: bool = False) -> None:
    known = all(is_reason(why, expected.get(name, set())) for name, why in found.items())
    whole = not exactly or found.keys() == expected.keys()
    _insist(known and whole, f"missing is {found}, expected {expected}")


def is_reason(reason: str, expected: set[str]) -> bool:
    """Tell whether a reason is one of those that there are."""
    return reason in expected or (reason.startswith(STOPPED) and STOPPED in expected)


def _insist(condition: object, what: str) -> None:
    if not condition:
        raise FalseClaim(what)
