"""The policy engine as a library: policies, datasources, rows in; derived rows and reasons out.

Callers: the replica, the offline tools, and programs that use the library. Every method may be
called from any thread; one lock makes them wait for each other. Long, because it is the one face
of everything behind it: each method is its contract and a few lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import groupby

from congress_dist.errors import InvalidRequest, InvalidRow, NotFound
from congress_dist.row import Cell
from congress_dist.schema import TableSchema

from .evaluator import Evaluator
from .explain import Derivation, Explainer
from .impact import Impact, RuleOperation, impact_of, operations_given
from .language.ast import Rule
from .language.checks import check, check_query, refusals
from .language.collection import without_collection
from .language.counts import counted
from .language.diagnostics import Diagnostic, refuse_errors
from .language.grammar import parse
from .language.names import column_names, refuse_owner_name
from .language.policy_kinds import NONRECURSIVE
from .language.rule_key import rule_key
from .plan_report import PlannedTables, PlanReporter
from .planner.active_rule import Missing
from .planner.answers import Answer, Changes, Failure, Footprint, Row, Violation, Waiting
from .planner.kernel_face import ALL_ROWS, KernelFace
from .planner.normal_form import TableKey
from .planner.program import Program
from .prepared import PreparedQuery, Queries
from .query import Query, refusing_too_large
from .row_input import (
    TableInputs,
    are_plain,
    held,
    marked_missing,
    row_given,
    rows_of,
    table_of,
)
from .rule_book import RuleBook
from .simulation import Simulation, Simulator
from .source_tables import GivenRows, SourceTables
from .transactions import Transactions
from .why_not import Doubter, WhyNot

DEFAULT_MAX_ROWS = 2_000_000
"""Rows that one rule may derive: above the largest table of a host, about 200 MB."""

_MANY_RULES = 100
"""So many rules at once make objects enough that Python would look for garbage among them."""
_MOST_ROWS = 2**50
"""What a limit of rows may be: far above what a table can hold."""


class Engine:
    """Rules over live tables.

    Promises: a method that raises has changed nothing. Rows go in and come out as tuples of str,
    int, float, bool and None; two cells are the same when type and value are.
    """

    def __init__(self, *, max_rows: int = DEFAULT_MAX_ROWS) -> None:
        if type(max_rows) is not int or not 1 <= max_rows <= _MOST_ROWS:
            expected = f"expected a number from 1 to {_MOST_ROWS:,}"
            raise InvalidRequest(f"max_rows is {max_rows!r}, {expected}")
        self._face = KernelFace(max_rows)
        self._program = Program(self._face.journal)
        self._evaluator = Evaluator(
            self._face, self._program.why_unknown, lambda rule: rule.is_reporting
        )
        self._lock = Transactions(
            self._face.kernel,
            self._face.journal,
            lambda: (self._program.version, self._evaluator.version),
            after_rollback=self._forget_what_was_begun,
            name_rule=self._evaluator.name_rule,
        )
        self._rule_book = RuleBook(self._program, self._evaluator)
        self._sources = SourceTables(self._evaluator, self._program.schema)
        self._queries = Queries(self._program, self._evaluator)

    # --- policies and rules

    def create_policy(self, name: str, kind: str = NONRECURSIVE) -> None:
        """Add an empty policy.

        Raises: Conflict: a policy or datasource has that name. InvalidRequest: there is no such
            kind, or no rule could name the policy so.
        """
        refuse_owner_name(name, "a policy")
        self.create_hidden_policy(name, kind)

    def create_hidden_policy(self, name: str, kind: str) -> None:
        """Add an empty policy for a trial, by a name that no text can say. Raises: Conflict."""
        with self._lock.change():
            self._rule_book.create_policy(name, kind)

    def delete_policy(self, name: str) -> Changes:
        """Take a policy away with its rules; rules elsewhere that read it wait.

        Raises: NotFound.
        """
        with without_collection(), self._lock.change():
            return self._rule_book.delete_policy(name)

    def check(self, policy: str, text: str) -> list[Diagnostic]:
        """Give everything that is wrong or doubtful about inserting a text; change nothing.

        Raises: PolicyError: the text cannot be read.
        """
        rules = parse(text)
        with self._lock:
            return check([(policy, rule) for rule in rules], self._program, text=text)

    def insert(self, policy: str, text: str) -> list[Rule]:
        """Add the rules and facts of a text, all or nothing; give those that were not there.

        Promises: a rule that is there already changes nothing, except for other annotations.
        Raises: PolicyError: the text, with what is wrong and where. NotFound: no such policy.
        """
        rules = parse(text)
        with _quietly(rules), self._lock.change():
            return self._insert(policy, rules, text)

    def insert_rules(self, policy: str, rules: Sequence[Rule]) -> list[Rule]:
        """Add parsed rules as `insert` does."""
        with _quietly(rules), self._lock.change():
            return self._insert(policy, rules, "")

    def insert_checked(self, policy: str, rules: Sequence[Rule]) -> list[Rule]:
        """Add parsed rules as `insert` does that have passed the checks of `check_program`.

        Raises: PolicyError: a rule derives too many rows, or takes away the name of a column that
            another rule uses. NotFound: no such policy.
        """
        with _quietly(rules), self._lock.change():
            return self._rule_book.insert(policy, rules)

    def delete(self, policy: str, text: str) -> Changes:
        """Take the rules and facts of a text away, all or nothing.

        Raises: PolicyError: the text cannot be read, or a column that another rule names would be
            lost. NotFound: no such policy, or it has no such rule.
        """
        rules = parse(text)
        with _quietly(rules), self._lock.change():
            texts = {rule.span.source: text for rule in rules[:1]}
            return self._rule_book.delete(policy, rules, texts)

    def delete_rules(self, policy: str, rules: Sequence[Rule]) -> Changes:
        """Take parsed rules away as `delete` does."""
        with _quietly(rules), self._lock.change():
            return self._rule_book.delete(policy, rules)

    def update(self, operations: Iterable[RuleOperation]) -> list[list[Rule]]:
        """Insert and delete rules of several policies, all or nothing; give those of each.

        Shapes: carried out in order; insertions that follow each other are checked as a whole. An
            insertion gives the rules that were not there; findings in text N are of `operation N`.
        Raises: as `insert` and `delete`.
        """
        given = operations_given(operations)
        named = [(f"operation {n}", operation) for n, operation in enumerate(given, 1)]
        parsed = [(o, parse(o.text, source=source)) for source, o in named]
        texts = {source: operation.text for source, operation in named}
        done: list[list[Rule]] = []
        with self._lock.change():
            for kind, group in groupby(parsed, key=lambda each: each[0].kind):
                steps = [(operation.policy, rules) for operation, rules in group]
                if kind == "insert":
                    self._check_all(steps, texts)
                    done += [self._rule_book.insert(*step, texts) for step in steps]
                else:
                    for policy, rules in steps:
                        self._rule_book.delete(policy, rules, texts)
                    done += [rules for _, rules in steps]
        return done

    def restore_rules(self, policy: str, rules: Sequence[Rule]) -> None:
        """Add parsed rules that were accepted elsewhere or earlier; never refuse them.

        Promises: a rule that does not fit the present schemas waits; one that derives too many
            rows is parked.
        Raises: NotFound: no such policy.
        """
        with _quietly(rules), self._lock.change():
            self._rule_book.restore(policy, rules)

    def withdraw_rules(self, policy: str, rules: Sequence[Rule]) -> Changes:
        """Take parsed rules away whose deletion was accepted elsewhere or earlier.

        Raises: NotFound: no such policy, or it has no such rule.
        """
        with _quietly(rules), self._lock.change():
            return self._rule_book.withdraw(policy, rules)

    def policy_rules(self, policy: str) -> list[Rule]:
        """Give the rules and facts of a policy. Raises: NotFound."""
        with self._lock:
            return self._program.rules_of(policy)

    # --- datasources and their rows

    def set_schema(
        self, source: str, tables: Mapping[str, Sequence[str] | TableSchema]
    ) -> Changes:
        """Tell all tables and columns of a datasource.

        Promises: a table whose columns are new or other than before is empty and not known; one
            that is left out is gone; rules that the new columns do not fit wait, those that waited
            for them begin to run.
        Raises: Conflict: a policy has that name. InvalidRequest: no rule could name the datasource
            or one of its tables so, or columns cannot be told apart.
        """
        with self._lock.change():
            return self._rule_book.set_schema(source, tables)

    def remove_source(self, source: str) -> Changes:
        """Forget a datasource with its tables; rules that read them wait. Raises: NotFound."""
        with self._lock.change():
            return self._rule_book.remove_source(source)

    def load(self, source: str, tables: TableInputs) -> Changes:
        """Replace the rows of tables in one transaction; they are known from then on.

        Shapes: rows are tuples, columns by name in buffers or sequences, an Arrow table, or the
            path of a file: CSV, TSV, JSON lines, JSON or YAML. A datasource without schema gets
            one: the columns are those that come along, else Col0, Col1, … of the first rows.
        Raises: NotFound: the datasource has no such table. InvalidRow. InvalidRequest: no columns
            are known, or a file cannot be read.
        """
        tables = held(source, tables)
        with self._lock.change():
            if self._program.kind(source) is not None:
                return self.transact(source, loaded=tables)
            given = {name: table_of(rows, f"{source}:{name}") for name, rows in tables.items()}
            columns = {name: columns for name, (columns, _) in given.items()}
            self._rule_book.set_schema(source, columns)
            return self.transact(source, loaded={name: rows for name, (_, rows) in given.items()})

    def apply(
        self, source: str, added: TableInputs | None = None, removed: TableInputs | None = None
    ) -> Changes:
        """Add and remove rows, given as for `load`, in one transaction.

        Shapes: a row both added and removed is present afterwards; adding what is there and
            removing what is not change nothing. A table that is not known stays so.
        Raises: NotFound: the datasource has no such table. InvalidRow.
        Cost: the rows given, and the rules that read, directly or through others, a table that
            changed.
        """
        added = held(source, {} if added is None else added)
        removed = held(source, {} if removed is None else removed)
        return self._lock.carry_out(self._change, source, added, removed)

    def mark_missing(self, source: str, tables: Iterable[str], reason: str) -> Changes:
        """Make tables unknown, without rows, until they are loaded again.

        Raises: NotFound: the datasource has no such table. InvalidRequest: the reason is empty.
        """
        return self.transact(source, missing=marked_missing(tables, reason))

    def transact(
        self,
        source: str,
        *,
        loaded: TableInputs | None = None,
        added: TableInputs | None = None,
        removed: TableInputs | None = None,
        missing: Mapping[str, str] | None = None,
    ) -> Changes:
        """Do what `load`, `apply` and `mark_missing` do, for several tables at once."""
        loaded = held(source, {} if loaded is None else loaded)
        added = held(source, {} if added is None else added)
        removed = held(source, {} if removed is None else removed)
        with self._lock.change():
            return self._sources.transact(
                source,
                loaded=self._rows_given(source, loaded),
                added=self._rows_given(source, added),
                removed=self._rows_given(source, removed),
                missing=missing or {},
            )

    # --- answers

    def missing(self, owner: str, table: str) -> Missing:
        """Give what keeps a table from being known (`source:table` → reason); empty: complete."""
        with self._lock:
            return dict(self._evaluator.missing((owner, table)))

    def rows(self, owner: str, table: str) -> list[Row]:
        """Give the rows of a table, in no order; none when nothing defines it.

        Raises: NotFound: no such policy or datasource.
        """
        with self._lock:
            self._program.refuse_unknown(owner)
            width = self._evaluator.width((owner, table))
            return [] if width is None else self._face.rows((owner, table), width)

    def page(
        self, owner: str, table: str, limit: int, after: Sequence[Cell] | None = None
    ) -> list[Row]:
        """Give the first rows of a table, in order, of those behind a row; of that one or not.

        Shapes: rows are ordered by their cells, the first column first: null, booleans, numbers,
            text. The row `after` need not be there any more.
        Raises: NotFound: no such policy or datasource. InvalidRow: `after` has another width, or a
            cell that no table holds. InvalidRequest: `limit` is no number of rows.
        Cost: a comparison for each row of the table, and the rows that are given.
        """
        if type(limit) is not int or limit < 0:
            what = f"a page has a number of rows, found {limit!r:.60}; give 0 or more"
            raise InvalidRequest(what, limit=f"{limit!r:.60}")
        if after is not None:
            after = row_given(after, f"{owner}:{table}")
        with self._lock:
            self._program.refuse_unknown(owner)
            width = self._evaluator.width((owner, table))
            if width is None:
                return []
            if after is not None and len(after) != width:
                raise InvalidRow(f"the row has {len(after)} cells, {owner}:{table} has {width}")
            behind = None if after is None else self._face.symbols.encode(after)
            return self._face.page((owner, table), width, min(limit, ALL_ROWS), behind)

    def size(self, owner: str, table: str) -> int:
        """Give the number of rows of a table; 0 when nothing defines it.

        Raises: NotFound: no such policy or datasource.
        """
        with self._lock:
            self._program.refuse_unknown(owner)
            width = self._evaluator.width((owner, table))
            return 0 if width is None else self._face.size((owner, table), width)

    def columns(self, owner: str, table: str) -> tuple[str, ...]:
        """Give the columns' names; Col0, Col1, … where none is known or the heads do not agree."""
        with self._lock:
            names = self._program.columns(owner, table)
            if names is not None:
                return names
            return column_names(self._program.arity(owner, table) or 0)

    def tables(self, owner: str) -> list[str]:
        """Give the tables of a datasource, or those that a policy's rules name, sorted.

        Raises: NotFound.
        """
        with self._lock:
            return self._program.tables_of(owner)

    def query(self, policy: str, text: str) -> list[Row]:
        """Give the rows that agree with an atom, or that a rule derives; store nothing.

        Shapes: rows in no order, each once. Under `not`, a table that is not known gives no
            answer.
        Raises: PolicyError: the text, or columns that are not known. NotFound: no such policy.
        """
        return self.answer(policy, text).rows

    def answer(self, policy: str, text: str) -> Answer:
        """Give the rows of a query with what keeps them from being complete.

        Raises: as `query`.
        """
        with self._lock:
            self._program.refuse_unknown(policy)
            return self._queries.ask(policy, text)

    def ask_rule(self, policy: str, rule: Rule) -> list[Row]:
        """Give the rows that a parsed rule derives; store nothing.

        Raises: PolicyError: it is no rule that can run, there are too many rows, or columns are
            not known.
        """
        with self._lock:
            refuse_errors(check_query(policy, rule, self._program))
            query = Query(policy, rule, (), program=self._program, evaluator=self._evaluator)
            return query.ask().rows

    def prepare(self, policy: str, text: str) -> PreparedQuery:
        """Plan a query in which `?` stands for terms that are given with each call.

        Shapes: `h = e.prepare("p", "tc(?, y)")`, then `h(1)` is what `tc(1, y)` asks for.
        Raises: as `query`.
        Cost: while the result lives, the indexes that make its calls fast are kept.
        """
        with self._lock:
            self._program.refuse_unknown(policy)
            return self._queries.prepare(policy, text, self._lock)

    def violations(self) -> list[Violation]:
        """Give each row with each rule that derives it and reports something wrong.

        Shapes: rules that carry `@severity`, and rules and facts of the tables `error` and
            `warning`.
        """
        with self._lock:
            found: list[Violation] = []
            for active in self._rule_book.rules:
                if active.rule.is_reporting:
                    rows = self._face.reported(active, active.width)
                    found += [
                        Violation(active.policy, active.rule, active.head[1], r) for r in rows
                    ]
            for key, table in self._evaluator.derived.items():
                for row, (policy, fact) in table.facts.items():
                    if fact.is_reporting:
                        decoded = self._face.symbols.decode(row)
                        found.append(Violation(policy, fact, key[1], decoded))
            return found

    def actions(self) -> list[tuple[TableKey, Row]]:
        """Give each row of a table of actions, also of a datasource that there is not (yet)."""
        with self._lock:
            return [
                (key, row)
                for key, table in self._evaluator.derived.items()
                if key[1].startswith(("execute[", "ensure["))
                for row in self._face.rows(key, table.width)
            ]

    def explain(self, policy: str, table: str, row: Sequence[Cell]) -> Derivation:
        """Give one tree by which a row follows, down to rows of datasources and facts.

        Promises: no row stands below itself; the tree is bounded in depth and size.
        Raises: NotFound: the row is not there. InvalidRow: no table may hold the row.
        """
        with self._lock:
            self._program.refuse_unknown(policy)
            row = row_given(row, f"{policy}:{table}")
            with refusing_too_large("the explanation"):
                return Explainer(self._program, self._evaluator).explain((policy, table), row)

    def plan(self) -> list[PlannedTables]:
        """Tell what will run for a change, in order, and why in that order; run nothing."""
        with self._lock:
            return PlanReporter(self._program, self._evaluator).report()

    def deriving(self) -> list[tuple[str, Rule]]:
        """Give the rules that derive a row now, with their policies.

        Raises: PolicyError: one of several rules of a table would join too many rows at once.
        Cost: where several rules derive a table, each of them is run.
        """
        with self._lock, refusing_too_large("a rule"):
            rules = [rule for rule in self._rule_book.rules if self._evaluator.derives(rule)]
            return [(rule.policy, rule.rule) for rule in rules]

    def why_not(self, policy: str, table: str, row: Sequence[Cell]) -> WhyNot:
        """Tell, for each rule that could derive a row, how far its body holds and what fails.

        Promises: bounded in size.
        Raises: NotFound: no such policy or datasource, or no such table. InvalidRow: no table may
            hold the row. InvalidRequest: the table has another width.
        """
        with self._lock:
            self._program.refuse_unknown(policy)
            width = self._program.arity(policy, table)
            row = row_given(row, f"{policy}:{table}")
            if width is None:
                what = f"nothing defines the table '{policy}:{table}'"
                raise NotFound(what, policy=policy, table=table)
            if width != len(row):
                what = f"'{policy}:{table}' has {counted(width, 'column')}, the row {len(row)}"
                raise InvalidRequest(what, table=table)
            with refusing_too_large("the explanation"):
                return Doubter(self._evaluator).why_not((policy, table), row)

    def waiting(self) -> list[Waiting]:
        """Give the rules that read, directly or through others, something that is not known.

        Shapes: with a literal under `not` over it a rule derives nothing meanwhile; else what
            follows from the rows that are there.
        """
        with self._lock:
            return [
                Waiting(active.policy, active.rule, dict(active.missing))
                for active in self._rule_book.rules
                if active.missing
            ]

    def failures(self) -> list[Failure]:
        """Give, per rule, builtin and reason, the calls that failed when its rows were derived.

        Shapes: a call that fails (wrong type, overflow, division by zero) yields no row, so its
            negation holds. Counted are the calls since the rule was put to work, also those whose
            rows are gone; a rule that was off meanwhile begins anew.
        """
        with self._lock:
            return [
                Failure(rule.policy, rule.rule, *failure)
                for rule in self._rule_book.rules
                if not rule.is_off
                for failure in self._face.failures(rule)
            ]

    def footprint(self) -> Footprint:
        """Tell what is kept in memory."""
        with self._lock:
            return Footprint(
                self._face.kernel.bytes(),
                self._face.symbol_count(),
                len(self._queries),
                self._face.indexes(),
            )

    # --- what if

    def simulate(
        self,
        policy: str,
        query: str,
        sequence: str,
        action_policy: str | None = None,
        *,
        delta: bool = False,
    ) -> Simulation:
        """Tell what a query would give after a sequence of changes and actions; change nothing.

        Shapes: statements are `p+(1)`, `p-(1)`, `q+(x) :- p(x)`, `other:p+(1)`, or actions like
            `set(1, 5)` and `set(x, 5) :- p(x)`, whose effects `action_policy` describes.
            `result` is the answer as facts; with `delta` what the sequence changes of it.
        Promises: nothing is left behind, also when it fails.
        Raises: PolicyError: a text, or a change that is refused. NotFound.
        """
        with self.trial():
            self._program.refuse_unknown(policy)
            return Simulator(self, policy, action_policy).run(query, sequence, delta=delta)

    def impact(self, operations: Iterable[RuleOperation]) -> Impact:
        """Tell which violations and actions would come and go with some rules; change nothing.

        Shapes: `RuleOperation("insert", "p", text)` or `"delete"`, carried out in order.
        Promises: nothing is left behind, also when it fails.
        Raises: PolicyError: a text is refused. NotFound: no such policy, or rule to delete.
        """
        with self.trial():
            return impact_of(self, operations)

    def reporting_tables(self) -> list[TableKey]:
        """Give the tables whose rows are violations or actions, sorted."""
        with self._lock:
            return sorted(
                key
                for key, table in self._evaluator.derived.items()
                if any(rule.rule.is_reporting or rule.rule.modal for rule in table.rules)
                or any(fact.is_reporting or fact.modal for _, fact in table.facts.values())
            )

    def cancel(self) -> None:
        """Stop the call that another thread has under way, if any; it raises Cancelled."""
        self._face.kernel.cancel()

    def trial(self) -> AbstractContextManager[None]:
        """Take back, at the end of a `with` block, whatever was changed inside of it."""
        return self._lock.trial()

    # --- what there is

    def kind(self, owner: str) -> str | None:
        """Give a policy's kind, `datasource` for a datasource, None for what does not exist."""
        with self._lock:
            return self._program.kind(owner)

    def width(self, owner: str, table: str) -> int | None:
        """Give the number of a table's columns; None when nothing tells it."""
        with self._lock:
            return self._program.arity(owner, table)

    def has_rule(self, policy: str, rule: Rule) -> bool:
        """Tell whether a policy has this rule or fact. Raises: NotFound: no such policy."""
        with self._lock:
            return self._program.find(policy, rule_key(rule)) is not None

    # --- inside

    def _forget_what_was_begun(self) -> None:
        """Follow a rollback with what it does not know of."""
        self._face.program.forget_staged()
        self._program.touch()

    def _change(self, source: str, added: TableInputs, removed: TableInputs) -> Changes:
        return self._sources.change(
            source, self._rows_given(source, added), self._rows_given(source, removed)
        )

    def _rows_given(self, source: str, tables: TableInputs) -> GivenRows:
        if are_plain(tables):
            return tables  # type: ignore[return-value]
        return {
            table: rows_of(given, self._program.columns(source, table), f"{source}:{table}")
            for table, given in tables.items()
        }

    def _insert(self, policy: str, rules: Sequence[Rule], text: str) -> list[Rule]:
        self._program.refuse_unknown(policy)
        refuse_errors(refusals([(policy, rule) for rule in rules], self._program, text=text))
        texts = {rule.span.source: text for rule in rules[:1]}
        return self._rule_book.insert(policy, rules, texts)

    def _check_all(
        self, steps: Sequence[tuple[str, Sequence[Rule]]], texts: Mapping[str, str]
    ) -> None:
        for policy, _ in steps:
            self._program.refuse_unknown(policy)
        owned = [(policy, rule) for policy, rules in steps for rule in rules]
        refuse_errors(check(owned, self._program, texts=texts))


def _quietly(rules: Sequence[Rule]) -> AbstractContextManager[None]:
    return without_collection() if len(rules) >= _MANY_RULES else nullcontext()
