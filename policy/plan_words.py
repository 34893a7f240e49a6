"""The steps of one conjunction in words, with the reasons for their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from .language.counts import counted
from .language.names import table_name
from .language.printer import print_value
from .planner.internal_key import InternalKey
from .planner.join_cost import beginnings
from .planner.join_order import bound_columns
from .planner.kernel_face import KernelFace
from .planner.kernel_rules import KernelRule, RelationKey
from .planner.normal_form import (
    Call,
    Choice,
    Condition,
    Group,
    Match,
    NormalLiteral,
    NormalRule,
    Term,
    variables_of,
)


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of a rule: what it does, and why it stands where it stands.

    Shapes: `index` are the columns of the index by which rows are found; None where none is used.
    """

    does: str
    why: str
    index: tuple[str, ...] | None = None


class PlanWords:
    """Tells steps; `internal` has the names of internal tables, `columns` those of columns."""

    def __init__(
        self,
        face: KernelFace,
        internal: Mapping[InternalKey, str],
        columns: Mapping[RelationKey, Sequence[str]],
    ) -> None:
        self._face = face
        self._internal = internal
        self._columns = columns

    def table(self, table: RelationKey) -> str:
        """Name a table."""
        return self._internal[table] if isinstance(table, InternalKey) else table_name(table)

    def whole(self, rule: KernelRule) -> Iterator[PlannedStep]:
        """Tell the steps from nothing."""
        body = self._face.plans.whole_body(rule)
        is_scan = self._face.plans.begins_with_scan(body)
        return self._from_nothing(body, self._why_first(rule), is_scan=is_scan)

    def edges(self, rule: KernelRule, column: int) -> Iterator[PlannedStep]:
        """Tell the steps that give the edges of a closure's step."""
        return self._from_nothing(self._face.plans.edges_body(rule, column), _EDGES, is_scan=True)

    def _from_nothing(
        self, body: Sequence[NormalLiteral], why_first: str, *, is_scan: bool
    ) -> Iterator[PlannedStep]:
        first = next((literal for literal in body if isinstance(literal, Match)), None)
        known: set[str] = set()
        for literal in body:
            if literal is first and is_scan and not known and not first.negated:
                yield self._scan(first, why_first)
            else:
                yield self._step(literal, known)
            known |= variables_of(literal)

    def variant(self, rule: KernelRule, number: int) -> Iterator[PlannedStep]:
        """Tell the steps for the changes of a literal."""
        first, *rest = self._face.plans.variant_body(rule, number)
        assert isinstance(first, Match)  # noqa: S101 - it is the one that changed
        by = self._by(first, frozenset())
        does = f"take the changed rows of {self.table(first.table)}{by}"
        yield PlannedStep(does, "what changed comes first")
        known = variables_of(first)
        for literal in rest:
            yield self._step(literal, known)
            known |= variables_of(literal)

    def _why_first(self, rule: KernelRule) -> str:
        if self._face.plans.find_own(rule) is not None:
            return _OWN
        tried = beginnings(NormalRule(("", ""), rule.terms, rule.body), self._face.estimates)
        if not tried:
            positive = [match for match in rule.matches() if not match.negated]
            return "first: the fewest rows to begin with" if positive[1:] else _ONLY
        costs = sorted((cost, self._first_table(body)) for cost, body in tried)
        others = ", ".join(f"{name} {cost:.3g}" for cost, name in costs[1:])
        return f"first: this order costs about {costs[0][0]:.3g}, one that begins with {others}"

    def _first_table(self, body: Iterable[NormalLiteral]) -> str:
        return next(self.table(literal.table) for literal in body if isinstance(literal, Match))

    def _step(self, literal: NormalLiteral, known: AbstractSet[str]) -> PlannedStep:
        match literal:
            case Match(negated=True):
                by = self._by(literal, known)
                return PlannedStep(
                    f"drop what has a row in {self.table(literal.table)}{by}", _AS_SOON
                )
            case Match():
                return self._join(literal, known)
            case Condition():
                return self._compare(literal, known)
            case Choice(term, constants, negated):
                values = ", ".join(sorted(self._term(constant) for constant in constants))
                if not negated and term not in known:
                    does = f"take {self._term(term)} from {values}"
                    return PlannedStep(does, "it gives values and costs nothing")
                word = "is none of" if negated else "is one of"
                return PlannedStep(f"keep what has {self._term(term)} that {word} {values}", _TEST)
            case Call(builtin, _, inputs, outputs, negated):
                call = f"{builtin}({', '.join(map(self._term, inputs + outputs))})"
                word = "drop what has" if negated else "compute"
                return PlannedStep(f"{word} {call}", "its inputs are known")
            case Group(bodies=bodies, negated=negated):
                tables = {m.table for b in bodies for m in b if isinstance(m, Match)}
                over = f" over {', '.join(sorted(map(self.table, tables)))}" if tables else ""
                word = "drop" if negated else "keep"
                return PlannedStep(f"{word} what has a match of the group{over}", _AS_SOON)

    def _compare(self, literal: Condition, known: AbstractSet[str]) -> PlannedStep:
        left, right = literal.left, literal.right
        if variables_of(literal) <= known:
            does = f"keep what has {self._term(left)} {literal.operator} {self._term(right)}"
            return PlannedStep(does, _AS_SOON)
        is_left_new = isinstance(left, str) and left not in known
        new, value = (left, right) if is_left_new else (right, left)
        does = f"let {self._term(new)} = {self._term(value)}"
        return PlannedStep(does, "it gives a value and costs nothing")

    def _scan(self, literal: Match, why: str) -> PlannedStep:
        size = self._face.size(literal.table, len(literal.terms))
        by = self._by(literal, frozenset(), word="where")
        return PlannedStep(
            f"read all of {self.table(literal.table)} ({counted(size, 'row')}){by}", why
        )

    def _join(self, literal: Match, known: AbstractSet[str]) -> PlannedStep:
        columns = bound_columns(literal, known)
        width = len(literal.terms)
        size = self._face.size(literal.table, width)
        if not columns:
            return self._scan(literal, "it shares no variable with what is there")
        by = self._by(literal, known)
        name = self.table(literal.table)
        if len(columns) == width:
            return PlannedStep(f"keep what has a row in {name}{by}", _AS_SOON)
        estimates = self._face.estimates
        each = estimates.fan_out(literal.table, columns, width)
        share = f"about {each:.3g} of {size} rows each" if size > 1 else counted(size, "row")
        does = f"look up {name}{by} ({share})"
        search = estimates.search(literal.table, columns, width)
        index = tuple(self._column(literal, column) for column in search)
        shared = sorted(variables_of(literal) & known)
        why = f"'{shared[0]}' is known" if shared else "a constant narrows it"
        values = f"{size / each:.3g}" if each else "no"
        different = f"{values} different value{'' if values == '1' else 's'}"
        return PlannedStep(does, f"{why}, {different}; index by {', '.join(index)}", index)

    def _by(self, literal: Match, known: AbstractSet[str], *, word: str = "by") -> str:
        shown = [
            f"{self._column(literal, column)}={self._term(literal.terms[column])}"
            for column in bound_columns(literal, known)
        ]
        return f" {word} {', '.join(shown)}" if shown else ""

    def _column(self, literal: Match, column: int) -> str:
        names = self._columns.get(literal.table)
        return names[column] if names else f"column {column}"

    def _term(self, term: Term) -> str:
        if term is None:
            return "_"
        if isinstance(term, int):
            return print_value(self._face.symbols.value(term))
        return term if term.isidentifier() else f"v{term.strip('=?')}"


_ONLY = "it is the only table to begin with"
_OWN = "first: a table that depends on this one is empty, or small, when this runs"
_EDGES = "each of its rows may be an edge"
_AS_SOON = "a test, as soon as its values are known"
_TEST = "a test on one value"
