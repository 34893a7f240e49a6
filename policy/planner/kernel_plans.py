"""Makes the kernel's plans when it asks for them, from the sizes that tables have then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from congress_dist.errors import InternalError

from .closure import edges_of
from .compiler import Numbers, PlanData, Reading, compile_body
from .join_cost import PlanEstimates, cheapest_body
from .join_order import order_body, starts_with
from .kernel_rules import KernelRule
from .normal_form import Condition, Match, NormalLiteral, NormalRule, Term

if TYPE_CHECKING:
    from .kernel_program import Entry

Kind = Literal["whole", "variant", "check", "edges"]


class KernelPlans:
    """The planner's side of the kernel: `plan` is what it calls."""

    def __init__(self, numbers: Numbers, estimates: PlanEstimates) -> None:
        self._numbers = numbers
        self._estimates = estimates

    def plan(self, entry: Entry, kind: Kind, literal: int) -> PlanData:
        """Give the plan of a rule: from nothing, from the changes of a literal, or for a row.

        Shapes: of "edges" the literal is the column that a step of a closure moves.
        """
        rule = entry.rule
        if not isinstance(rule, KernelRule):
            raise InternalError("the kernel asked for the plan of what is no join")
        if kind == "whole":
            return self._whole(rule)
        if kind == "variant":
            return self._variant(rule, literal)
        return self._check(rule) if kind == "check" else self._edges(rule, literal)

    def whole_body(self, rule: KernelRule) -> list[NormalLiteral]:
        """Give a rule's body in the order in which it is run from nothing.

        A recursive rule begins with a table of its own component: that is empty then, or small,
        and an index of it would have to be kept while it grows.
        """
        own = self.find_own(rule)
        if own is not None:
            return starts_with(_normal(rule), own, self._estimates.fan_out)
        return cheapest_body(_normal(rule), self._estimates)

    def find_own(self, rule: KernelRule) -> Match | None:
        """Give the first literal of a recursive rule that reads a table of its own component."""
        for match in rule.matches():
            if not match.negated and self._estimates.are_together(rule, match):
                return match
        return None

    def variant_body(self, rule: KernelRule, number: int) -> list[NormalLiteral]:
        """Give a rule's body in the order in which it is run for a literal's changes."""
        return starts_with(_normal(rule), list(rule.matches())[number], self._estimates.fan_out)

    def edges_body(self, rule: KernelRule, column: int) -> list[NormalLiteral]:
        """Give the body that gives the edges of a closure's step, in order."""
        return order_body(edges_of(rule, column), self._estimates.fan_out)

    def begins_with_scan(self, body: list[NormalLiteral]) -> bool:
        """Tell whether the first table of a body is gone through when it is run from nothing.

        It is so a few times in all, while each change of a table pays for each of its indexes: so
        by constants alone a table gets one only where many rules would go through it.
        """
        first = next((literal for literal in body if isinstance(literal, Match)), None)
        return first is not None and not self._estimates.is_read_by_many(
            first.table, len(first.terms)
        )

    def _whole(self, rule: KernelRule) -> PlanData:
        body = self.whole_body(rule)
        reading = Reading(begins_with_scan=self.begins_with_scan(body))
        return self._compile(body, rule.terms, reading)

    def _variant(self, rule: KernelRule, number: int) -> PlanData:
        matches = list(rule.matches())
        old = frozenset(id(match) for match in matches[number + 1 :])
        body = self.variant_body(rule, number)
        return self._compile(body, rule.terms, Reading(matches[number], old))

    def _check(self, rule: KernelRule) -> PlanData:
        """Give the plan that is given the head's cells.

        Before: `p(x, x, 1) :- q(x)`; after, given x, ?1 and ?2: `x = ?1, 1 = ?2, q(x)`.
        """
        given: list[str] = []
        tests: list[NormalLiteral] = []
        for column, term in enumerate(rule.terms):
            if isinstance(term, str) and term not in given:
                given.append(term)
                continue
            given.append(f"?{column}")
            tests.append(Condition("=", term, f"?{column}"))
        body = order_body(_normal(rule), self._estimates.fan_out, bound=frozenset(given))
        terms: list[Term] = list(given)
        reading = Reading(is_counted=False, keeps_heights=True)
        return compile_body([*tests, *body], terms, self._numbers, given=given, reading=reading)

    def _edges(self, rule: KernelRule, column: int) -> PlanData:
        """Give the plan for the edges of a closure's step.

        Before: `p(x, z) :- p(x, y), q(y, z, 1)`; after: `(y, z) :- q(y, z, 1)`.
        """
        reading = Reading(is_counted=False, begins_with_scan=True)
        terms = edges_of(rule, column).terms
        return self._compile(self.edges_body(rule, column), terms, reading)

    def _compile(
        self, body: list[NormalLiteral], terms: tuple[Term, ...], reading: Reading
    ) -> PlanData:
        return compile_body(body, terms, self._numbers, reading=reading)


def _normal(rule: KernelRule) -> NormalRule:
    return NormalRule(("", ""), rule.terms, rule.body)
