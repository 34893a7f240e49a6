"""From an ordered body to the steps that the kernel runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from .normal_form import (
    Call,
    Choice,
    Condition,
    Group,
    Match,
    NormalLiteral,
    Term,
    terms_of,
)

Register = int
Operand = int
"""A register, or the complement of a constant's id."""
StepData = tuple[object, ...]
PlanData = tuple[Sequence[Register], Sequence[StepData], Sequence[Operand]]
"""The registers given, the steps, the head: what `Kernel` takes; see kernel/_kernel.pyi."""
Pairs = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the kernel calls tables and builtins."""

    relation: Callable[[object, int], int]
    """By table and width."""
    builtin: Callable[[Call], int]
    search: Callable[[object, tuple[int, ...], int], tuple[int, ...]] = lambda _, bound, __: bound
    """By table, bound columns and width: those of them by which to find its rows."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a plan reads its tables.

    Shapes: `changes` is the literal (by identity) whose changes come first; `old` are those that
        are read as they were before the step.
    """

    changes: Match | None = None
    old: frozenset[int] = frozenset()
    """Identities of literals."""
    is_counted: bool = True
    """Each row that matches counts; else one is enough where nothing of it is needed."""
    keeps_heights: bool = False
    """Only rows of some heights match, so that a literal is read itself and not just asked."""
    begins_with_scan: bool = False
    """A first literal is gone through, even where an index by its constants could be made."""


def compile_body(
    body: Sequence[NormalLiteral],
    terms: Sequence[Term],
    numbers: Numbers,
    *,
    given: Sequence[str] = (),
    reading: Reading = Reading(is_counted=False),
) -> PlanData:
    """Give the plan that runs an ordered body and gives the values of `terms`.

    Shapes: the `given` variables are those of the plan's given registers, in order.
    """
    compiler = _Compiler(given, numbers, reading)
    registers = compiler.registers(given)
    for literal, needed in zip(body, _needed_after(body, terms), strict=True):
        compiler.add(literal, needed)
    return registers, compiler.steps, [compiler.operand(term) for term in terms]


def _needed_after(body: Sequence[NormalLiteral], terms: Sequence[Term]) -> list[frozenset[Term]]:
    """Give for each literal the terms that something after it reads."""
    needed: list[frozenset[Term]] = []
    later = frozenset(terms)
    for literal in reversed(body):
        needed.append(later)
        later = later.union(terms_of(literal))
    return needed[::-1]


@dataclass(slots=True)
class _Columns:
    """What a literal's columns are, given what is known: `picks` are new, `same` repeat one."""

    bound: list[int] = field(default_factory=list)
    picks: Pairs = field(default_factory=list)
    same: Pairs = field(default_factory=list)


class _Compiler:
    def __init__(self, given: Iterable[str], numbers: Numbers, reading: Reading) -> None:
        self.steps: list[StepData] = []
        self._numbers = numbers
        self._reading = reading
        self._register: dict[str, Register] = {name: n for n, name in enumerate(given)}
        self._live: set[str] = set(self._register)

    def registers(self, names: Iterable[str]) -> list[Register]:
        return [self._register[name] for name in names]

    def operand(self, term: Term) -> Operand:
        assert term is not None  # noqa: S101 - checks and normal form see to it
        return self._register[term] if isinstance(term, str) else ~term

    def add(self, literal: NormalLiteral, needed: AbstractSet[Term]) -> None:
        match literal:
            case Match() if literal is self._reading.changes:
                self._scan(literal, needed, reads_changes=True)
            case Match(negated=True):
                self._test_match(literal, needed)
            case Match():
                self._match(literal, needed)
            case Condition():
                self._compare(literal, needed)
            case Choice():
                self._choose(literal, needed)
            case Call():
                self._call(literal, needed)
            case Group():
                self._group(literal, needed)

    def _match(self, literal: Match, needed: AbstractSet[Term]) -> None:
        columns = self._columns(literal.terms, needed)
        is_test = not columns.picks and not columns.same
        is_asked = is_test and not self._reading.is_counted
        if is_asked and self._reading.keeps_heights:
            is_asked = bool(columns.bound)
        if is_asked or len(columns.bound) == len(literal.terms):
            self._test_match(literal, needed)
        elif not columns.bound or (self._reading.begins_with_scan and not self.steps):
            self._scan(literal, needed, reads_changes=False)
        else:
            self._probe(literal, columns, needed)

    def _probe(self, literal: Match, columns: _Columns, needed: AbstractSet[Term]) -> None:
        relation, old = self._table(literal)
        bound = tuple(columns.bound)
        by = list(self._numbers.search(literal.table, bound, len(literal.terms)))
        key = [self.operand(literal.terms[column]) for column in by]
        checks = [(n, self.operand(literal.terms[n])) for n in bound if n not in by]
        picks = self._write(columns.picks, literal.terms)
        kept = self._keep(needed, written=picks)
        self.steps.append(("probe", relation, old, by, key, picks, checks, columns.same, kept))

    def _scan(self, literal: Match, needed: AbstractSet[Term], *, reads_changes: bool) -> None:
        columns = self._columns(literal.terms, needed)
        checks = [(column, self.operand(literal.terms[column])) for column in columns.bound]
        relation, old = self._table(literal)
        picks = self._write(columns.picks, literal.terms)
        kept = self._keep(needed, written=picks)
        self.steps.append(
            ("scan", relation, old, reads_changes, picks, checks, columns.same, kept)
        )

    def _test_match(self, literal: Match, needed: AbstractSet[Term]) -> None:
        """Keep what has a row, or has none."""
        bound = self._columns(literal.terms, frozenset()).bound
        relation, old = self._table(literal)
        key = [self.operand(literal.terms[column]) for column in bound]
        if len(bound) == len(literal.terms):
            kept = self._keep(needed)
            self.steps.append(("lookup", relation, old, key, literal.negated, kept))
        elif bound:
            kept = self._keep(needed)
            self.steps.append(("exists", relation, old, bound, key, literal.negated, kept))
        else:
            plan: PlanData = ((), [("scan", relation, old, False, (), (), (), ())], ())
            self._ask([plan], (), needed, negated=literal.negated)

    def _compare(self, literal: Condition, needed: AbstractSet[Term]) -> None:
        left, right = literal.left, literal.right
        if self._is_known(left) and self._is_known(right):
            operands = self.operand(left), self.operand(right)
            self.steps.append(("compare", literal.operator, *operands, self._keep(needed)))
            return
        known, new = (left, right) if self._is_known(left) else (right, left)
        value = self.operand(known)
        register = self._new(new)
        self.steps.append(("copy", value, register, self._keep(needed, written=[(0, register)])))

    def _choose(self, literal: Choice, needed: AbstractSet[Term]) -> None:
        constants = sorted(literal.constants)
        if self._is_known(literal.term):
            value = self.operand(literal.term)
            kept = self._keep(needed)
            self.steps.append(("among", value, constants, literal.negated, kept))
            return
        register = self._new(literal.term)
        kept = self._keep(needed, written=[(0, register)])
        self.steps.append(("choose", constants, register, kept))

    def _call(self, literal: Call, needed: AbstractSet[Term]) -> None:
        builtin = self._numbers.builtin(literal)
        inputs = [self.operand(term) for term in literal.inputs]
        columns = self._columns(literal.outputs, needed)
        checks = [(number, self.operand(literal.outputs[number])) for number in columns.bound]
        if literal.negated:
            kept = self._keep(needed)
            self.steps.append(("fails", builtin, inputs, checks, columns.same, kept))
            return
        results = self._write(columns.picks, literal.outputs)
        kept = self._keep(needed, written=results)
        self.steps.append(("call", builtin, inputs, results, checks, columns.same, kept))

    def _ask(
        self,
        plans: Sequence[PlanData],
        shared: Sequence[str],
        needed: AbstractSet[Term],
        *,
        negated: bool,
    ) -> None:
        key = self.registers(shared)
        self.steps.append(("ask", plans, key, negated, self._keep(needed)))

    def _group(self, literal: Group, needed: AbstractSet[Term]) -> None:
        """Ask a group's bodies; where it gives values, gather them."""
        known = [name for name in literal.shared if name in self._register]
        new = [name for name in literal.shared if name not in self._register]
        plans = [self._inner(body, new, known) for body in literal.bodies]
        if not new:
            self._ask(plans, known, needed, negated=literal.negated)
            return
        key = self.registers(known)
        results = [(n, self._new(name)) for n, name in enumerate(new) if name in needed]
        kept = self._keep(needed, written=results)
        self.steps.append(("gather", plans, key, results, kept))

    def _inner(
        self, body: Sequence[NormalLiteral], terms: Sequence[Term], given: Sequence[str]
    ) -> PlanData:
        reading = Reading(is_counted=False)
        return compile_body(body, terms, self._numbers, given=given, reading=reading)

    def _table(self, literal: Match) -> tuple[int, bool]:
        relation = self._numbers.relation(literal.table, len(literal.terms))
        return relation, id(literal) in self._reading.old

    def _is_known(self, term: Term) -> bool:
        return not isinstance(term, str) or term in self._register

    def _columns(self, terms: Sequence[Term], needed: AbstractSet[Term]) -> _Columns:
        columns = _Columns()
        new: dict[str, int] = {}
        for column, term in enumerate(terms):
            if term is None:
                continue
            if not isinstance(term, str) or term in self._register:
                columns.bound.append(column)
            elif term in new:
                columns.same.append((new[term], column))
            else:
                new[term] = column
                if term in needed:
                    columns.picks.append((column, -1))
        return columns

    def _write(self, picks: Pairs, terms: Sequence[Term]) -> Pairs:
        """Give the picks with a new register for each."""
        return [(column, self._new(terms[column])) for column, _ in picks]

    def _new(self, term: Term) -> Register:
        assert isinstance(term, str)  # noqa: S101 - only variables are without a value
        self._register[term] = len(self._register)
        self._live.add(term)
        return self._register[term]

    def _keep(self, needed: AbstractSet[Term], written: Pairs = ()) -> list[Register]:  # type: ignore[assignment]
        """Give the registers to keep, and forget what is not needed any more."""
        self._live = {name for name in self._live if name in needed}
        own = {register for _, register in written}
        return sorted(r for name in self._live if (r := self._register[name]) not in own)
