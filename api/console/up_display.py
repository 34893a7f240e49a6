"""How `congress up` shows what it finds: once, on a terminal, or as lines."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from congress_dist.cli import FAILED, OK
from congress_dist.errors import CongressError

from .client import Client
from .hints import Hints
from .troubles import Troubles
from .up_run import Run
from .view import SEVERITIES, Source, View, changes_between, summary

if TYPE_CHECKING:
    from rich.console import Console

LOOK_INTERVAL = 2.0
"""Seconds between two looks at the system: as often as the fastest source of the demonstration."""
FIRST_LOOK_INTERVAL = 0.25
"""The same while there is nothing to show yet: somebody sits and waits."""
FILE_WIDTH = 1000
"""Columns of output that goes to a file or a pipe: nobody there is served by cut lines."""
INTERRUPTED = 128 + signal.SIGINT
"""Exit code of --once when it was told to stop before it could print."""


def _look(client: Client, last: View | None) -> View:
    """Look at the system; violations are asked for only when something moved."""
    status = client.get("status")
    if last is not None and _moved(status) == _moved(last.status):
        return View(status, last.answer)
    return View(status, client.get("violations"))


def _moved(status: dict[str, Any] | Any) -> Any:
    return status["revision"], [
        (source["name"], source["position"], source["state"]) for source in status["sources"]
    ]


def once(run: Run, troubles: Troubles) -> int:
    """Wait until all is known that can be, print it, and give the exit code.

    Raises: StartupError: a process that is needed cannot start.
    """
    view = _wait_settled(run, troubles)
    if view is None:
        return INTERRUPTED
    if run.args.format == "json":
        json.dump(view.as_json(), sys.stdout)
        sys.stdout.write("\n")
    else:
        _print_all(view)
    return FAILED if _fails(view, run.args.fail_on) else OK


def _fails(view: View, fail_on: str | None) -> bool:
    if fail_on is None:
        return False
    worst = SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    return any(violation["severity"] in worst for violation in view.violations)


def _wait_settled(run: Run, troubles: Troubles) -> View | None:
    view, said = None, ""
    children = ["policy-r1", "api-a1", *(f"datasource-{name}" for name in run.datasources)]
    while not run.stopping.is_set():
        # The violations are not asked for again while nothing moved: waiting costs little.
        view = _try_look(run, view)
        if view is not None and view.is_settled(run.datasources):
            return view
        troubles.check_startup(children)
        waiting = ", ".join(view.awaited(run.datasources)) if view else "the policy engine"
        if waiting != said:
            sys.stderr.write(f"waiting for {waiting}\n")
            said = waiting
        run.stopping.wait(FIRST_LOOK_INTERVAL)
    return None


def watch(run: Run, troubles: Troubles) -> int:
    """Show what is there, and what changes, until told to stop; give the exit code."""
    from rich.console import Console

    console = Console()
    if console.is_terminal and not console.is_dumb_terminal:
        _watch_terminal(run, troubles, console)
    else:
        _watch_lines(run, troubles)
    return OK


def _watch_lines(run: Run, troubles: Troubles) -> None:
    view: View | None = None
    said: list[str] = []
    while not run.stopping.is_set():
        lines = troubles.lines()
        _write_lines(f"! {line}" for line in lines if line not in said)
        said = lines
        new = _try_look(run, view)
        if new is not None:
            _write_lines(changes_between(view, new))
            view = new
        run.stopping.wait(LOOK_INTERVAL if view else FIRST_LOOK_INTERVAL)


def _write_lines(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()


def _try_look(run: Run, last: View | None) -> View | None:
    try:
        return _look(run.client, last)
    except CongressError as error:
        if not error.retryable:
            raise
        return None


def _watch_terminal(run: Run, troubles: Troubles, console: Console) -> None:
    from .screen import Screen

    hints = Hints(run.client)
    view: View | None = None
    with Screen(console, sys.stdout) as screen:
        while not run.stopping.is_set():
            new = _try_look(run, view)
            view = new or view
            if view is not None:
                header = _header(run) + ("" if new else "  (no answer, last known state)")
                lines = hints.lines(view)
                screen.show(view, header=header, notes=troubles.lines(), hints=lines)
            else:
                screen.begin(_header(run), troubles.lines(), _sources(run))
            run.stopping.wait(LOOK_INTERVAL if view else FIRST_LOOK_INTERVAL)
    if view is not None:
        console.print(summary(view))


def _sources(run: Run) -> Sequence[Source]:
    """Give the sources while nothing can be said about violations yet."""
    try:
        return View(run.client.get("status"), {}).sources
    except CongressError as error:
        if not error.retryable:
            raise
        return []


def _print_all(view: View) -> None:
    from rich.console import Console

    from .screen import render

    width = None if sys.stdout.isatty() else FILE_WIDTH
    Console(width=width).print(render(view))


def _header(run: Run) -> str:
    return f"state and logs: {run.data_dir}"
