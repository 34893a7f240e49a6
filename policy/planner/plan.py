"""How one rule is run: steps in join order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from .group_steps import Ask, Gather
from .normal_form import (
    Call,
    Choice,
    Condition,
    Group,
    Match,
    NormalLiteral,
    TableKey,
    Term,
    terms_of,
)
from .relation import Columns
from .steps import (
    Among,
    Binding,
    Choose,
    Compare,
    Compute,
    Context,
    Copy,
    Exists,
    Fails,
    Probe,
    Project,
    Scan,
    Step,
    picker,
    run_steps,
)
from .symbols import Id, Tuple


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps that turn one binding (of the rule's constants, then of given variables) into rows."""

    constants: tuple[Id, ...]
    steps: tuple[Step, ...]
    places: Columns
    """Where the values of the resulting rows stand."""

    def run(self, context: Context, given: Binding = ()) -> Iterator[Tuple]:
        """Give the rows that follow; one may come more than once.

        Cost: proportional to the bindings that the join order makes.
        """
        bindings = run_steps(self.steps, context, self.constants + given)
        return map(picker(self.places), bindings)

    def signatures(self) -> Iterator[tuple[TableKey, Columns]]:
        """Give the indexes that the steps use."""
        for step in self.steps:
            if isinstance(step, Probe | Exists) and step.columns:
                yield step.table, step.columns
            elif isinstance(step, Ask | Gather):
                for plan in step.plans:
                    yield from plan.signatures()


def compile_plan(
    body: Sequence[NormalLiteral], terms: Sequence[Term], *, given: Sequence[str] = ()
) -> Plan:
    """Make the plan that runs an ordered body and gives the values of `terms`.

    Shapes: the `given` variables stand in front, in their order, when the plan is run.
    """
    used = [term for literal in body for term in terms_of(literal)]
    constants = tuple(dict.fromkeys(t for t in [*used, *terms] if isinstance(t, int)))
    builder = _Builder([*constants, *given])
    for literal, needed in zip(body, _needed_after(body, terms), strict=True):
        builder.add(literal, needed)
        builder.keep_only(needed)
    return Plan(constants, tuple(builder.steps), builder.places(terms))


def _needed_after(body: Sequence[NormalLiteral], terms: Sequence[Term]) -> list[frozenset[Term]]:
    """Give for each literal the terms that something after it reads."""
    needed: list[frozenset[Term]] = []
    later = frozenset(terms)
    for literal in reversed(body):
        needed.append(later)
        later = later.union(terms_of(literal))
    return needed[::-1]


class _Builder:
    """Steps so far and what stands where in their bindings."""

    def __init__(self, layout: Iterable[Term]) -> None:
        self.steps: list[Step] = []
        self._place: dict[Term, int] = {term: place for place, term in enumerate(layout)}

    def places(self, terms: Iterable[Term]) -> Columns:
        return tuple(self._place[term] for term in terms)

    def add(self, literal: NormalLiteral, needed: AbstractSet[Term]) -> None:
        match literal:
            case Match(negated=True):
                self._add_exists(literal, wanted=False)
            case Match():
                self._add_match(literal, needed)
            case Condition():
                self._add_test(literal)
            case Choice():
                self._add_choice(literal)
            case Call(negated=True):
                self._add_failing_call(literal)
            case Call():
                self._add_call(literal, needed)
            case Group():
                self._add_group(literal, needed)

    def keep_only(self, needed: AbstractSet[Term]) -> None:
        """Drop the variables that nothing later reads, and with them equal bindings."""
        if not any(isinstance(term, str) and term not in needed for term in self._place):
            return
        kept = [term for term in self._place if term in needed]
        has_variables = any(isinstance(term, str) for term in kept)
        self.steps.append(Project(self.places(kept), has_variables))
        self._place = {term: place for place, term in enumerate(kept)}

    def _add_match(self, literal: Match, needed: AbstractSet[Term]) -> None:
        new, same = _new_variables(literal.terms, self._place)
        picked = {name: column for name, column in new.items() if name in needed}
        if not picked and not same:
            self._add_exists(literal, wanted=True)
            return
        columns, picks = self._bound(literal.terms), tuple(picked.values())
        if columns:
            key = self.places(literal.terms[column] for column in columns)
            self.steps.append(Probe(literal.table, columns, key, picks, same))
        else:
            whole = not same and picks == tuple(range(len(literal.terms)))
            self.steps.append(Scan(literal.table, picks, same, whole))
        self._append(picked)

    def _add_exists(self, literal: Match, *, wanted: bool) -> None:
        columns = self._bound(literal.terms)
        key = self.places(literal.terms[column] for column in columns)
        self.steps.append(Exists(literal.table, columns, key, len(literal.terms), wanted))

    def _add_test(self, literal: Condition) -> None:
        left, right = literal.left, literal.right
        if left in self._place and right in self._place:
            self.steps.append(Compare(literal.operator, *self.places((left, right))))
            return
        known, new = (left, right) if left in self._place else (right, left)
        self.steps.append(Copy(self._place[known]))
        self._append([new])

    def _add_choice(self, literal: Choice) -> None:
        if literal.term in self._place:
            place = self._place[literal.term]
            self.steps.append(Among(place, literal.constants, not literal.negated))
        else:
            self.steps.append(Choose(literal.constants))
            self._append([literal.term])

    def _add_call(self, literal: Call, needed: AbstractSet[Term]) -> None:
        new, same = _new_variables(literal.outputs, self._place)
        picked = {name: number for name, number in new.items() if name in needed}
        inputs, tests = self.places(literal.inputs), self._tests(literal)
        picks = tuple(picked.values())
        self.steps.append(Compute(literal.builtin, literal.solve, inputs, tests, picks, same))
        self._append(picked)

    def _add_failing_call(self, literal: Call) -> None:
        inputs, tests = self.places(literal.inputs), self._tests(literal)
        self.steps.append(Fails(literal.builtin, literal.solve, inputs, tests))

    def _add_group(self, literal: Group, needed: AbstractSet[Term]) -> None:
        known = [name for name in literal.shared if name in self._place]
        new = [name for name in literal.shared if name not in self._place and name in needed]
        plans = tuple(compile_plan(body, new, given=known) for body in literal.bodies)
        if new:
            self.steps.append(Gather(plans, self.places(known)))
            self._append(new)
        else:
            self.steps.append(Ask(plans, self.places(known), not literal.negated))

    def _tests(self, literal: Call) -> tuple[tuple[int, int], ...]:
        return tuple((n, self._place[literal.outputs[n]]) for n in self._bound(literal.outputs))

    def _bound(self, terms: Sequence[Term]) -> Columns:
        return tuple(
            column for column, term in enumerate(terms) if term is not None and term in self._place
        )

    def _append(self, terms: Iterable[Term]) -> None:
        for term in terms:
            self._place[term] = len(self._place)


def _new_variables(
    terms: Sequence[Term], known: Iterable[Term]
) -> tuple[dict[str, int], tuple[tuple[int, int], ...]]:
    """Give each new variable with its first column, and the pairs of columns that repeat one."""
    new: dict[str, int] = {}
    same = []
    for column, term in enumerate(terms):
        if isinstance(term, str) and term not in known:
            if term in new:
                same.append((new[term], column))
            else:
                new[term] = column
    return new, tuple(same)
