"""What `congress up` shows, as plain data and words, without a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from congress_dist.formats import cell_text

Source = Mapping[str, Any]
Violation = Mapping[str, Any]

SEVERITIES = ("critical", "high", "medium", "low", "info")
"""From worst to least: the order of display and of `--fail-on`."""


@dataclass(frozen=True, slots=True)
class View:
    """One look at the system: the answers of /v1/status and /v1/violations."""

    status: Mapping[str, Any]
    answer: Mapping[str, Any]

    @property
    def sources(self) -> Sequence[Source]:
        """Give the sources in the order of their names."""
        return sorted(self.status["sources"], key=lambda source: str(source["name"]))

    @property
    def violations(self) -> Sequence[Violation]:
        """Give the violations, worst first."""
        violations: Sequence[Violation] = self.answer["violations"]
        return violations

    def is_settled(self, expected: Sequence[str]) -> bool:
        """Tell whether every expected source is in, or known to be unavailable.

        Promises: never true while a table is unread or the engine says that it is not ready.
        """
        known = {str(source["name"]): source for source in self.status["sources"]}
        return bool(self.status["ready"]) and all(
            name in known and known[name]["tables"] and not _tables_to_come(known[name])
            for name in expected
        )

    def awaited(self, expected: Sequence[str]) -> list[str]:
        """Name what `is_settled` still waits for: sources, or `source:table`."""
        known = {str(source["name"]): source for source in self.status["sources"]}
        waiting = []
        for name in expected:
            if name in known and known[name]["tables"]:
                waiting += [f"{name}:{table}" for table in _tables_to_come(known[name])]
            else:
                waiting.append(name)
        reasons = [str(reason) for reason in self.status["reasons"]]
        return waiting or [reason.removeprefix("waiting for ") for reason in reasons]

    def as_json(self) -> dict[str, Any]:
        """Give the object that `--once --format json` prints."""
        keys = ("policy", "rule", "table", "row", "severity", "title")
        return {
            "sources": [
                {
                    "name": source["name"],
                    "state": source["state"],
                    "tables": {name: t["rows"] for name, t in sorted(source["tables"].items())},
                    "position": source["position"],
                }
                for source in self.sources
            ],
            "violations": [{key: violation[key] for key in keys} for violation in self.violations],
            "revision": self.answer["revision"],
            "as_of": self.answer["as_of"],
            "missing": self.answer["missing"],
        }


def _used_tables(source: Source) -> Mapping[str, Mapping[str, Any]]:
    """Give the tables that rules and questions use; of a source that nobody uses, all."""
    tables: Mapping[str, Mapping[str, Any]] = source["tables"]
    return {name: table for name, table in tables.items() if table["wanted"]} or tables


def _tables_to_come(source: Source) -> list[str]:
    return [
        name for name, table in source["tables"].items() if table["state"] in ("unread", "waiting")
    ]


@dataclass(frozen=True, slots=True)
class Group:
    """The violations of one rule."""

    policy: str
    rule: str
    table: str
    severity: str
    title: str
    remediation: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]

    @property
    def all_rows_command(self) -> str:
        """Give the command that lists every row."""
        return f"congress table rows {self.policy} {self.table}"


def groups_of(violations: Sequence[Violation]) -> list[Group]:
    """Group violations by rule, worst severity first, then by policy and rule."""

    def key(violation: Violation) -> tuple[int, str, str]:
        return (
            SEVERITIES.index(violation["severity"]),
            str(violation["policy"]),
            str(violation["rule"]),
        )

    return [_group([*members]) for _, members in groupby(sorted(violations, key=key), key=key)]


def _group(members: list[Violation]) -> Group:
    first = members[0]
    return Group(
        policy=first["policy"],
        rule=first["rule"],
        table=first["table"],
        severity=first["severity"],
        title=first["title"] or first["table"],
        remediation=first["remediation"] or "",
        columns=first["columns"],
        rows=[member["row"] for member in members],
    )


def source_words(source: Source) -> str:
    """Say in plain words how a source is: `ok, 4 s old`, `waiting`, `partial: …`."""
    tables = _used_tables(source)
    if not tables:
        return "waiting"
    words = {name: _table_words(table) for name, table in tables.items()}
    if len(set(words.values())) == 1:
        common = next(iter(words.values()))
        return f"ok, {_age(source['age'])}" if common == "ok" else common
    fine = any(word == "ok" for word in words.values())
    rest = _with_tables(words)
    return "; ".join([f"ok, {_age(source['age'])}", *rest] if fine else rest)


def _with_tables(words: Mapping[str, str]) -> list[str]:
    names_by_word: dict[str, list[str]] = {}
    for name, word in sorted(words.items()):
        if word != "ok":
            names_by_word.setdefault(word, []).append(name)
    partial = [word for word in names_by_word if word.startswith("partial")]
    # Tables read at different times count slightly different processes: one note says enough.
    return [
        *(
            f"{', '.join(names)} {word}"
            for word, names in names_by_word.items()
            if word not in partial
        ),
        *_without_repetition(partial),
    ]


def _without_repetition(notes: Sequence[str]) -> list[str]:
    by_shape = {"".join(c for c in note if not c.isdigit()): note for note in notes}
    return list(by_shape.values())


def _table_words(table: Mapping[str, Any]) -> str:
    state, reason, note = table["state"], table["reason"], table["note"]
    if state in ("unread", "waiting"):
        return "waiting"
    if state == "unavailable":
        return f"unavailable: {reason}"
    if state == "failing":
        return f"failing, last good rows kept: {reason}" if table["rows"] else f"failing: {reason}"
    if table["stale"]:
        return f"stale, {_age(table['source_age'])}"
    return f"partial: {note}" if note else "ok"


def _age(seconds: float | None) -> str:
    if seconds is None:
        return "age unknown"
    if seconds < 120:
        return f"{seconds:.0f} s old"
    return f"{seconds / 60:.0f} min old" if seconds < 7200 else f"{seconds / 3600:.0f} h old"


def summary(view: View) -> str:
    """Say in one line what was checked and what was found."""
    checked = view.answer["checked"]
    waiting = view.answer["waiting"]
    text = (
        f"{_count(checked['rules'], 'rule')}, {_count(checked['tables'], 'table')}, "
        f"{_count(len(view.violations), 'violation')}"
    )
    if not waiting:
        return text
    causes = sorted({cause for rule in waiting for cause in rule["for"]})
    words = ", ".join(cause.split(":")[-1].replace("_", " ") for cause in causes)
    verb = "waits" if len(waiting) == 1 else "wait"
    return f"{text}; {_count(len(waiting), 'rule')} {verb} for: {words}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def changes_between(old: View | None, new: View) -> list[str]:
    """Say what changed from one look to the next, a line each."""
    before = {} if old is None else {s["name"]: _state_of(s) for s in old.sources}
    lines = [
        f"source {source['name']}: {source_words(source)}"
        for source in new.sources
        if before.get(source["name"]) != _state_of(source)
    ]
    gone, come = _violation_changes(old, new)
    lines += [f"- {line}" for line in gone]
    lines += [f"+ {line}" for line in come]
    if old is None or summary(old) != summary(new):
        lines.append(f"= {summary(new)}")
    return lines


def _state_of(source: Source) -> list[tuple[str, str, str, bool]]:
    """Give what makes a line when it changes; the numbers in a note change all the time."""
    return sorted(
        (name, table["state"], table["reason"], table["stale"])
        for name, table in _used_tables(source).items()
    )


def _violation_changes(old: View | None, new: View) -> tuple[list[str], list[str]]:
    before = [] if old is None else [violation_line(v) for v in old.violations]
    after = [violation_line(v) for v in new.violations]
    known_before, known_after = set(before), set(after)
    return [x for x in before if x not in known_after], [x for x in after if x not in known_before]


def violation_line(violation: Violation) -> str:
    """Give one violation as one line."""
    cells = ", ".join(cell_text(cell) for cell in violation["row"])
    return f"{violation['severity']} {violation['policy']} {violation['rule']}: ({cells})"
