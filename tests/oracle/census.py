"""What random programs are made of: `python -m tests.oracle.census SEED N` counts and prints it.

A class that less than one program in a hundred has is hardly tested; a test sees to that.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from congress_dist.policy.language.builtins import find_call
from congress_dist.policy.language.grammar import parse

from .cases import Case, Operation
from .questions import QUESTIONS
from .vocabulary import ODD_TICKS
from .volume import case_of

MIN_SHARE = 0.01

MAX_LITERALS = 32

_CHANGES = frozenset({"insert", "delete", "restore", "withdraw"})
_RULES: dict[str, str] = {
    "negation": r"not [a-z]+:",
    "negation with _": r"not [a-z]+:\w+\([^)]*\b_\b",
    "not (…)": r"not \(",
    "not (…) within not (…)": r"not \([^.]*not \(",
    "or": r" or ",
    "count": r"count\(",
    "sum": r"sum\(",
    "min or max as aggregate": r"^[^:]*\bm(in|ax)\([^:]*:-",
    "avg": r"avg\(",
    "list of values": r" in \[",
    "comparison": r" (<|>|<=|>=) ",
    "expression": r"v = .* [-+*/%] ",
    "expression in a head": r"^[^:]*[-+*/%][^:]*:-",
    "column by name": r"c\d=",
    "column by number": r"[(, ]\d=",
    "annotation": r"^@",
    "action": r"^execute",
    "null": r"\bnull\b",
    "age compared": r"age_seconds\([^)]*, s\), ",
    "now compared": r"now\(t\), ",
    "age in a head": r"age_seconds\([^)]*, v\)",
}
"""Classes of rules, by what their text has."""

_FAMILIES = ("addresses", "arithmetic", "comparison", "digest", "documents", "patterns")
_MORE_FAMILIES = ("string", "times", "validation", "versions")


def classes_of(case: Case) -> set[str]:
    """Give the names of what is in a case."""
    operations = list(_flat(case.operations))
    texts = [line for o in operations if o[0] in _CHANGES for line in o[2].split("\n")]
    found = {name for name, pattern in _RULES.items() if any(re.search(pattern, t) for t in texts)}
    found |= {name for text in texts for name in _classes_of_rule(text)}
    found |= set(_recursion(texts))
    found |= {name for name, is_so in _HISTORIES.items() if is_so(case, operations)}
    return found | {f"asked: {o[0]}" for o in operations if o[0] in QUESTIONS}


def _flat(operations: tuple[Operation, ...]) -> Iterator[Operation]:
    for operation in operations:
        yield operation
        if operation[0] == "trial":
            yield from _flat(operation[1])


def _classes_of_rule(text: str) -> Iterator[str]:
    (rule,) = parse(text)
    if rule.is_fact:
        yield "fact"
    if len(rule.body or ()) > MAX_LITERALS:
        yield "more literals than a plan takes"
    if not rule.head.arguments:
        yield "nullary head"
    tables = re.findall(r"\b([a-z]+:[a-z]+)", text)
    if len(tables) != len(set(tables)):
        yield "self-join"
    if any(_repeats(atom) for atom in re.findall(r":[a-z]+\(([^()]*)\)", text)):
        yield "repeated variable"
    for word in set(re.findall(r"\b([a-z_]+)\(", text)):
        family = _family(word)
        if family:
            yield f"builtins: {family}"


def _repeats(arguments: str) -> bool:
    names = re.findall(r"\b[xyzw]\b", arguments)
    return len(names) != len(set(names))


@cache
def _family(word: str) -> str | None:
    (rule,) = parse(f"p :- {word}(1)")
    builtin = find_call(rule.body[0].atom) if rule.body else None  # type: ignore[union-attr]
    return None if builtin is None else builtin.function.__module__.rpartition(".")[2]


def _recursion(texts: list[str]) -> Iterator[str]:
    """Give which kinds of recursion rules come to, all those that are ever there together."""
    reads: dict[str, set[str]] = {}
    for text in texts:
        head, _, body = text.removeprefix('@severity("low") ').partition(" :- ")
        name = re.split(r"[(\[]", head)[0]
        reads.setdefault(name, set()).update(re.findall(r"\b[mn]:([a-z]+)", body))
        if len(re.findall(rf"\b[mn]:{name}\b", body)) > 1:
            yield "recursion through two literals"
    for name, own in reads.items():
        if name in own:
            yield "recursion"
        if any(name in reads.get(other, ()) for other in own if other != name):
            yield "mutual recursion"


def _rows(operations: list[Operation]) -> Iterator[tuple[Any, ...]]:
    for name, *arguments in operations:
        if name in ("load", "apply", "transact"):
            for tables in arguments[1:3]:
                for rows in tables.values():
                    yield from rows


def _has_value(*values: Any) -> Callable[[Case, list[Operation]], bool]:
    wanted = {(type(value), repr(value)) for value in values}
    return lambda _, operations: any(
        (type(cell), repr(cell)) in wanted for row in _rows(operations) for cell in row
    )


def _has(*names: str) -> Callable[[Case, list[Operation]], bool]:
    return lambda _, operations: any(operation[0] in names for operation in operations)


def _ticks(operations: list[Operation]) -> list[Any]:
    return [o for o in operations if o[0] in ("load", "apply") and o[1] == "clock"]


def _clock_rows(count: int) -> Callable[[Case, list[Operation]], bool]:
    return lambda _, operations: any(
        o[0] == "load" and len(o[2].get("now", [()])) == count for o in _ticks(operations)
    )


_HISTORIES: dict[str, Callable[[Case, list[Operation]], bool]] = {
    "a limit": lambda case, _: case.max_rows is not None,
    "rules added later": lambda _, o: _is_changed_later(o, "insert", "restore"),
    "rules removed": _has("delete", "withdraw"),
    "restored or withdrawn": _has("restore", "withdraw"),
    "a trial": _has("trial"),
    "a table becomes unknown": _has("mark_missing"),
    "several tables at once": _has("transact"),
    "a policy deleted": _has("delete_policy"),
    "a policy made again": lambda _, o: _is_changed_later(o, "create_policy"),
    "a source removed": _has("remove_source"),
    "a schema changed": lambda _, o: _is_changed_later(o, "set_schema"),
    "1": _has_value(1),
    "1.0": _has_value(1.0),
    "true": _has_value(True),
    '"1"': _has_value("1"),
    "null in a row": _has_value(None),
    "-0.0": _has_value(-0.0),
    "integers that are no floats": _has_value(2**53 + 1, 2**63 - 1, 2**63 - 2),
    "integers beyond cells": _has_value(3_000_000_000, 2**31, -(2**27) - 1, -(2**63)),
    "the clock ticks": lambda _, o: bool(_ticks(o)),
    "the clock has no row": _clock_rows(0),
    "the clock has two rows": _clock_rows(2),
    "the clock says no moment": lambda _, o: any(
        row[0] in ODD_TICKS for row in _rows(_ticks(o)) if row
    ),
    "a time that is none": _has_value("soon"),
    "a time without a date": _has_value("00:01"),
}
"""Classes of histories."""


def _is_changed_later(operations: list[Operation], *names: str) -> bool:
    """Tell whether something is done after rows have come and gone."""
    changed = [place for place, o in enumerate(operations) if o[0] in ("apply", "load")]
    return any(o[0] in names for o in operations[changed[0] + 1 :]) if changed else False


def count_classes(seed: int, count: int) -> Counter[str]:
    """Give how many of the cases of a seed have each class; of all that there are."""
    names = {*_RULES, *_HISTORIES, *(f"asked: {name}" for name in QUESTIONS)}
    names |= {f"builtins: {family}" for family in (*_FAMILIES, *_MORE_FAMILIES)}
    names |= {"fact", "nullary head", "self-join", "repeated variable", "recursion"}
    names |= {
        "more literals than a plan takes",
        "mutual recursion",
        "recursion through two literals",
    }
    found = Counter(dict.fromkeys(names, 0))
    for number in range(count):
        found.update(classes_of(case_of(seed, number)))
    return found


def main(arguments: list[str]) -> int:
    """Print the share of each class, the rarest first; give 1 when one is too rare."""
    seed, count = map(int, arguments)
    shares = sorted((found / count, name) for name, found in count_classes(seed, count).items())
    for share, name in shares:
        sys.stdout.write(f"{share:7.2%} {name}{' (too rare)' if share < MIN_SHARE else ''}\n")
    return 1 if shares[0][0] < MIN_SHARE else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
