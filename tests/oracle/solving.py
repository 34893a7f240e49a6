"""What a conjunction of normal literals gives: one literal after the other, row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from congress_dist.policy.language.builtins import BuiltinFailure
from congress_dist.policy.planner.normal_form import (
    Call,
    Choice,
    Condition,
    Group,
    Match,
    NormalLiteral,
    TableKey,
    Term,
    variables_of,
)

from .symbols import IdRow, Symbols

Rows = Mapping[TableKey, AbstractSet[IdRow]]
Binding = dict[str, int]


class Body:
    """A conjunction whose literals stand in an order in which each can be decided."""

    def __init__(self, literals: Sequence[NormalLiteral], given: Iterable[str] = ()) -> None:
        """Put literals in order. `given` are variables that have values before."""
        self.steps: list[tuple[NormalLiteral, tuple[Body, ...]]] = []
        known = set(given)
        left = list(literals)
        while left:
            literal = min(left, key=lambda each: _rank(each, known))
            if _rank(literal, known)[0] == _NEVER:
                raise AssertionError(f"these literals can never run: {left}")
            left = [other for other in left if other is not literal]
            self.steps.append((literal, _bodies_of(literal, known)))
            if not _is_negated(literal):
                known |= variables_of(literal)

    def solve(self, rows: Rows, symbols: Symbols, binding: Binding) -> Iterator[Binding]:
        """Give each way to satisfy the literals; one may come more than once."""
        return _solve(self.steps, 0, rows, symbols, binding)


def agrees(terms: Sequence[Term], row: IdRow, binding: Binding | None = None) -> bool:
    """Tell whether a row agrees with terms."""
    return next(_agreeing(terms, [row], binding or {}), None) is not None


_TESTS, _BINDS, _MATCHES, _CHOOSES, _GATHERS, _NEVER = range(6)


def _is_negated(literal: NormalLiteral) -> bool:
    return not isinstance(literal, Condition) and literal.negated


def _rank(literal: NormalLiteral, known: AbstractSet[str]) -> tuple[int, int]:
    """Tell how early a literal should run: tests, what computes, the most bound table."""
    unknown = variables_of(literal) - known
    if not unknown:
        return _TESTS, 0
    match literal:
        case Condition(operator="=", left=left, right=right):
            is_ready = not {left, right} <= unknown
            return (_BINDS if is_ready else _NEVER), 0
        case Call(negated=False, inputs=inputs):
            return (_BINDS if unknown.isdisjoint(inputs) else _NEVER), 0
        case Match(negated=False, terms=terms):
            bound = sum(1 for term in terms if term is not None and term not in unknown)
            return _MATCHES, -bound
        case Choice(negated=False):
            return _CHOOSES, 0
        case Group(negated=False):
            return (_GATHERS if _gives_all(literal, known) else _NEVER), len(unknown)
    return _NEVER, 0


def _gives_all(group: Group, known: AbstractSet[str]) -> bool:
    try:
        _bodies_of(group, known)
    except AssertionError:
        return False
    return True


def _bodies_of(literal: NormalLiteral, known: AbstractSet[str]) -> tuple[Body, ...]:
    if not isinstance(literal, Group):
        return ()
    bodies = tuple(Body(body, known & set(literal.shared)) for body in literal.bodies)
    if not literal.negated:
        for body in literal.bodies:
            given = known.union(*(variables_of(o) for o in body if not _is_negated(o)))
            if not given.issuperset(literal.shared):
                raise AssertionError(f"a body does not give all of {literal.shared}: {body}")
    return bodies


Steps = Sequence[tuple[NormalLiteral, tuple[Body, ...]]]


def _solve(
    steps: Steps, number: int, rows: Rows, symbols: Symbols, binding: Binding
) -> Iterator[Binding]:
    if number == len(steps):
        yield binding
        return
    literal, bodies = steps[number]
    for extended in _extended(literal, bodies, rows, symbols, binding):
        yield from _solve(steps, number + 1, rows, symbols, extended)


def _extended(
    literal: NormalLiteral,
    bodies: tuple[Body, ...],
    rows: Rows,
    symbols: Symbols,
    binding: Binding,
) -> Iterator[Binding]:
    """Give the binding extended by each way in which a literal holds."""
    match literal:
        case Match(table=table, terms=terms, negated=False):
            return _agreeing(terms, rows.get(table, ()), binding)
        case Match(table=table, terms=terms):
            return _unless(_agreeing(terms, rows.get(table, ()), binding), binding)
        case Condition(operator=operator, left=left, right=right):
            return _compared(operator, left, right, symbols, binding)
        case Choice(term=term, constants=constants, negated=False):
            return _agreeing((term,), [(constant,) for constant in constants], binding)
        case Choice(term=term, constants=constants):
            given = [(constant,) for constant in constants]
            return _unless(_agreeing((term,), given, binding), binding)
        case Call(inputs=inputs, outputs=outputs, negated=negated, solve=solve):
            found = _agreeing(outputs, _called(solve, inputs, symbols, binding), binding)
            return _unless(found, binding) if negated else found
    inner = {name: binding[name] for name in literal.shared if name in binding}
    ways = (way for body in bodies for way in body.solve(rows, symbols, inner))
    if literal.negated:
        return _unless(ways, binding)
    shared = {tuple(way[name] for name in literal.shared) for way in ways}
    return _agreeing(literal.shared, shared, binding)


def _unless(ways: Iterator[Binding], binding: Binding) -> Iterator[Binding]:
    if next(ways, None) is None:
        yield binding


def _agreeing(terms: Sequence[Term], rows: Iterable[IdRow], binding: Binding) -> Iterator[Binding]:
    """Give the binding extended by each row that agrees with the terms; once if by nothing."""
    for row in rows:
        extended = None
        for term, cell in zip(terms, row, strict=True):
            if term is None:
                continue
            if isinstance(term, int):
                if term != cell:
                    break
                continue
            wanted = (extended or binding).get(term)
            if wanted is None:
                if extended is None:
                    extended = dict(binding)
                extended[term] = cell
            elif wanted != cell:
                break
        else:
            if extended is None:
                yield binding  # further rows that agree say the same
                return
            yield extended


def _value(term: Term, binding: Binding) -> int | None:
    return term if isinstance(term, int) else binding.get(term or "")


def _compared(
    operator: str, left: Term, right: Term, symbols: Symbols, binding: Binding
) -> Iterator[Binding]:
    x, y = _value(left, binding), _value(right, binding)
    if operator == "=" and x is None:
        return iter([{**binding, str(left): _number(y)}])
    if operator == "=" and y is None:
        return iter([{**binding, str(right): _number(x)}])
    return iter([binding] if _holds(operator, _number(x), _number(y), symbols) else [])


def _number(value: int | None) -> int:
    if value is None:
        raise AssertionError("a variable without a value is compared")
    return value


def _holds(operator: str, x: int, y: int, symbols: Symbols) -> bool:
    if operator in ("=", "!="):
        return (x == y) is (operator == "=")
    left, right = symbols.values[x], symbols.values[y]
    kinds = {type(left), type(right)}
    if kinds != {str} and not kinds <= {int, float}:
        return False
    if operator in ("<", ">="):
        return (left < right) is (operator == "<")  # type: ignore[operator]
    return (left > right) is (operator == ">")  # type: ignore[operator]


def _called(
    solve: Callable[..., Iterable[tuple[object, ...]]],
    inputs: Sequence[Term],
    symbols: Symbols,
    binding: Binding,
) -> list[IdRow]:
    """Give what a builtin gives, as far as a table may hold it; nothing when it fails."""
    cells = symbols.decode(_number(_value(term, binding)) for term in inputs)
    try:
        outputs = list(solve(cells))
    except BuiltinFailure:
        return []
    encoded = (symbols.encode_or_none(output) for output in outputs)  # type: ignore[arg-type]
    return [row for row in encoded if row is not None]
