"""The rules that the kernel runs, and the components of the tables that they derive."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from ..language.names import MAX_COLUMNS
from .components import Component, EvaluationOrder
from .internal_key import InternalKey
from .kernel_rules import AnyKernelRule, KernelCrossings, KernelFold, KernelRule, Lowered
from .lowering import lower
from .normal_form import Condition, Match

if TYPE_CHECKING:
    from ..kernel import Kernel
    from .journal import Journal
    from .kernel_builtins import KernelBuiltins
    from .kernel_tables import KernelTables
    from .normal_form import NormalRule, TableKey
    from .symbols import Symbols

Owner = Hashable
T = TypeVar("T")


class TooManyColumns(Exception):
    """A rule needs a table with more columns than there may be. args: how many, and the owner."""


Reading = tuple[int, bool, tuple[tuple[int, int], ...]]
"""A relation that is read, whether it is negated, and its columns with constants."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule in the kernel: whose it is, what it derives and reads."""

    owner: Owner
    rule: AnyKernelRule
    head: int
    reads: tuple[Reading, ...]
    asks: tuple[int, ...] = ()
    is_limited: bool = True

    def all_reads(self) -> list[int]:
        """Give the relations that it reads, in any way."""
        return [*(read[0] for read in self.reads), *self.asks]


@dataclass(frozen=True, slots=True)
class _Told:
    """A component as the kernel knows it."""

    number: int
    members: tuple[int, ...]
    is_recursive: bool
    order: int


@dataclass(slots=True)
class _Staged:
    removed: list[int] = field(default_factory=list)
    added: list[Entry] = field(default_factory=list)


class KernelProgram:
    """Puts rules into the kernel and takes them out; `carry_out` tells it at once.

    Shapes: between two calls of `carry_out` an owner is taken before it is put, and put once.
    Invariant: after it the kernel's rules are those of the owners that were put, and each internal
        table is there as long as a rule of an owner uses it.
    """

    def __init__(
        self,
        kernel: Kernel,
        tables: KernelTables,
        builtins: KernelBuiltins,
        symbols: Symbols,
        journal: Journal,
    ) -> None:
        self._kernel = kernel
        self._tables = tables
        self._builtins = builtins
        self._symbols = symbols
        self._journal = journal
        self._lowered: dict[Owner, Lowered] = {}
        self._users: Counter[InternalKey] = Counter()
        self._own: dict[Owner | InternalKey, list[int]] = {}
        """The kernel's rules by their owner, or by the internal table that they derive."""
        self._entries: dict[int, Entry] = {}
        self._reads: defaultdict[int, Counter[int]] = defaultdict(Counter)
        self._readers: defaultdict[int, Counter[int]] = defaultdict(Counter)
        self._heads: Counter[int] = Counter()
        self._told: dict[int, _Told] = {}
        """The component of each relation that is derived, as the kernel knows it."""
        self._order = EvaluationOrder[int](
            lambda relation: self._heads[relation] > 0,
            reads_of=lambda relation: self._reads.get(relation, ()),
            readers_of=lambda relation: self._readers.get(relation, ()),
        )
        self._readers_of: defaultdict[int, dict[int, None]] = defaultdict(dict)
        """The kernel's rules that read a relation."""
        self._is_out_of_step = False
        """A rollback took back what the kernel was told of the order, but not the order itself."""
        self._staged = _Staged()
        self._unused: dict[int, None] = {}
        """Relations that perhaps nothing reads or derives once the step is over."""
        self._leaving: dict[int, Entry] = {}
        """Rules that were taken out last, whose plans the kernel may still ask for."""

    def put(
        self,
        owner: Owner,
        alternatives: Sequence[NormalRule],
        *,
        reports: bool,
        recursive: Container[TableKey] = (),
        is_limited: bool = True,
    ) -> None:
        """Let the kernel run a rule; one that `reports` has a table of its own rows.

        Shapes: `recursive` are the tables that depend on the rule's head and it on them; one that
            is not limited derives any number of rows.
        Raises: TooManyColumns. Stopped.
        """
        self._kernel.look()
        lowered = self.lower(alternatives, owner, reports=reports, recursive=recursive)
        _refuse_wide(lowered, owner)
        self._journal.put(self._lowered, owner, lowered)
        new: set[object] = {key for key in lowered.widths if key not in self._users}
        for key in lowered.widths:
            self._count(self._users, key, 1)
        for each in (owner, *new):
            self._journal.put(self._own, each, [])
        for rule in lowered.rules:
            if not isinstance(rule.head, InternalKey):
                entry = self._entry(owner, rule)
                self._staged.added.append(replace(entry, is_limited=is_limited))
            elif rule.head in new:
                internal = self._entry(rule.head, rule)
                is_bounded = _is_part_of_a_table(rule)
                self._staged.added.append(replace(internal, is_limited=not is_bounded))

    def lower(
        self,
        alternatives: Sequence[NormalRule],
        owner: Owner,
        *,
        reports: bool,
        recursive: Container[TableKey] = (),
    ) -> Lowered:
        """Give what the kernel would run for a rule."""
        values = self._symbols.value
        return lower(alternatives, owner, values=values, reports=reports, recursive=recursive)

    def take(self, owner: Owner) -> None:
        """Let the kernel run a rule no more, if it does."""
        if owner not in self._lowered:
            return
        lowered = self._journal.drop(self._lowered, owner)
        gone = self._journal.drop(self._own, owner)
        self._staged.removed += gone
        for key in lowered.widths:
            self._count(self._users, key, -1)
            if key not in self._users:
                gone = self._journal.drop(self._own, key)
                self._staged.removed += gone

    def carry_out(self) -> None:
        """Tell the kernel what was put and taken; rows follow with its next step."""
        self._leaving = {}
        if not self._staged.removed and not self._staged.added:
            return
        staged, self._staged = self._staged, _Staged()
        heads = {entry.head: None for entry in staged.added}
        for number in staged.removed:
            self._kernel.remove_rule(number)
            entry = self._leaving[number] = self._journal.drop(self._entries, number)
            for relation in dict.fromkeys(entry.all_reads()):
                self._journal.drop(self._readers_of[relation], number)
            heads[entry.head] = None
            self._unused.update(dict.fromkeys((entry.head, *entry.all_reads())))
            self._connect(entry, -1)
        for entry in staged.added:
            self._connect(entry, 1)
        self._arrange(heads)
        for entry in staged.added:
            self._add(entry)

    def withdraw(self, key: TableKey, width: int) -> None:
        """Take that the rows of a table are not given any more."""
        self._tables.withdraw(key, width)
        self._unused[self._tables.number(key, width)] = None

    def drop_unused(self) -> None:
        """Forget the tables that no rule uses any more and of which no rows are given.

        Ordering: after the kernel's step, for which rules that leave are still planned.
        """
        unused, self._unused = self._unused, {}
        for relation in unused:
            is_used = self._heads[relation] > 0 or bool(self._readers_of.get(relation))
            if not is_used and not self._tables.is_given(relation):
                self._drop(relation)

    def forget_staged(self) -> None:
        """Take that what was put and taken since the last `carry_out` was rolled back."""
        self._staged = _Staged()
        self._unused = {}

    def owners(self, number: int) -> list[Owner]:
        """Give whose rule it is: of an internal table all that use it, of one that went none."""
        entry = self._entries.get(number) or self._leaving.get(number)
        if entry is None:
            return []
        owner = entry.owner
        if not isinstance(owner, InternalKey):
            return [owner]
        return [user for user, lowered in self._lowered.items() if owner in lowered.widths]

    def is_shown(self, number: int) -> bool:
        """Tell whether a rule's rows are those of a rule of the language, and no internal ones."""
        head = self.entry(number).rule.head
        return not isinstance(head, InternalKey) or head.kind == "report"

    def lowered(self, owner: Owner) -> Lowered | None:
        """Give what an owner's rule came to; None when it does not run."""
        return self._lowered.get(owner)

    def rules_of(self, owner: Owner) -> list[int]:
        """Give the kernel's rules of an owner, those of its internal tables too."""
        if owner not in self._lowered:
            return []
        keys: list[Hashable] = [owner, *self._lowered[owner].widths]
        return [number for key in keys for number in self._own[key]]

    def entry(self, number: int) -> Entry:
        """Give a rule of the kernel."""
        return self._entries.get(number) or self._leaving[number]

    def readers(self, relation: int) -> Iterable[int]:
        """Give the kernel's rules that read a relation."""
        return list(self._readers_of.get(relation, ()))

    def reader_count(self, relation: int) -> int:
        """Give how many of the kernel's rules read a relation."""
        return len(self._readers_of.get(relation, ()))

    def reads(self, relation: int) -> Iterable[int]:
        """Give the relations that the rules of a derived relation read."""
        return self._reads.get(relation, ())

    def component(self, relation: int) -> Component[int] | None:
        """Give the component of a derived relation."""
        return self._order.find(relation)

    def _entry(self, owner: Owner, rule: AnyKernelRule) -> Entry:
        number = self._tables.number
        if isinstance(rule, KernelFold):
            inputs: tuple[Reading, ...] = tuple((number(*each), False, ()) for each in rule.inputs)
            return Entry(owner, rule, number(rule.head, len(rule.parts)), inputs)
        if isinstance(rule, KernelCrossings):
            inputs = tuple((number(*each), False, ()) for each in rule.inputs())
            return Entry(owner, rule, number(rule.head, 1), inputs)
        reads = tuple(
            (number(m.table, len(m.terms)), m.negated, _constants(m)) for m in rule.matches()
        )
        asks = tuple(dict.fromkeys(number(m.table, len(m.terms)) for m in rule.asks()))
        return Entry(owner, rule, number(rule.head, len(rule.terms)), reads, asks)

    def _add(self, entry: Entry) -> None:
        rule = entry.rule
        if isinstance(rule, KernelFold):
            inputs = [read[0] for read in entry.reads]
            number = self._kernel.add_fold(entry.head, rule.groups, inputs, rule.parts)
        elif isinstance(rule, KernelCrossings):
            times, clock = (read[0] for read in entry.reads)
            moment, test = self._builtins.number(rule.moment), rule.test
            number = self._kernel.add_crossings(
                entry.head, times, clock, moment, test.at_first, test.turns
            )
        else:
            number = self._kernel.add_rule(entry.head, entry.reads, entry.asks)
        if not entry.is_limited:
            self._kernel.lift_limit(number)
        self._journal.put(self._entries, number, entry)
        for relation in entry.all_reads():
            self._journal.put(self._readers_of[relation], number, None)
        own = self._own[entry.owner]
        self._journal.change(partial(own.append, number), own.pop)

    def _drop(self, relation: int) -> None:
        if relation in self._told:
            self._journal.drop(self._told, relation)
        self._tables.drop(relation)

    def _connect(self, entry: Entry, step: int) -> None:
        self._journal.change(partial(self._step, entry, step), partial(self._step, entry, -step))

    def _step(self, entry: Entry, step: int) -> None:
        reads = entry.all_reads()
        self._order.touch(entry.head, reads if step > 0 else ())
        self._heads[entry.head] += step
        for relation in reads:
            _add_to(self._reads, entry.head, relation, step)
            _add_to(self._readers, relation, entry.head, step)

    def _count(self, counts: Counter[InternalKey], key: InternalKey, step: int) -> None:
        self._journal.change(
            partial(_step_count, counts, key, step), partial(_step_count, counts, key, -step)
        )

    def _arrange(self, heads: Iterable[int]) -> None:
        """Tell the kernel which tables belong together now, and in which order."""
        if self._is_out_of_step:
            self._order.touch_all()
            self._is_out_of_step = False
        try:
            moved = self._order.take_moved()
            components = {c.number: c for table in moved if (c := self._order.find(table))}
            for number in sorted(components):
                self._tell(components[number])
        except BaseException:  # whom the kernel was told of nobody knows
            self._is_out_of_step = True
            raise
        for relation in heads:
            if not self._heads[relation]:
                self._leave(relation)

    def _tell(self, component: Component[int]) -> None:
        members = component.tables
        known = {self._told.get(member) for member in members}
        (told,) = known if len(known) == 1 else (None,)
        wanted = (members, component.is_recursive)
        self._journal.note(self._fall_out_of_step)
        if told is not None and (told.members, told.is_recursive) == wanted:
            self._kernel.set_order(told.number, component.number)
            number = told.number
        else:
            number = self._kernel.add_component(members, component.is_recursive, component.number)
            if known != {None}:
                self._kernel.rebuild(number)
        new = _Told(number, members, component.is_recursive, component.number)
        for member in members:
            self._journal.put(self._told, member, new)

    def _leave(self, relation: int) -> None:
        """Let a table that nothing derives any more stand alone, without rows."""
        told = self._told.get(relation)
        if told is not None and told.is_recursive:
            number = self._kernel.add_component([relation], False, 0)
            self._kernel.rebuild(number)
            self._journal.put(self._told, relation, _Told(number, (relation,), False, 0))

    def _fall_out_of_step(self) -> None:
        self._is_out_of_step = True


def _constants(match: Match) -> tuple[tuple[int, int], ...]:
    return tuple((n, term) for n, term in enumerate(match.terms) if isinstance(term, int))


def _is_part_of_a_table(rule: AnyKernelRule) -> bool:
    """Tell whether a rule has, as a projection has, at most the rows of a table that it reads."""
    if not isinstance(rule, KernelRule):
        return False
    reads = [literal for literal in rule.body if not isinstance(literal, Condition)]
    return len(reads) == 1 and isinstance(reads[0], Match) and not reads[0].negated


def _refuse_wide(lowered: Lowered, owner: Owner) -> None:
    """Make sure that the kernel can hold each table that a rule derives or reads."""
    rules = [rule for rule in lowered.rules if isinstance(rule, KernelRule)]
    matches = (match for rule in rules for match in (*rule.matches(), *rule.asks()))
    widths = [*map(len, (rule.terms for rule in rules)), *(len(m.terms) for m in matches)]
    widest = max(widths, default=0)
    if widest > MAX_COLUMNS:
        what = f"it needs a table of {widest} columns, at most {MAX_COLUMNS:,} are possible"
        raise TooManyColumns(what, owner)


def _add_to(counters: defaultdict[int, Counter[int]], key: int, other: int, step: int) -> None:
    counter = counters[key]
    _step_count(counter, other, step)
    if not counter:
        del counters[key]


def _step_count(counter: Counter[T], key: T, step: int) -> None:
    counter[key] += step
    if not counter[key]:
        del counter[key]
