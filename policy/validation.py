"""Trying a change of rules on the engine before it is written, and taking it back.

Called under the replica's lock, so that nobody sees the trial. Checks alone would not do: that a
rule derives too many rows, or takes away a column's name, shows only when it is at work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b

from congress_dist.errors import InvalidRequest

from .engine import Engine
from .language.ast import Rule
from .language.diagnostics import Diagnostic, PolicyError, refuse_errors
from .language.grammar import parse
from .language.names import is_owner_name
from .language.printer import print_rule

_NAME_LENGTH = 255


def read_one(text: str) -> Rule:
    """Read a text that must hold exactly one rule.

    Raises: PolicyError: it cannot be read, or holds none.
        InvalidRequest: it holds several (reason `multiple_rules`).
    """
    rules = parse(text)
    if not rules:
        nothing = Diagnostic("syntax", "the text holds no rule", hint="write p(1) or p(x) :- q(x)")
        raise PolicyError([nothing])
    if len(rules) > 1:
        raise InvalidRequest(
            f"the text holds {len(rules)} rules, expected 1; insert them one by one",
            reason="multiple_rules",
            count=len(rules),
        )
    return rules[0]


def identity_of(rule: Rule) -> str:
    """Give what two texts of one rule share: head and body in any order, without annotations."""
    body = None if rule.body is None else tuple(sorted(rule.body, key=repr))
    plain = replace(rule, body=body, annotations=())
    return blake2b(print_rule(plain).encode(), digest_size=32).hexdigest()


def try_insert(engine: Engine, policy: str, text: str) -> list[Diagnostic]:
    """Find out whether a rule that is new can be added; give the warnings.

    Raises: PolicyError: it is refused.
    """
    warnings = engine.check(policy, text)
    engine.withdraw_rules(policy, engine.insert(policy, text))
    return warnings


def try_annotate(engine: Engine, policy: str, text: str) -> list[Diagnostic]:
    """Find out whether a present rule can have these annotations; give the warnings.

    Raises: PolicyError: they are refused.
    """
    found = engine.check(policy, text)
    refuse_errors(found)
    return found


def try_delete(engine: Engine, policy: str, rule: Rule) -> None:
    """Find out whether a rule can be taken away.

    Raises: PolicyError: another rule uses the name of a column that would be lost.
    """
    engine.delete_rules(policy, [rule])
    engine.restore_rules(policy, [rule])


def try_create(engine: Engine, name: str, kind: str, texts: Sequence[str]) -> list[Diagnostic]:
    """Find out whether a policy can be created with these rules, one per text; give the warnings.

    Shapes: a diagnostic's source is `rule N` and its line counts within that text.
    Raises: PolicyError: a rule is refused. InvalidRequest: there is no such kind.
    """
    engine.create_policy(name, kind)
    try:
        text = "\n".join(texts)
        warnings = engine.check(name, text)
        engine.insert(name, text)
    except PolicyError as error:
        raise PolicyError(_placed(error.diagnostics, texts)) from error
    finally:
        engine.delete_policy(name)
    return _placed(warnings, texts)


def check_owner_name(name: object, what: str) -> str:
    """Give a name that can be written before a colon in rules; `what` is whose name it is.

    Raises: InvalidRequest: it cannot (reason `policy_name`, `datasource_name`), or there is none
        (reason `…_name_missing`).
    """
    if not isinstance(name, str) or not name:
        raise InvalidRequest(f"a {what} needs a name", reason=f"{what}_name_missing")
    if len(name) > _NAME_LENGTH or "-" in name or not is_owner_name(name):
        raise InvalidRequest(
            f"{name[:80]!r} is no name for a {what}; a name begins with a letter or underscore, "
            f"goes on with letters, digits, underscores and dots, and has at most {_NAME_LENGTH} "
            "characters",
            reason=f"{what}_name",
        )
    return name


def _placed(diagnostics: Sequence[Diagnostic], texts: Sequence[str]) -> list[Diagnostic]:
    """Turn lines of the joined texts into the text's number and the line within it."""
    placed = []
    for diagnostic in diagnostics:
        line = diagnostic.line
        for number, text in enumerate(texts, start=1):
            lines = text.count("\n") + 1
            if line <= lines:
                placed.append(replace(diagnostic, source=f"rule {number}", line=line))
                break
            line -= lines
    return placed
