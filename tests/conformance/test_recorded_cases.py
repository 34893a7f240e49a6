"""What Congress answered is answered here too, except where it is said why not.

Rows, rules, changes, refusals and triggers are compared, not texts; `data/deviations.yaml` lists
the cases that end otherwise on purpose, with what happens instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from congress_dist.policy import PolicyError
from congress_dist.policy.language.grammar import parse
from congress_dist.policy.language.printer import print_rule
from congress_dist.policy.language.rule_key import rule_key

from .congress_engine import Answer, Change, CongressEngine, Typed, row_of, told_changes, typed
from .recorded_cases import (
    RecordedCase,
    Step,
    load_cases,
    load_deviations,
    load_reasons,
)

CASES = load_cases()
DEVIATIONS = {deviation.case: deviation for deviation in load_deviations()}

REFERENCE = Path(__file__).parents[2] / "docs" / "language.md"

INTERNAL = {"abduce", "find_subpolicy", "policy_names"}
"""Questions about Congress's own inside."""

CODES = {
    "already exists": ["conflict"],
    "could not be found|has not been created": ["not_found"],
    "Parse failure": ["syntax", "modal"],
    "Non-formula found": ["syntax"],
    "Only 'execute' modal is allowed": ["modal"],
    "multiple values for column": ["column-twice"],
    "positional parameter after": ["positional-after-named"],
    "should not reference any policy": ["head-names-policy"],
    "uses column references": ["column-in-head"],
    "column index .* is too large": ["unknown-column"],
    "Fact not ground": ["fact-not-ground", "arity"],
    "found in head but not in body": ["unsafe-variable", "arity"],
    "Could not reorder rule": ["unsafe-variable"],
    "Rules are recursive": ["recursion", "negation-in-cycle"],
    "Non-atomic formula": ["rule-in-database"],
    "Sequence contained non-action": ["simulation"],
}
"""What Congress says when it refuses, and the codes by which that is refused here; where columns
are missing Congress adds variables, and then finds those."""

ADDED = re.compile(r"\b\w+_\d+\b")
"""Variables that Congress added."""

SELF_JOIN = re.compile(r"___(\w+?)_\d+_\d+\(")
"""Tables that Congress added for joins of a table with itself in materialized policies."""


def expected_of(step: Step) -> Answer:
    """Give what a step is to answer, in the form of `CongressEngine`."""
    expect = step["expect"]
    effects = [
        (effect["trigger"][0], rows_in(effect["old"]), rows_in(effect["new"]))
        for effect in step.get("effects", ())
    ]
    if "refused" in expect:
        return {"refused": {expect["refused"]}, "effects": effects}
    if "error" in expect or "errors" in expect:
        errors = expect.get("errors") or [expect["error"]]
        return {"refused": codes_for(error["text"] for error in errors), "effects": effects}
    return {**expected_answer(step["op"], expect), "effects": effects}


def codes_for(texts: Iterable[str]) -> set[str]:
    """Give the codes by which that is refused here which Congress refused with such texts."""
    return {
        code
        for text in texts
        for told, codes in CODES.items()
        if re.search(told, text)
        for code in codes
    }


def expected_answer(op: str, expect: dict[str, Any]) -> Answer:
    if "changes" in expect:
        return expected_changes(expect["changes"])
    if "answers" not in expect:
        return {}
    if op == "query" and "rows" not in expect:
        return {"rows": rows_in(expect["answers"])}
    rows = expect.get("rows", ())
    return {
        "rows": {typed(row[1:]) for row in rows},
        "named_rows": {(row[0], *typed(row[1:])) for row in rows},
        "rules": {rule_key(rule) for text in expect["answers"] for rule in parse(text)},
    }


def expected_changes(changes: Iterable[dict[str, str]]) -> Answer:
    """Give the changes of rules; derived rows, which have no policy, are compared elsewhere."""
    told: list[Change] = []
    for change in changes:
        if change["policy"] is not None and not change["text"].startswith("___"):
            rules = parse(SELF_JOIN.sub(r"\1(", change["text"]))
            told += [(change["op"], change["policy"], rule) for rule in rules]
    key = "outlines" if any(ADDED.search(change["text"]) for change in changes) else "changes"
    return {key: told_changes(told)[key]}


def rows_in(facts: Iterable[str]) -> set[Typed]:
    """Give the rows that printed facts, or printed instances of a rule, stand for."""
    return {row_of(rule) for text in facts for rule in parse(text)}


def problems_of(case: RecordedCase) -> Iterator[str]:
    engine = CongressEngine()
    for number, step in enumerate(case.steps):
        if step["op"] in INTERNAL:
            continue
        inputs = [value for key, value in step.items() if key not in ("expect", "form", "trace")]
        label = f"step {number} {inputs}"
        here = engine.do(step)
        try:
            there = expected_of(step)
        except PolicyError as error:
            yield f"{label}: what Congress printed cannot be read: {error}"
            continue
        if ("refused" in here) != ("refused" in there):
            yield f"{label}: {here.get('refused', 'accepted, not refused')}"
            continue
        if "refused" in here and not here["refused"] & there["refused"]:
            yield f"{label}: refused for {here['refused']}, not for {there['refused']}"
        for key in (here.keys() & there.keys()) - {"refused"}:
            if here[key] != there[key]:
                yield f"{label} {key}:\n    here     {here[key]}\n    expected {there[key]}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_case_ends_as_in_congress_or_as_is_said(case: RecordedCase) -> None:
    problems = list(problems_of(case))
    if case.id in DEVIATIONS:
        assert problems, "it passes: take it out of deviations.yaml"
        problems = list(problems_of(DEVIATIONS[case.id].applied_to(case)))
    assert not problems, "\n".join(problems)


def reversed_text(text: str) -> str:
    """Print what a text says, its statements and the literals of each in the other order."""
    try:
        rules = parse(text)
    except PolicyError:
        return text
    turned = (replace(rule, body=rule.body and rule.body[::-1]) for rule in reversed(rules))
    return "\n".join(print_rule(rule) for rule in turned)


def reversed_case(case: RecordedCase) -> RecordedCase:
    steps = []
    for step in case.steps:
        turned = reversed_text(step["text"]) if step["op"] in ("insert", "delete") else None
        steps.append(step if turned is None else {**step, "text": turned})
    return RecordedCase(case.id, tuple(steps))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_order_of_statements_and_literals_never_matters(case: RecordedCase) -> None:
    deviation = DEVIATIONS.get(case.id)
    expected = deviation.applied_to(case) if deviation else case
    problems = list(problems_of(reversed_case(expected)))
    assert not problems, "\n".join(problems)


def test_all_recorded_cases_are_there() -> None:
    assert len({case.id for case in CASES}) == len(CASES) == 686


def test_each_deviation_is_of_another_recorded_case() -> None:
    assert len(load_deviations()) == len(DEVIATIONS.keys() & {case.id for case in CASES})


def test_each_deviation_has_a_reason_and_each_reason_a_deviation() -> None:
    assert {deviation.because for deviation in DEVIATIONS.values()} == set(load_reasons())


@pytest.mark.parametrize("name", load_reasons())
def test_the_reference_tells_each_reason(name: str) -> None:
    reason = load_reasons()[name]
    for section, sentence in {"Deviations": reason.deviation, **reason.because}.items():
        _, told = REFERENCE.read_text().split(f"\n## {section}\n")
        assert sentence in " ".join(told.split("\n## ")[0].split()), section
