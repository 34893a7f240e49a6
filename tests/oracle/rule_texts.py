"""Random rules, safe and stratified, as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .choices import Choices
from .clock_texts import ClockTexts
from .vocabulary import CLOCK, FILTERS, FUNCTIONS, Table, column, text_of

_NAMES = ("x", "y", "z", "w")
_COMPARISONS = ("!=", "<", "=", "<=", ">", ">=")
_AGGREGATES = ("count", "sum", "min", "max", "avg")
_CLOSURES = (
    ("{p}(x, y) :- {e}(x, y)", "{p}(x, z) :- {p}(x, y), {e}(y, z)"),
    ("{p}(x, y) :- {e}(x, y)", "{p}(x, z) :- {p}(x, y), {p}(y, z)"),
    ("{p}(x, y) :- {e}(x, y)", "{p}(x, z) :- {e}(x, y), {p}(y, z)"),
    ("{p}(x, y) :- {e}(x, y)", "{p}(x, y) :- {p}(y, x)", "{p}(x, z) :- {p}(x, y), {p}(y, z)"),
    ("{p}(x, x) :- {e}(x, _)", "{p}(x, y) :- {e}(a, x), {p}(a, c), {e}(c, y)"),
)
_BEGINNINGS = (
    "{p}(x, y) :- {e}(x, y)",
    "{p}(x, x) :- {e}(x, _)",
    "{p}(y, x) :- {e}(x, y)",
    "{p}(x, y) :- {e}(x, y), x != y",
    "{p}(x, {c}) :- {e}(x, _)",
    "{p}({c}, {d})",
)
"""Rules that give a table its first rows."""
_STEPS = (
    ("{p}(x, z) :- {p}(x, y), {e}(y, z)", "{p}(x, z) :- {p}(x, y), {e}(z, y)"),
    ("{p}(x, z) :- {e}(x, y), {p}(y, z)", "{p}(x, z) :- {e}(y, x), {p}(y, z)"),
    ("{p}(x, z) :- {p}(x, y), {p}(y, z)", "{p}(x, y) :- {p}(y, x)"),
    ("{p}(x, z) :- {p}(x, y), {p}(y, z)", "{p}(x, z) :- {p}(x, y), {e}(y, z)"),
    ("{p}(x, z) :- {p}(x, y), {p}(y, z)", "{p}(x, z) :- {e}(x, y), {p}(y, z)"),
    ("{p}(x, z) :- {p}(x, y), {e}(y, z), {e}({c}, _)", "{p}(x, z) :- {p}(x, y), {e}(y, z)"),
    ("{p}(x, z) :- {p}(x, y), {e}(y, z), y != z", "{p}(x, {c}) :- {p}(x, y), {e}(y, _)"),
    ("{p}(x, z) :- {p}(x, y), {e}(y, z), not {e}(z, {c})", "{p}(x, z) :- {p}(x, {c}), {e}(z, _)"),
    ("{p}(x, z) :- {p}(x, y), {e}(y, z)", "{p}(x, z) :- {e}(x, y), {p}(y, z)"),
    ("{p}(x, z) :- {p}(x, y), {e}(y, z)", "{p}(x, y) :- {p}(y, x)"),
    ("{p}(x, z) :- {p}(x, y), {e}(y, z), x != z", "{p}(x, x) :- {p}(x, _)"),
    ("{p}(x, z) :- {p}(x, y), {p}(y, z)", "{p}(x, z) :- {p}(x, y), {p}(y, z), x != z"),
)
"""Rules that lead on from them: of the first kinds one search does, of the last it does not."""


class RuleTexts:
    """Writes the rules of one case, over some tables and some values."""

    def __init__(
        self,
        choices: Choices,
        base: Sequence[Table],
        derived: Sequence[Table],
        values: Sequence[Any],
        *,
        may_grow: bool = False,
        reads_early: bool = False,
    ) -> None:
        """`may_grow`: recursion may make new values without end; a limit stops it.

        `reads_early`: rules read tables that nothing defines yet, and many by their numbers.
        """
        self._choices = choices
        self._base = base
        self._derived = derived
        self._values = values
        self._may_grow = may_grow
        self._reads_early = reads_early
        self._clock = ClockTexts(choices, self._known) if CLOCK in base else None
        self._defined: set[Table] = set()
        self.read: set[Table] = set()
        """Tables of datasources that some rule reads."""

    def rules(self) -> tuple[str, list[str]]:
        """Give some rules of one policy: mostly one."""
        choices = self._choices
        head = choices.pick(self._derived)
        self._defined.add(head)
        kind = choices.below(100)
        if kind >= 95:
            return head.owner, [self._fact(head)]
        if kind >= 84 and head.width == 2:
            return head.owner, self._closure(head)
        if kind >= 83:
            return head.owner, [self._long(head)]
        return head.owner, [self._rule(head)]

    def question(self) -> str:
        """Give a query: an atom, or a rule, which may read every table."""
        choices = self._choices
        if choices.chance(60):
            tables = [t for t in (*self._base, *self._derived) if t.is_base or t in self._defined]
            table = choices.pick(tables)
            terms = [self._known(("x", "y", "_", "x")) for _ in range(table.width)]
            return self._literal(table, terms)
        text = self._rule(Table("m", "asked", choices.between(0, 3), 4))
        return text.removeprefix('@severity("low") ')

    def constant(self) -> str:
        """Give one of the values as text."""
        return text_of(self._choices.pick(self._values))

    # --- rules

    def _fact(self, head: Table) -> str:
        return f"{head.name}({', '.join(self.constant() for _ in range(head.width))})"

    def _closure(self, head: Table) -> list[str]:
        choices = self._choices
        tables = (*self._base, *self._derived)
        edges = [t for t in tables if t.width == 2 and t.level < head.level]
        edges = [t for t in edges if t.is_base or t in self._defined]
        if not edges:
            return [self._rule(head)]
        edge = choices.pick(edges)
        self._note(edge)
        named = {"p": head.name, "e": f"{edge.owner}:{edge.name}"}
        if choices.chance(40):
            return [text.format(**named) for text in choices.pick(_CLOSURES)]
        beginnings = choices.some(_BEGINNINGS, 1, 2)
        steps = choices.some(choices.pick(_STEPS), 1, 2)
        another = choices.pick(edges)
        self._note(another)
        named_otherwise = {"p": head.name, "e": f"{another.owner}:{another.name}"}
        texts = [
            *((text, named) for text in beginnings),
            *((text, named_otherwise) for text in steps),
        ]
        return [
            text.format(**names, c=self.constant(), d=self.constant()) for text, names in texts
        ]

    def _long(self, head: Table) -> str:
        """Write a rule with more literals, or more alternatives, than a plan takes as they are."""
        choices = self._choices
        table = choices.pick([t for t in self._base if t.width] or self._base)
        if choices.chance(50):
            chain = [self._spread(table, n) for n in range(choices.between(33, 36))]
            body = ", ".join(chain)
        else:
            bound = ["x"] if table.width else []
            first = self._spread(table, 0) if table.width else self._atom(table, "")
            groups = [self._alternatives(bound) for _ in range(5)]
            body = ", ".join([first, *groups])
        terms = [self._known(["x"] if table.width else []) for _ in range(head.width)]
        return f"{head.name}({', '.join(terms)}) :- {body}"

    def _spread(self, table: Table, number: int) -> str:
        """Write a literal that shares x with all others of a long body."""
        terms = ["x"] + [("y" if n + number == 1 else "_") for n in range(1, table.width)]
        return self._atom(table, ", ".join(terms[: table.width]))

    def _rule(self, head: Table) -> str:
        choices = self._choices
        early = self._reads_early or choices.chance(10)
        derived = self._derived if early else self._defined
        below = [t for t in (*self._base, *self._derived) if t.level < head.level]
        same = [t for t in self._derived if t.level == head.level and t in derived]
        below = [t for t in below if t.is_base or t in derived]
        kind = choices.below(100)
        aggregates = kind >= 72 and head.width > 0
        grows = choices.chance(18)
        readable = below if aggregates or (grows and not self._may_grow) else below + same + same
        body, bound = self._positive(readable)
        if grows:
            body += self._computed(bound)
        tests = (
            (60 if self._clock else 0, lambda: self._timed(bound)),
            (20, lambda: self._comparison(bound)),
            (30, lambda: self._negated(below, bound)),
            (18, lambda: self._group(below, bound, 0)),
            (12, lambda: self._alternatives(bound, below)),
            (5, lambda: self._membership(bound)),
            (12, lambda: self._filter(bound)),
        )
        body += [write() for percent, write in tests if choices.chance(percent)]
        if choices.chance(1):
            body.append(choices.pick(("true", "false")))
        terms = [self._known(bound) for _ in range(head.width)]
        if aggregates and bound:
            terms = self._aggregated(terms, bound)
        elif grows and head.width and bound and choices.chance(30):
            terms[0] = f"{choices.pick(bound)} {choices.pick('+-*/%')} {self.constant()}"
        text = f"{self._head(head, terms)} :- {', '.join(choices.shuffled(body))}"
        return f'@severity("low") {text}' if choices.chance(6) else text

    def _head(self, head: Table, terms: list[str]) -> str:
        if not terms:
            return head.name
        if head.level == 3 and self._choices.chance(6):
            # An action with different numbers of arguments is not compared: of its table the
            # engine shows the rows of one width only.
            return f"execute[d:act{head.width}({', '.join(terms)})]"
        return f"{head.name}({', '.join(terms)})"

    def _aggregated(self, terms: list[str], bound: list[str]) -> list[str]:
        count = self._choices.between(1, len(terms))
        places = self._choices.some(range(len(terms)), count, count)
        for place in places:
            columns = self._choices.some(bound, 1, 2)
            function = self._choices.pick(_AGGREGATES)
            terms[place] = f"{function}({', '.join(self._choices.shuffled(columns))})"
        return terms

    # --- what binds

    def _positive(self, readable: Sequence[Table]) -> tuple[list[str], list[str]]:
        """Write positive literals; give them with the variables that they bind."""
        choices = self._choices
        names: list[str] = []
        literals = []
        for _ in range(choices.pick((1, 2, 2, 2, 3))):
            table = choices.pick(readable)
            terms = []
            for _ in range(table.width):
                kind = choices.below(20)
                if kind < 16:
                    terms.append(choices.pick(_NAMES[: 2 + len(names)]))
                    if terms[-1] not in names:
                        names.append(terms[-1])
                else:
                    terms.append("_" if kind < 19 else self.constant())
            literals.append(self._literal(table, terms))
        return literals, [name for name in _NAMES if any(_has(name, o) for o in literals)]

    def _computed(self, bound: list[str]) -> list[str]:
        """Write what binds v by a call or an expression, and take v as bound."""
        choices = self._choices
        if self._clock and choices.chance(40):
            text = self._clock.binding(bound)
            self._note(CLOCK)
        elif choices.chance(40):
            left, right = self._known(bound), self._known(bound)
            text = f"v = {left} {choices.pick('+-*/%')} {right}"
        else:
            name, inputs, outputs = choices.pick(FUNCTIONS)
            terms = [self._known(bound) for _ in range(inputs)]
            others = [self._known([*bound, "_"]) for _ in range(outputs - 1)]
            text = f"{name}({', '.join([*terms, 'v', *others])})"
        bound.append("v")
        return [text]

    # --- what tests

    def _known(self, bound: Sequence[str]) -> str:
        if not bound or self._choices.chance(18):
            return self.constant()
        return self._choices.pick(bound)

    def _timed(self, bound: Sequence[str]) -> str:
        assert self._clock is not None
        self._note(CLOCK)
        return self._clock.condition(bound)

    def _comparison(self, bound: Sequence[str]) -> str:
        operator = self._choices.pick(_COMPARISONS)
        return f"{self._known(bound)} {operator} {self._known(bound)}"

    def _membership(self, bound: Sequence[str]) -> str:
        choices = self._choices
        word = choices.pick(("in", "not in"))
        constants = ", ".join(self.constant() for _ in range(choices.between(1, 3)))
        return f"{self._known(bound)} {word} [{constants}]"

    def _filter(self, bound: Sequence[str]) -> str:
        choices = self._choices
        if choices.chance(30):
            name, inputs, outputs = choices.pick(FUNCTIONS)
            inputs += outputs
        else:
            name, inputs = choices.pick(FILTERS)
        negation = "not " if choices.chance(40) else ""
        return f"{negation}{name}({', '.join(self._known(bound) for _ in range(inputs))})"

    def _negated(self, below: Sequence[Table], bound: Sequence[str]) -> str:
        table = self._choices.pick(below)
        terms = [self._known([*bound, "_"]) for _ in range(table.width)]
        return f"not {self._literal(table, terms)}"

    def _group(self, below: Sequence[Table], bound: Sequence[str], depth: int) -> str:
        """Write a `not (…)` with variables of its own."""
        choices = self._choices
        own = [*bound, f"g{depth}", f"l{depth}"]
        parts, inside = [], list(bound)
        for _ in range(choices.pick((1, 1, 2))):
            table = choices.pick(below)
            terms = [self._known([*own, "_"]) for _ in range(table.width)]
            parts.append(self._literal(table, terms))
            inside += [term for term in own if term not in inside and _has(term, parts[-1])]
        if choices.chance(35):
            parts.append(self._comparison(inside))
        if choices.chance(20):
            parts.append(self._negated(below, inside))
        if depth == 0 and choices.chance(25):
            parts.append(self._group(below, inside, 1))
        return f"not ({', '.join(choices.shuffled(parts))})"

    def _alternatives(self, bound: Sequence[str], below: Sequence[Table] = ()) -> str:
        """Write `(… or …)` that only tests."""
        choices = self._choices
        parts = []
        for _ in range(choices.between(2, 3)):
            kind = choices.below(10)
            if kind < 6 or not below:
                parts.append(self._comparison(bound))
            elif kind < 8:
                table = choices.pick(below)
                terms = [self._known([*bound, "_"]) for _ in range(table.width)]
                parts.append(self._literal(table, terms))
            elif kind < 9:
                parts.append(self._negated(below, bound))
            else:
                parts.append(f"{self._comparison(bound)}, {self._comparison(bound)}")
        return f"({' or '.join(parts)})"

    # --- literals

    def _literal(self, table: Table, terms: Sequence[str]) -> str:
        choices = self._choices
        if terms and choices.chance(40 if self._reads_early else 8):
            return self._atom(table, self._by_column(table, terms))
        if len(terms) > 1 and table.is_base and choices.chance(4):
            terms = [*terms[:-1]]
        return self._atom(table, ", ".join(terms))

    def _note(self, table: Table) -> None:
        if table.is_base:
            self.read.add(table)

    def _by_column(self, table: Table, terms: Sequence[str]) -> str:
        choices = self._choices
        named = [
            f"{column(n) if table.is_base and choices.chance(60) else n}={term}"
            for n, term in enumerate(terms)
        ]
        return ", ".join(choices.some(named, 1, len(named)))

    def _atom(self, table: Table, arguments: str) -> str:
        self._note(table)
        name = f"{table.owner}:{table.name}"
        return f"{name}({arguments})" if table.width else name


def _has(name: str, text: str) -> bool:
    """Tell whether a variable stands among the arguments of an atom."""
    _, _, arguments = text.partition("(")
    terms = (part.rpartition("=")[2].strip(" )") for part in arguments.split(","))
    return name in terms
