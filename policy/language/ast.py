"""What policy text means, as data: rules, atoms, literals, terms, each with the span it came from.

Nodes are immutable and compare by content: spans take no part in equality, so the same rule read
from two places is one rule. The type checker sees frozen dataclasses; see `node` for what runs.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING
from typing import Literal as OneOf

import msgspec

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    from .node import node as dataclass

Constant_ = str | int | float | bool | None
BinaryOperator = OneOf["+", "-", "*", "/", "%"]
ComparisonOperator = OneOf["=", "!=", "<", "<=", ">", ">="]
AggregateName = OneOf["count", "sum", "min", "max", "avg"]
ModalName = OneOf["execute", "ensure"]


class Span(msgspec.Struct, frozen=True, gc=False):
    """A stretch [start, end) of a source text, in characters; `source` names the text."""

    start: int
    end: int
    source: str = "<text>"


NO_SPAN = Span(0, 0, "<none>")


def _span() -> Span:
    return field(default=NO_SPAN, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Constant:
    """A value. Equality is by type and value: 1, 1.0, "1" and true are four constants."""

    value: Constant_
    span: Span = _span()

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Constant)
            and type(self.value) is type(other.value)
            and self.value == other.value
        )

    def __hash__(self) -> int:
        return hash((type(self.value).__name__, self.value))


@dataclass(frozen=True, slots=True)
class Variable:
    """A named unknown."""

    name: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Parameter(Variable):
    """`?` in a prepared query: a variable that gets a value with each call; each is its own."""


@dataclass(frozen=True, slots=True)
class Wildcard:
    """`_`: any value; each occurrence is its own."""

    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Operation:
    """Infix arithmetic."""

    operator: BinaryOperator
    left: Expression
    right: Expression
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Negative:
    """A minus sign before something that is not a number."""

    operand: Expression
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregate over variables; in heads only."""

    function: AggregateName
    variables: tuple[Variable, ...]
    span: Span = _span()


Term = Constant | Variable | Wildcard
Expression = Term | Operation | Negative | Aggregate


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of an atom: by position when `column` is None, else by name or number."""

    value: Expression
    column: str | int | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Atom:
    """A table applied to arguments. `policy` is None for the table of the rule's own policy.

    Builtin calls are atoms too: policy `builtin`, or a bare builtin name.
    """

    table: str
    arguments: tuple[Argument, ...] = ()
    policy: str | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Literal:
    """An atom or its negation, in a body."""

    atom: Atom
    negated: bool = False
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two expressions compared."""

    operator: ComparisonOperator
    left: Expression
    right: Expression
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Membership:
    """`term in [constants]` or `term not in [constants]`."""

    term: Term
    constants: tuple[Constant, ...]
    negated: bool = False
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Truth:
    """`true` or `false` as a body literal."""

    value: bool
    span: Span = _span()


class _Group:
    """Bodies in brackets.

    Compared as a flat list rather than by recursion: groups may nest deeper than Python calls.
    """

    __slots__ = ()
    bodies: tuple[Body, ...]

    def _flat(self) -> list[object]:
        flat: list[object] = []
        stack: list[Conjunct | _Group] = [self]
        while stack:
            node = stack.pop()
            if isinstance(node, _Group):
                flat.append((type(node).__name__, *map(len, node.bodies)))
                stack += [
                    conjunct for body in reversed(node.bodies) for conjunct in reversed(body)
                ]
            else:
                flat.append(node)
        return flat

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Group):
            return NotImplemented
        return self._flat() == other._flat()

    def __hash__(self) -> int:
        return hash(tuple(self._flat()))

    def __repr__(self) -> str:
        return f"<{' '.join(map(repr, self._flat()))}>"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Alternatives(_Group):
    """`(body or body …)`: at least one of the bodies holds; one in brackets is one alternative."""

    bodies: tuple[Body, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class NegatedGroup(_Group):
    """`not (body)`: there is no way to satisfy the bodies (more than one with `or` inside)."""

    bodies: tuple[Body, ...]
    span: Span = _span()


Conjunct = Literal | Comparison | Membership | Truth | Alternatives | NegatedGroup
Body = tuple[Conjunct, ...]


@dataclass(frozen=True, slots=True)
class Annotation:
    """`@name(value)` before a rule."""

    name: str
    value: Constant_
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Rule:
    """`head :- body`; a fact when `body` is None (`p(1) :- true` is a rule, `p(1)` a fact).

    `modal` is set for `execute[…]` and `ensure[…]` heads.
    """

    head: Atom
    body: Body | None = None
    modal: ModalName | None = None
    annotations: tuple[Annotation, ...] = ()
    span: Span = _span()

    @property
    def is_fact(self) -> bool:
        """Tell whether the rule has no body."""
        return self.body is None

    @property
    def is_reporting(self) -> bool:
        """Tell whether its rows are violations."""
        return self.head.table in REPORTING_TABLES or self.annotation("severity") is not None

    def annotation(self, name: str) -> Constant_:
        """Give the value of an annotation, or None."""
        for annotation in self.annotations:
            if annotation.name == name:
                return annotation.value
        return None


Severity = OneOf["info", "low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "low", "medium", "high", "critical")
"""From least to worst."""

ANNOTATIONS = ("id", "severity", "title", "owner", "docs", "remediation", "message")
"""What may be said of any rule; each is a text."""

DRY_RUN = "dry_run"
"""Whether an action is only told of: true or false."""

ACTION_ANNOTATIONS = (DRY_RUN, "grace", "approval", "max_new")
"""What may be said of actions only; all but the first are texts."""

REPORTING_TABLES = ("error", "warning")
"""Tables whose rows are violations, whatever is said of their rules."""
