"""Where the rules of a library policy stand in its YAML file; worked out for diagnostics only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from .ast import Span
from .diagnostics import Diagnostic
from .places import line_starts_of, place_of

if TYPE_CHECKING:
    import yaml

_ANNOTATION = re.compile(r"@(\w+)\(")
Keys = dict[str, "yaml.Node"]


def in_yaml(
    findings: Iterable[Diagnostic], text: str, texts: Mapping[str, str]
) -> list[Diagnostic]:
    """Give findings of the rules of a library policy their file, line and column.

    Before: `lib.yaml: rule 2`, line 1; after: `lib.yaml`, line 7. `text` is that of the file,
    `texts` are those of its rules with their annotations, by the names that the findings carry.
    Shapes: a finding of another text stays as it is; where a rule is written in another way than
        it reads (folded, with escapes) the place is where it begins.
    """
    entries: list[Keys] | None = None
    placed = []
    for found in findings:
        if found.line and found.source in texts:
            if entries is None:
                entries, starts = _entries(text), line_starts_of(text)
            path, _, number = found.source.rpartition(": rule ")
            span = _span(found, entries[int(number) - 1], text, starts, texts[found.source])
            place = place_of(text, span, line_starts=starts)
            found = replace(found, source=path, **place._asdict())
        placed.append(found)
    return placed


def _entries(text: str) -> list[Keys]:
    """Give the values in the list `rules` by their keys. The text was read already."""
    import yaml

    rules = _keys(yaml.compose(text, Loader=yaml.SafeLoader))["rules"]
    return [_keys(entry) for entry in rules.value]


def _keys(node: yaml.Node | None) -> Keys:
    return {} if node is None else {key.value: value for key, value in node.value}


def _span(found: Diagnostic, keys: Keys, text: str, starts: list[int], rule_text: str) -> Span:
    lines = rule_text.split("\n")
    rule = keys.get("rule", next(iter(keys.values())))
    line = found.line - 1 - (len(lines) - 1 - str(rule.value).count("\n"))
    if line < 0:  # in the annotations, which are keys of the entry
        names = [m[1] for m in _ANNOTATION.finditer(lines[0]) if m.start() < found.column]
        said = keys.get(names[-1], rule) if names else rule
        return Span(said.start_mark.index, said.end_mark.index)
    of_line = lines[found.line - 1]
    first = rule.start_mark.line + (1 if getattr(rule, "style", None) in ("|", ">") else 0)
    if of_line and first + line < len(starts):
        start = text.find(of_line, max(starts[first + line], rule.start_mark.index))
        end_of_line = text.find("\n", starts[first + line])
        if start >= 0 and (end_of_line < 0 or start < end_of_line):
            start += found.column - 1
            return Span(start, start + found.length)
    return Span(rule.start_mark.index, rule.end_mark.index)
