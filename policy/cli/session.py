"""What is typed into the REPL, and what comes of it; without a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from congress_dist.derivation_text import tree_lines
from congress_dist.errors import CongressError, InvalidRequest, NotFound
from congress_dist.formats import cell_text

from ..engine import Engine
from ..language.ast import Constant
from ..language.counts import counted
from ..language.grammar import parse_query
from ..language.policy_kinds import RECURSIVE
from ..language.printer import pretty_rule, print_statement
from ..language.structure import blank_comments
from ..planner.answers import Row
from ..query_columns import columns_of
from ..recorded_tables import load_recording, read_recording
from ..row_order import row_order
from .eval import failure_text
from .what_if import absence, impact, simulation

T = TypeVar("T")

MAX_ROWS = 1000
"""Rows that an answer shows: more than anybody reads."""

HELP = """\
p(x, "a")                a query: an atom, or a rule as ans(x) :- p(x, y), not q(y)
+ p(x) :- q(x)           add rules or facts to the current policy
- p(x) :- q(x)           take them away
.policy NAME             make this policy the current one; a new name makes a new policy
.tables [OWNER]          the tables of the current policy, or of a policy or datasource
.rules [POLICY]          its rules
.explain p(1, "a")       why this row is there
.why_not p(1, "a")       why this row is not there
.simulate p(x) after q+(1)  what changes would do to the answer; behind actions stands the
                         policy that describes them: after cut(1) action_policy NAME
.impact + p(x) :- q(x)   which violations and actions a rule would bring or, after -, take
.violations              what rules with @severity report
.waiting                 rules that wait for something, and for what
.load DIR                load recorded tables
.help                    this
.quit                    leave (also Ctrl-D)
brackets that are open, and a comma or ':-' at the end, continue on the next line; an empty line,
or one that begins with . + or -, ends the input"""


class Session:
    """An engine, a current policy, and the commands on them.

    Promises: what is refused changes nothing; what is interrupted does not after `recover`.
    """

    def __init__(
        self, make_engine: Callable[[], Engine], policies: Sequence[str], sources: Sequence[str]
    ) -> None:
        self.engine = make_engine()
        self._make_engine = make_engine
        self._changes: list[Callable[[Engine], object]] = []
        """What was changed so far, to be done again."""
        self._is_changing = False
        self.policy = policies[0]
        self._policies = list(policies)
        self._sources = list(sources)
        self.is_over = False
        self._commands: Mapping[str, Callable[[str], Iterator[str]]] = {
            ".policy": self._use,
            ".tables": self._tables,
            ".rules": self._rules,
            ".explain": self._explain,
            ".why_not": self._why_not,
            ".simulate": lambda text: simulation(self.engine, self.policy, text),
            ".impact": lambda text: impact(self.engine, self.policy, text),
            ".violations": self._violations,
            ".waiting": self._waiting,
            ".load": self._load,
            ".help": self._help,
            ".quit": self._quit,
        }

    def execute(self, text: str) -> Iterator[str]:
        """Do what a text asks and give lines to print.

        Raises: UserError: the text is wrong, or what it names does not exist.
        """
        text = text.strip()
        if text[:1] in ("+", "-") and not blank_comments(text[1:]).strip():
            raise InvalidRequest(f"say which rule: {text[0]} p(x) :- q(x)")
        if text.startswith("."):
            word, _, rest = text.partition(" ")
            command = self._commands.get(word)
            if command is None:
                raise InvalidRequest(
                    f"there is no command '{word}'; commands are {', '.join(self._commands)}"
                )
            yield from command(rest.strip())
        elif text.startswith("+"):
            policy = self.policy
            added = self._change(lambda engine: engine.insert(policy, text[1:]))
            yield f"{counted(len(added), 'rule')} added to {policy}"
        elif text.startswith("-"):
            policy = self.policy
            self._change(lambda engine: engine.delete(policy, text[1:]))
            yield f"taken away from {policy}"
        elif blank_comments(text).strip():
            yield from self._query(text)

    def words(self) -> list[str]:
        """Give what a word may be completed to: commands, owners, tables, columns, builtins."""
        from ..language.builtins import all_builtins

        found = {*self._commands, *all_builtins()}
        for owner in [*self._policies, *self._sources]:
            tables = self.engine.tables(owner)
            found.update(f"{owner}:{table}" for table in tables)
            found.update(c for table in tables for c in self.engine.columns(owner, table))
        found.update(self.engine.tables(self.policy))
        return sorted(found)

    def recover(self) -> None:
        """Make the engine anew after an interruption that left a change half done."""
        if self._is_changing:
            self._is_changing = False
            self.engine = self._make_engine()
            for change in self._changes:
                change(self.engine)

    def _change(self, change: Callable[[Engine], T]) -> T:
        self._is_changing = True
        try:
            done = change(self.engine)
        except CongressError:
            self._is_changing = False
            raise
        self._is_changing = False
        self._changes.append(change)
        return done

    def _query(self, text: str) -> Iterator[str]:
        answer = self.engine.answer(self.policy, text)
        columns = columns_of(self.engine, self.policy, text)
        rows = sorted(answer.rows, key=row_order)
        lines = [list(columns), *([cell_text(cell) for cell in row] for row in rows[:MAX_ROWS])]
        if columns:
            widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
            for line in lines:
                padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
                yield "  ".join(padded).rstrip()
        yield f"({counted(len(rows), 'row')})"
        if len(rows) > MAX_ROWS:
            yield f"only the first {MAX_ROWS} are shown"
        for warning in answer.warnings:
            yield from warning.render().splitlines()
        yield from (f"incomplete: {key}: {reason}" for key, reason in answer.missing.items())
        yield from map(failure_text, answer.failures)

    def _use(self, name: str) -> Iterator[str]:
        if not name:
            yield f"the current policy is {self.policy}; there are: {', '.join(self._policies)}"
            return
        if name not in self._policies:
            from ..validation import check_owner_name

            check_owner_name(name, "policy")
            self._change(lambda engine: engine.create_policy(name, RECURSIVE))
            self._policies.append(name)
            yield f"made policy {name}"
        self.policy = name

    def _tables(self, owner: str) -> Iterator[str]:
        owner = owner or self.policy
        try:
            tables = self.engine.tables(owner)
        except NotFound as error:
            owners = ", ".join([*self._policies, *self._sources])
            raise NotFound(f"{error.message}; there are: {owners}") from error
        for table in tables:
            columns = ", ".join(self.engine.columns(owner, table))
            rows = counted(len(self.engine.rows(owner, table)), "row")
            missing = self.engine.missing(owner, table)
            note = f"  not known: {', '.join(missing.values())}" if missing else ""
            yield f"{owner}:{table}({columns})  {rows}{note}"

    def _rules(self, policy: str) -> Iterator[str]:
        for rule in self.engine.policy_rules(policy or self.policy):
            head, *body = pretty_rule(rule).splitlines()
            annotations = print_statement(rule).splitlines()[:-1]
            yield from [*annotations, head, *body]

    def _explain(self, text: str) -> Iterator[str]:
        owner, table, row = self._row_of(text, ".explain")
        yield from tree_lines(self.engine.explain(owner, table, row).to_wire())

    def _why_not(self, text: str) -> Iterator[str]:
        yield from absence(self.engine, *self._row_of(text, ".why_not"))

    def _row_of(self, text: str, command: str) -> tuple[str, str, Row]:
        atom = parse_query(text).head
        cells = [argument.value for argument in atom.arguments]
        if not all(isinstance(cell, Constant) for cell in cells):
            raise InvalidRequest(f'name one row: {command} p(1, "a"), with a value in each place')
        row = tuple(cell.value for cell in cells if isinstance(cell, Constant))
        return self._owner_of(text), atom.table, row

    def _owner_of(self, text: str) -> str:
        from ..language.ast import Literal

        body = parse_query(text).body or ()
        literal = body[0] if body else None
        return (literal.atom.policy if isinstance(literal, Literal) else None) or self.policy

    def _violations(self, _: str) -> Iterator[str]:
        for found in sorted(self.engine.violations(), key=lambda v: (v.policy, v.table)):
            cells = ", ".join(map(cell_text, found.row))
            about = found.rule.annotation("title") or found.rule.annotation("id") or ""
            yield f"{found.policy}:{found.table}({cells})  {about}".rstrip()

    def _waiting(self, _: str) -> Iterator[str]:
        for waiting in self.engine.waiting():
            yield f"{waiting.policy}: {print_statement(waiting.rule).splitlines()[-1]}"
            yield from (f"  waits for {key}: {why}" for key, why in waiting.reasons.items())

    def _load(self, directory: str) -> Iterator[str]:
        if not directory:
            raise InvalidRequest("name the directory: .load DIR")
        recording = read_recording(Path(directory).expanduser())
        self._change(lambda engine: load_recording(engine, recording))
        self._sources = sorted({*self._sources, *recording})
        tables = sum(len(inner) for inner in recording.values())
        yield f"loaded {counted(tables, 'table')} of {', '.join(recording)}"

    def _help(self, _: str) -> Iterator[str]:
        yield from HELP.splitlines()

    def _quit(self, _: str) -> Iterator[str]:
        self.is_over = True
        yield from ()
