"""The engine's lock and its journal: changes that are whole or not made, trials, and an end.

One thread at a time is inside. The kernel keeps the lock: Ctrl-C waits until everything can be
taken back, and no step of Python stands between taking the lock and knowing that it is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import ParamSpec, TypeVar

from congress_dist.clock import SystemClock
from congress_dist.errors import (
    Cancelled,
    CongressError,
    DeadlineExceeded,
    InternalError,
    InvalidRequest,
)

from .kernel import (
    DeadlinePassed,
    GuardedBlock,
    InvalidPlan,
    Kernel,
    Stopped,
    defer_interrupt,
    exchange_deadline,
    let_interrupt,
)
from .planner.journal import Journal, Mark
from .planner.kernel_builtins import BuiltinRaised

P = ParamSpec("P")
T = TypeVar("T")

Meaning = tuple[int, int]
"""The versions of the program and of what is missing."""

_BARE = ((), ("std::bad_alloc",))
"""Arguments of a MemoryError as Python and the kernel raise it."""

_LONGEST = 1e9
"""Seconds: no call takes as long, and the sum with any clock's time is a number."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give the calls that this thread makes in a `with` block, of any engine, a deadline.

    Promises: a call that is not done by then is taken back, and one that begins later is refused,
        a short one too; of two deadlines the nearer one holds.
    Raises: DeadlineExceeded: of such a call. InvalidRequest: `seconds` is no number.
    """
    if not isinstance(seconds, int | float) or math.isnan(min(seconds, _LONGEST)):
        raise InvalidRequest(f"a deadline is a number of seconds from now, found {seconds!r:.60}")
    ours = SystemClock().monotonic() + min(seconds, _LONGEST)
    before = exchange_deadline(ours)
    exchange_deadline(min(before, ours))
    try:
        yield
    finally:
        exchange_deadline(before)


class Transactions:
    """One caller at a time; used as a context manager for reading.

    Shapes: `meaning` tells what prepared questions rest on, rows aside; `after_rollback` is called
        when changes were taken back; `name_rule` gives the text of a rule of the
        kernel, None of one that is gone.
    """

    def __init__(
        self,
        kernel: Kernel,
        journal: Journal,
        meaning: Callable[[], Meaning],
        *,
        after_rollback: Callable[[], None],
        name_rule: Callable[[int], str | None],
    ) -> None:
        self._kernel = kernel
        # Bound now: for a method of C++ Python makes an object, when there may be no memory.
        self._leave_kernel = kernel.leave
        self._outdate = kernel.outdate
        self._journal = journal
        self._meaning = meaning
        self._known_meaning = meaning()
        self._after_rollback = after_rollback
        self._name_rule = name_rule
        self._entered = 0

    def __enter__(self) -> None:
        """Wait for the engine.

        Raises: InvalidRequest: called by what the kernel is running. DeadlineExceeded: others were
            in.
        """
        try:
            self._kernel.enter()
        except InvalidPlan as error:
            who = "a builtin, a row, a finalizer or a signal's handler"
            what = f"the engine was called by what it was running: {who}"
            raise InvalidRequest(what) from error
        except Stopped as error:
            raise self.told(error) from error
        self._entered += 1
        if self._journal.is_torn:
            self.leave()
            raise InternalError(
                "there was no memory to finish or to take back a change, and nobody knows what "
                "this engine holds; make a new one, as a process does that is started again"
            )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            told = self.find_told(error)
        finally:
            self.leave()
        if told is not None:
            raise told from error

    def change(self) -> _Change:
        """Change the engine; whatever is raised inside, nothing has changed afterwards."""
        return _Change(self)

    def carry_out(self, change: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call what changes the engine as in a block of `change`, which costs more than a call."""
        mark = self.begin()
        try:
            changed = change(*args, **kwargs)
            self._kernel.look()
        except BaseException as error:
            self.give_up(mark, error)
            raise
        self.leave()
        return changed

    def give_up(self, mark: Mark, error: BaseException) -> None:
        """Take back what was changed after a mark, and let others in.

        Raises: Cancelled, DeadlineExceeded, InternalError, MemoryError: what that error comes to.
        """
        try:
            told = self.find_told(error)
        finally:
            self.end(mark)
        if told is not None:
            raise told from error

    def trial(self) -> GuardedBlock:
        """Change the engine for the time of a `with` block, and take everything back."""
        trial = _Trial(self)
        return GuardedBlock(trial.begin, trial.end)

    def begin(self) -> Mark:
        """Wait for the engine, and give the place up to which a later `roll_back` goes.

        Raises: as a `with` block.
        """
        self.__enter__()
        try:
            return self._journal.mark()
        except BaseException:  # there is no memory for it
            self.leave()
            raise

    def end(self, mark: Mark) -> None:
        """Take back what was changed after a mark, and let others in."""
        try:
            self.roll_back(mark)
        finally:
            self.leave()

    def roll_back(self, mark: Mark) -> None:
        """Take back what was changed after a mark."""
        defer_interrupt()
        try:
            self._journal.rollback(mark)
            self._after_rollback()
            self._follow_meaning()
        finally:
            let_interrupt()

    def leave(self) -> None:
        """Let others in, unless this thread entered more than once; also without memory."""
        self._entered -= 1
        try:
            self._follow_meaning()
            if not self._entered:
                self._journal.clear()  # a question may have left values that nobody holds
        finally:
            self._leave_kernel()

    def find_stop(self) -> BaseException | None:
        """Give what is to end the call under way: Ctrl-C, its deadline, somebody's `cancel`."""
        try:
            self._kernel.look()
        except BaseException as error:  # noqa: BLE001 a signal's handler may raise anything
            return error
        return None

    def find_told(self, error: BaseException | None) -> Exception | None:
        """Give what ended a call in terms of the language; None for what says so itself.

        Ordering: before anything is taken back, as rules are named.
        """
        if isinstance(error, Stopped):
            return self.told(error)
        if isinstance(error, BuiltinRaised):
            return self._builtin_told(error)
        is_bare = isinstance(error, MemoryError) and error.args in _BARE
        return self._memory_told() if is_bare else None

    def told(self, error: Stopped) -> CongressError:
        """Give why a call was stopped in terms of the language; before anything is taken back."""
        _, number, *asked = error.args
        rule = None if number is None else self._name_rule(number)
        query = asked[0] if asked else None
        where = "" if rule is None else f" while the rule {rule!r} ran"
        if query is not None:
            where = f" while the query {query!r} ran"
        if isinstance(error, DeadlinePassed):
            what = f"the call came to its deadline{where}, and changed nothing"
            advice = "give it more time or ask for less"
            return DeadlineExceeded(f"{what}; {advice}", rule=rule, query=query)
        what = f"the call was cancelled{where}, and changed nothing"
        return Cancelled(f"{what}; repeat it if it is still wanted", rule=rule, query=query)

    def _builtin_told(self, error: BuiltinRaised) -> InternalError:
        name, inputs = error.args
        rule = self._find_running()
        where = "" if rule is None else f" in the rule {rule!r}"
        what = f"the builtin {name!r} raised {error.__cause__!r:.200}{where}"
        advice = "nothing was changed; mend the builtin, or write the rule without it"
        return InternalError(f"{what}, given {inputs!r:.200}; {advice}", builtin=name, rule=rule)

    def _memory_told(self) -> MemoryError:
        try:
            rule = self._find_running()
        except MemoryError:  # there is not enough to name it either
            rule = None
        where = "" if rule is None else f" while the rule {rule!r} ran"
        advice = "narrow what is asked for, lower max_rows, or give the process more memory"
        return MemoryError(f"there was no memory left{where}; nothing was changed: {advice}")

    def _find_running(self) -> str | None:
        number = self._kernel.running()
        return None if number is None else self._name_rule(number)

    def _follow_meaning(self) -> None:
        try:
            meaning = self._meaning()
        except MemoryError:  # what was changed stays so: prepared questions look for themselves
            self._outdate()
            return
        if meaning != self._known_meaning:
            self._known_meaning = meaning
            self._outdate()


class _Change:
    """One change, of which nothing is kept if something is raised."""

    __slots__ = ("_mark", "_transactions")

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def __enter__(self) -> None:
        self._mark = self._transactions.begin()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        transactions = self._transactions
        stop = transactions.find_stop() if error is None else None
        cause = error or stop
        if cause is None:
            transactions.leave()
            return
        transactions.give_up(self._mark, cause)
        if stop is not None:
            raise stop


class _Trial:
    """Changes of which nothing is kept; the block is the caller's, so Ctrl-C may end it."""

    __slots__ = ("_mark", "_transactions")

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def begin(self) -> None:
        self._mark = self._transactions.begin()
        try:
            let_interrupt()  # what waited is raised here at the latest
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        defer_interrupt()
        self._transactions.end(self._mark)
