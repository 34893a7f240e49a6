"""The verb `repl`: ask and change policies line by line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from congress_dist.arguments import path_named
from congress_dist.cli import OK, USAGE, Command
from congress_dist.formats import print_note

from .workspace import (
    CLOCK,
    Workspace,
    add_data_option,
    add_kind_option,
    add_now_option,
    open_workspace,
)

if TYPE_CHECKING:
    from .session import Session
    from .typed_lines import TypedLines

_DESCRIPTION = """\
Ask policies line by line, and try out rules: a line is a query, `+ RULE` adds a rule, `- RULE`
takes it away. Files are not changed. Tab completes names; the history is kept between calls.
"""

_EPILOG = """\
.help lists the commands; Ctrl-C drops the line, Ctrl-D leaves. Lines may also come from a pipe:
then the exit code is 2 when one of them was refused

examples:
  congress repl policies/network --data recorded
  echo 'open_port(s, p)' | congress repl policies/network --data recorded
"""

_HISTORY_LINES = 1000


class ReplCommand(Command):
    """Ask policies line by line."""

    name = "repl"
    help = "ask policies line by line, and try out rules"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.description = _DESCRIPTION
        parser.epilog = _EPILOG
        parser.add_argument(
            "policies",
            nargs="*",
            type=path_named,
            metavar="POLICY",
            help="policies (default: none)",
        )
        add_data_option(parser)
        add_now_option(parser)
        add_kind_option(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Read lines until the end of input."""
        from .typed_lines import TypedLines

        session = _session(args)
        if not sys.stdin.isatty():
            return _run_lines(session)
        _set_up_terminal(session)
        print_note("congress repl; .help tells more, Ctrl-D leaves")
        typed = TypedLines()
        while not session.is_over:
            try:
                texts = _ask(session, typed)
                if texts is None:
                    print_note("")
                    break
                _run_all(session, texts)
            except KeyboardInterrupt:
                print_note("interrupted")
                session.recover()
        return OK


def _session(args: argparse.Namespace) -> Session:
    from ..language.package import Package
    from ..language.policy_kinds import RECURSIVE
    from .session import Session

    workspace = open_workspace(args.policies, args.data, kind=args.kind)
    if not workspace.packages:
        scratch = Package("scratch", "", RECURSIVE, [], {})
        workspace = Workspace([scratch], workspace.recording)
    policies = [package.name for package in workspace.packages]
    sources = sorted({*workspace.recording, CLOCK})
    return Session(lambda: workspace.engine(now=args.now), policies, sources)


def _run_lines(session: Session) -> int:
    """Run the lines of standard input."""
    from .typed_lines import TypedLines

    code, typed = OK, TypedLines()
    for line in sys.stdin:
        code = max(code, _run_all(session, typed.take(line)))
        if session.is_over:
            return code
    return max(code, _run_all(session, typed.finish()))


def _run_all(session: Session, texts: Sequence[str]) -> int:
    return max((_run(session, text) for text in texts if not session.is_over), default=OK)


def _run(session: Session, text: str) -> int:
    from congress_dist.errors import CongressError

    try:
        for line in session.execute(text):
            sys.stdout.write(f"{line}\n")
    except CongressError as error:
        print_note(error.message)
        return USAGE
    finally:
        sys.stdout.flush()
    return OK


def _ask(session: Session, typed: TypedLines) -> list[str] | None:
    """Read one line and give the inputs that are whole with it; None at the end of input."""
    try:
        line = input("... " if typed.text else f"{session.policy}> ")
    except EOFError:
        return typed.finish() or None
    except KeyboardInterrupt:
        print_note("")
        typed.finish()
        return []
    return typed.take(f"{line}\n")


def _set_up_terminal(session: Session) -> None:
    """Let Tab complete names and the history outlive the session, where readline is there."""
    import atexit

    try:
        import readline
    except ImportError:
        return
    from congress_dist.config import default_data_dir

    history = default_data_dir() / "repl_history"
    readline.set_completer_delims(" \t\n,()[]=<>!+-*/%\"'")
    readline.set_completer(_completer(session))
    readline.parse_and_bind("tab: complete")
    readline.set_history_length(_HISTORY_LINES)
    try:
        history.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        history.touch(mode=0o600)
        readline.read_history_file(history)
    except OSError as error:
        print_note(f"the history is not kept: {error}")
        return
    atexit.register(_keep_history, history)


def _keep_history(path: Path) -> None:
    import readline

    try:
        readline.write_history_file(path)
    except OSError as error:
        print_note(f"the history could not be kept: {error}")


def _completer(session: Session) -> Callable[[str, int], str | None]:
    matches: list[str] = []

    def complete(text: str, state: int) -> str | None:
        if state == 0:
            matches[:] = [word for word in session.words() if word.startswith(text)]
        return matches[state] if state < len(matches) else None

    return complete
