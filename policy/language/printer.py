"""Rules as text again: `parse(print_statement(rule)) == [rule]` for every rule there can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .ast import (
    Aggregate,
    Alternatives,
    Argument,
    Atom,
    Body,
    Comparison,
    Conjunct,
    Constant,
    Constant_,
    Expression,
    Literal,
    Membership,
    NegatedGroup,
    Negative,
    Operation,
    Parameter,
    Rule,
    Variable,
    Wildcard,
)

_STRENGTHS = {"*": 2, "/": 2, "%": 2, "+": 1, "-": 1}
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_SPECIAL = frozenset(chr(code) for code in range(32)) | {"\x7f", *_ESCAPES}

PrintedNode = Conjunct | Expression | Argument | Atom
_Piece = str | PrintedNode


def print_rule(rule: Rule) -> str:
    """Give the rule on one line, without its annotations."""
    head = print_head(rule)
    return head if rule.body is None else f"{head} :- {print_body(rule.body)}"


def print_annotations(rule: Rule) -> str:
    """Give the rule's annotations on one line; empty when it has none."""
    return " ".join(f"@{a.name}({print_value(a.value)})" for a in rule.annotations)


def print_statement(rule: Rule) -> str:
    """Give the rule with its annotations before it, on a line of their own."""
    annotations = print_annotations(rule)
    return f"{annotations}\n{print_rule(rule)}" if annotations else print_rule(rule)


def pretty_rule(rule: Rule) -> str:
    """Give the rule as Congress shows it: the head on one line, then one line per literal."""
    if rule.body is None:
        return print_rule(rule)
    return f"{print_head(rule)} :-\n  " + ",\n  ".join(_text([c]) for c in rule.body)


def print_head(rule: Rule) -> str:
    """Give the head, with its modal."""
    head = _text([rule.head])
    return f"{rule.modal}[{head}]" if rule.modal else head


def print_body(body: Body) -> str:
    """Give the conjuncts of a body, separated by commas."""
    return ", ".join(_text([conjunct]) for conjunct in body)


def print_conjunct(conjunct: Conjunct | Atom | Expression) -> str:
    """Give one conjunct, atom or expression."""
    return _text([conjunct])


def print_pieces(node: PrintedNode, constant: Callable[[Constant], str]) -> list[str]:
    """Give the texts that, joined, are a node; constants as the caller writes them.

    Shapes: ", " between arguments or conjuncts and " or " between bodies are pieces of their own.
    """
    return _pieces([node], constant)


def print_value(value: Constant_) -> str:
    """Give a constant as it is written in a rule."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{_escaped(value)}"'
    return repr(value)


def _escaped(text: str) -> str:
    if _SPECIAL.isdisjoint(text):
        return text
    return "".join(_ESCAPES.get(c, f"\\x{ord(c):02x}") if c in _SPECIAL else c for c in text)


def _text(pieces: Sequence[_Piece]) -> str:
    return "".join(_pieces(pieces, _constant_text))


def _constant_text(constant: Constant) -> str:
    return print_value(constant.value)


def _pieces(pieces: Sequence[_Piece], constant: Callable[[Constant], str]) -> list[str]:
    """Print from a stack rather than by recursion: groups may nest deeper than Python calls."""
    out: list[str] = []
    stack: list[_Piece] = list(reversed(pieces))
    while stack:
        piece = stack.pop()
        if isinstance(piece, str):
            out.append(piece)
        elif isinstance(piece, Constant):
            out.append(constant(piece))
        else:
            stack.extend(reversed(_parts(piece)))
    return out


def _parts(piece: PrintedNode) -> list[_Piece]:
    match piece:
        case Literal(atom, negated):
            return ["not ", atom] if negated else [atom]
        case Atom(table, arguments, policy):
            name = table if policy is None else f"{policy}:{table}"
            return [f"{name}(", *_joined(arguments, ", "), ")"]
        case Argument(value, column):
            return [value] if column is None else [f"{column}=", value]
        case Comparison(operator, left, right):
            return [left, f" {operator} ", right]
        case Membership(term, constants, negated):
            word = " not in [" if negated else " in ["
            return [term, word, *_joined(constants, ", "), "]"]
        case Alternatives(bodies):
            return ["(", *_alternatives(bodies), ")"]
        case NegatedGroup(bodies):
            return ["not (", *_alternatives(bodies), ")"]
        case Parameter():
            return ["?"]
        case Variable(name):
            return [name]
        case Wildcard():
            return ["_"]
        case Aggregate(function, variables):
            return [f"{function}(", *_joined(variables, ", "), ")"]
        case Operation() | Negative():
            return _operation_parts(piece)
    return ["true" if piece.value else "false"]


def _operation_parts(piece: Operation | Negative) -> list[_Piece]:
    if isinstance(piece, Negative):
        operand = piece.operand
        return ["-(", operand, ")"] if isinstance(operand, Operation) else ["-", operand]
    strength = _STRENGTHS[piece.operator]
    left = _bracketed(piece.left, strength)
    right = _bracketed(piece.right, strength + 1)
    return [*left, f" {piece.operator} ", *right]


def _bracketed(operand: Expression, strength: int) -> list[_Piece]:
    """Put brackets around an operation that binds weaker than its place asks for."""
    if isinstance(operand, Operation) and _STRENGTHS[operand.operator] < strength:
        return ["(", operand, ")"]
    return [operand]


def _alternatives(bodies: tuple[Body, ...]) -> list[_Piece]:
    parts: list[_Piece] = []
    for body in bodies:
        parts += [" or ", *_joined(body, ", ")] if parts else _joined(body, ", ")
    return parts


def _joined(pieces: Sequence[PrintedNode], separator: str) -> list[_Piece]:
    parts: list[_Piece] = []
    for piece in pieces:
        parts += [separator, piece] if parts else [piece]
    return parts
