"""Changes of rules, policies and schemas, each all or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from congress_dist.errors import InternalError, NotFound
from congress_dist.schema import TableSchema

from .evaluator import Agenda, Evaluator
from .language.ast import Rule, Span
from .language.diagnostics import Diagnostic, PolicyError
from .language.names import MAX_COLUMNS, table_name
from .language.places import placed
from .language.printer import print_rule
from .language.rule_key import RuleKey, rule_key
from .planner.active_rule import ActiveRule, Missing
from .planner.answers import Changes
from .planner.normal_form import NormalRule, TableKey, constants_in
from .planner.normalize import Unresolved, normalize
from .planner.program import Program, body_atoms, head_key
from .planner.symbols import Symbols, Tuple

NOT_READ = "not read yet"


_Rules = dict[RuleKey, Rule]
_Shape = tuple[str, ...] | int | None
"""The columns of a table; where nothing defines it, their number, if a reader tells it."""


@dataclass(slots=True)
class _Resolution:
    """What rules read, worked out and not yet put to work."""

    normal: dict[ActiveRule, tuple[NormalRule, ...]] = field(default_factory=dict)
    waiting: dict[ActiveRule, Missing] = field(default_factory=dict)
    refused: dict[ActiveRule, PolicyError] = field(default_factory=dict)

    def raise_refusal(self, texts: Mapping[str, str]) -> None:
        """Raise what is wrong with a rule whatever the schemas are."""
        for active, error in self.refused.items():
            span = active.rule.head.span
            raise PolicyError(placed(found, span, texts) for found in error.diagnostics) from error


class RuleBook:
    """The program together with its rules at work.

    Promises: a method that raises has changed nothing.
    """

    def __init__(self, program: Program, evaluator: Evaluator) -> None:
        self._program = program
        self._evaluator = evaluator
        self._symbols: Symbols = evaluator.symbols
        self._journal = evaluator.journal
        self._active: dict[tuple[str, RuleKey], ActiveRule] = {}

    @property
    def rules(self) -> Iterable[ActiveRule]:
        """Give the rules at work; facts are in their tables."""
        return self._active.values()

    def insert(
        self, policy: str, rules: Sequence[Rule], texts: Mapping[str, str] | None = None
    ) -> list[Rule]:
        """Add checked rules; give those that were new or got other annotations.

        Shapes: `texts` are what they were read from, by the sources of their spans.
        Raises: NotFound: no such policy. PolicyError: a rule derives too many rows, or takes away
            the name of a column that another rule uses.
        """
        new, replaced = self._sort_out(policy, rules)
        active, resolution = self._admit(policy, new)
        try:
            resolution.raise_refusal(texts or {})
            self._refuse_lost_columns(resolution, policy, new, texts or {})
        except PolicyError:
            for key in new:
                self._program.remove(policy, key)
            raise
        parked = self._put_to_work(policy, new, active, resolution)
        if parked:
            self._undo(policy, new, parked, texts or {})
        self._annotate(policy, replaced)
        return [*new.values(), *replaced.values()]

    def restore(self, policy: str, rules: Sequence[Rule]) -> None:
        """Add rules that were accepted earlier; what does not fit any more waits or is parked.

        Raises: NotFound: no such policy.
        """
        new, replaced = self._sort_out(policy, rules)
        active, resolution = self._admit(policy, new)
        self._put_to_work(policy, new, active, resolution)
        self._annotate(policy, replaced)

    def delete(
        self, policy: str, rules: Sequence[Rule], texts: Mapping[str, str] | None = None
    ) -> Changes:
        """Take rules away.

        Shapes: `texts` as for `insert`.
        Raises: NotFound: no such policy, or it has no such rule. PolicyError: another rule uses
            the name of a column that would be lost.
        """
        found = self._get_all(policy, rules)
        leaving = {self._active[policy, key] for key, rule in found.items() if not _is_row(rule)}
        before = self._leave(policy, found)
        resolution = self._resolve(r for r in self._renamed(before) if r not in leaving)
        given = {rule_key(rule): rule for rule in rules}
        self._refuse_lost_columns(resolution, policy, given, texts or {})
        agenda = Agenda()
        self._take_out(policy, found, agenda)
        self._follow(resolution, agenda)
        return self._evaluator.refresh(agenda)

    def withdraw(self, policy: str, rules: Sequence[Rule]) -> Changes:
        """Take rules away whose deletion was accepted earlier; readers of lost columns wait.

        Raises: NotFound: no such policy, or it has no such rule.
        """
        agenda = Agenda()
        self._withdraw(policy, self._get_all(policy, rules), agenda)
        return self._evaluator.refresh(agenda)

    def create_policy(self, name: str, kind: str) -> Changes:
        """Add an empty policy. Raises: Conflict, InvalidRequest."""
        self._program.create_policy(name, kind)
        return self._owner_changed(name, Agenda())

    def delete_policy(self, name: str) -> Changes:
        """Take a policy away with its rules; rules elsewhere that read it wait.

        Raises: NotFound.
        """
        agenda = Agenda()
        self._withdraw(name, self._program.keyed_rules_of(name), agenda)
        self._program.delete_policy(name)
        return self._owner_changed(name, agenda)

    def set_schema(
        self, source: str, tables: Mapping[str, Sequence[str] | TableSchema]
    ) -> Changes:
        """Give a datasource its tables; one with other columns than before loses its rows.

        Raises: Conflict.
        """
        before = self._program.schema(source)
        self._program.set_schema(source, tables)
        after = self._program.schema(source)
        agenda = Agenda()
        for table in before:
            if after.get(table) != before[table]:
                self._evaluator.drop_base((source, table), agenda)
        for table, columns in after.items():
            if before.get(table) != columns:
                self._evaluator.define_base((source, table), len(columns), NOT_READ)
        return self._owner_changed(source, agenda)

    def remove_source(self, source: str) -> Changes:
        """Forget a datasource with its rows; rules that read it wait. Raises: NotFound."""
        tables = self._program.schema(source)
        self._program.remove_source(source)
        agenda = Agenda()
        for table in tables:
            self._evaluator.drop_base((source, table), agenda)
        return self._owner_changed(source, agenda)

    def _sort_out(self, policy: str, rules: Iterable[Rule]) -> tuple[_Rules, _Rules]:
        """Split rules in new ones and those that exist with other annotations."""
        new: _Rules = {}
        replaced: _Rules = {}
        for key, rule in {rule_key(rule): rule for rule in rules}.items():
            known = self._program.find(policy, key)
            if known is None:
                new[key] = rule
            elif known.annotations != rule.annotations:
                replaced[key] = rule
        return new, replaced

    def _get_all(self, policy: str, rules: Iterable[Rule]) -> _Rules:
        """Give the policy's own rules for these, each once. Raises: NotFound."""
        found = {}
        for rule in rules:
            key = rule_key(rule)
            known = self._program.find(policy, key)
            if known is None:
                what = f"policy {policy!r} has no rule {print_rule(rule)!r}"
                raise NotFound(what, policy=policy)
            found[key] = known
        return found

    def _admit(self, policy: str, rules: _Rules) -> tuple[dict[RuleKey, ActiveRule], _Resolution]:
        """Write rules down, and work out what they and the readers of their tables read now."""
        for fact in rules.values():
            if _is_row(fact):
                self._row(fact)
        before = self._shapes(policy, rules)
        active = {
            key: ActiveRule(policy, rule, head_key(policy, rule))
            for key, rule in rules.items()
            if not _is_row(rule)
        }
        for key, rule in rules.items():
            self._program.add(policy, rule, key)
        try:
            return active, self._resolve([*active.values(), *self._renamed(before)])
        except Exception:
            for key in rules:
                self._program.remove(policy, key)
            raise

    def _leave(self, policy: str, rules: _Rules) -> dict[TableKey, _Shape]:
        """Strike rules out; give the columns that their tables had before."""
        before = self._shapes(policy, rules)
        for key in rules:
            self._program.remove(policy, key)
        return before

    def _withdraw(self, policy: str, rules: _Rules, agenda: Agenda) -> None:
        before = self._leave(policy, rules)
        self._take_out(policy, rules, agenda)
        self._follow(self._resolve(self._renamed(before)), agenda)

    def _shapes(self, policy: str, rules: _Rules) -> dict[TableKey, _Shape]:
        """Give the shapes of what rules derive, and of what they and others read."""
        tables = {head_key(policy, rule): None for rule in rules.values()}
        readers = self._evaluator.readers
        for rule in rules.values():
            for atom in body_atoms(rule.body or ()):
                table = (atom.policy or policy, atom.table)
                if table in readers:
                    tables[table] = None
        return {table: self._shape(table) for table in tables}

    def _shape(self, table: TableKey) -> _Shape:
        columns = self._program.columns(*table)
        return self._program.arity(*table) if columns is None else columns

    def _renamed(self, before: Mapping[TableKey, _Shape]) -> list[ActiveRule]:
        """Give the rules that read a table whose columns are not what they were."""
        changed = [table for table, shape in before.items() if self._shape(table) != shape]
        readers = {
            rule: None for table in changed for rule in self._evaluator.readers.get(table, ())
        }
        return list(readers)

    def _resolve(self, rules: Iterable[ActiveRule]) -> _Resolution:
        resolution = _Resolution()
        for active in rules:
            self._evaluator.face.kernel.look()
            try:
                resolution.normal[active] = normalize(
                    active.rule, active.policy, program=self._program, symbols=self._symbols
                )
            except Unresolved as error:
                resolution.waiting[active] = error.reasons
            except PolicyError as error:
                resolution.refused[active] = error
                resolution.waiting[active] = {table_name(active.head): error.message}
        return resolution

    def _refuse_lost_columns(
        self, resolution: _Resolution, policy: str, rules: _Rules, texts: Mapping[str, str]
    ) -> None:
        for active, reasons in resolution.waiting.items():
            if active.alternatives:
                table, reason = next(iter(reasons.items()))
                found = Diagnostic(
                    "column-in-use",
                    f"after this change table {table!r} could not be read as the rule"
                    f" {print_rule(active.rule)!r} of policy {active.policy!r} does: {reason}",
                    hint="change that rule first, or keep the names of the columns",
                )
                spans = [span for rule in rules.values() for span in _spans(policy, rule, table)]
                raise PolicyError([placed(found, spans[0], texts) if spans else found])

    def _put_to_work(
        self,
        policy: str,
        rules: _Rules,
        active: Mapping[RuleKey, ActiveRule],
        resolution: _Resolution,
    ) -> dict[ActiveRule, str]:
        """Let rules work; give those that were parked, with the limit that they crossed."""
        agenda = Agenda()
        for key, rule in active.items():
            self._take(rule, resolution)
            self._journal.put(self._active, (policy, key), rule)
            self._evaluator.add_rule(rule)
            agenda.rules[rule] = None
        for rule in resolution.normal.keys() | resolution.waiting.keys():
            if rule not in agenda.rules:
                self._retake(rule, resolution, agenda)
        for fact in rules.values():
            if _is_row(fact):
                self._evaluator.add_fact(
                    head_key(policy, fact), self._row(fact), (policy, fact), agenda
                )
        self._evaluator.refresh(agenda)
        return agenda.parked

    def _undo(
        self,
        policy: str,
        rules: _Rules,
        parked: Mapping[ActiveRule, str],
        texts: Mapping[str, str],
    ) -> NoReturn:
        """Take back rules with which some rule derives too many rows, and refuse them."""
        agenda = Agenda()
        for stopped in parked:
            self._journal.note(stopped.memento())
            stopped.parked = {}
            agenda.rules[stopped] = None
        self._withdraw(policy, rules, agenda)
        self._evaluator.refresh(agenda)
        new = {id(rule) for rule in rules.values()}
        findings = []
        for stopped, reason in parked.items():
            found = Diagnostic(
                "too-many-rows",
                f"the rule {print_rule(stopped.rule)!r} would be too large: {reason}",
                hint="bind its variables by more conditions",
            )
            is_new = id(stopped.rule) in new
            findings.append(placed(found, stopped.rule.span, texts) if is_new else found)
        raise PolicyError(findings)

    def _take_out(self, policy: str, rules: _Rules, agenda: Agenda) -> None:
        for key, rule in rules.items():
            if _is_row(rule):
                self._evaluator.remove_fact(head_key(policy, rule), self._row(rule), agenda)
            else:
                active = self._journal.drop(self._active, (policy, key))
                self._evaluator.remove_rule(active, agenda)

    def _owner_changed(self, owner: str, agenda: Agenda) -> Changes:
        """Follow up that a policy or datasource came, went, or has other tables."""
        tables = [table for table in self._evaluator.readers if table[0] == owner]
        agenda.missing.update(tables)
        readers = {rule: None for table in tables for rule in self._evaluator.readers[table]}
        self._follow(self._resolve(readers), agenda)
        return self._evaluator.refresh(agenda)

    def _follow(self, resolution: _Resolution, agenda: Agenda) -> None:
        for rule in resolution.normal.keys() | resolution.waiting.keys():
            self._retake(rule, resolution, agenda)

    def _retake(self, rule: ActiveRule, resolution: _Resolution, agenda: Agenda) -> None:
        if resolution.normal.get(rule) == rule.alternatives and not rule.unresolved:
            return
        self._evaluator.disconnect(rule)
        self._take(rule, resolution)
        self._evaluator.reconnect(rule)
        agenda.rules[rule] = None

    def _take(self, rule: ActiveRule, resolution: _Resolution) -> None:
        self._journal.note(rule.memento())
        if rule in resolution.normal:
            normal = resolution.normal[rule]
            rule.resolve(normal, self._symbols.hold(constants_in(normal)))
        else:
            atoms = body_atoms(rule.rule.body or ())
            tables = [(atom.policy or rule.policy, atom.table) for atom in atoms]
            rule.wait(resolution.waiting[rule], tables)

    def _annotate(self, policy: str, rules: _Rules) -> None:
        """Put rules in the place of the same rules with other annotations."""
        agenda = Agenda()
        for key, rule in rules.items():
            self._program.replace(policy, rule, key)
            if _is_row(rule):
                table = self._evaluator.derived[head_key(policy, rule)]
                self._journal.put(table.facts, self._row(rule), (policy, rule))
            else:
                active = self._active[policy, key]
                self._journal.note(active.memento())
                if active.rule.is_reporting is not rule.is_reporting:
                    agenda.rules[active] = None
                active.rule = rule
        if agenda.rules:
            self._evaluator.refresh(agenda)

    def _row(self, fact: Rule) -> Tuple:
        (normal,) = normalize(fact, "", program=self._program, symbols=self._symbols)
        if not all(isinstance(term, int) for term in normal.terms):
            raise InternalError(f"a fact with variables reached the planner: {print_rule(fact)}")
        return normal.terms  # type: ignore[return-value]


def _is_row(rule: Rule) -> bool:
    """Tell whether a rule is a fact that its table holds; one with too many columns is parked."""
    return rule.is_fact and len(rule.head.arguments) <= MAX_COLUMNS


def _spans(policy: str, rule: Rule, table: str) -> Iterator[Span]:
    """Give where a rule names a table: where it derives it, then where it reads it."""
    if table_name(head_key(policy, rule)) == table:
        yield rule.head.span
    for atom in body_atoms(rule.body or ()):
        if table_name((atom.policy or policy, atom.table)) == table:
            yield atom.span
