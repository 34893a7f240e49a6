"""The verb `fmt`: policy files in the usual layout."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from congress_dist.cli import FAILED, OK, USAGE, Command
from congress_dist.formats import print_note

from .arguments import add_paths

_DESCRIPTION = """\
Lay out .dl files in the usual way, in place. The rules stay what they are and every comment stays
in its place; a rule that stands on one line stays so if it fits, else each condition gets a line.
"""

_EPILOG = """\
a directory stands for all .dl files in it and below; - lays standard input out to standard output

exit codes: 0 fine; 1 with --check or --diff: something would change; 2 a file cannot be read

examples:
  congress fmt policies
  congress fmt --check --diff policies       # in a pipeline: show what is not in the usual layout
  congress fmt - < old.dl > new.dl
"""


class FmtCommand(Command):
    """Lay out policy files."""

    name = "fmt"
    help = "lay out policy files in the usual way"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.description = _DESCRIPTION
        parser.epilog = _EPILOG
        add_paths(parser, ".dl files or directories of them, or -")
        parser.add_argument(
            "--check", action="store_true", help="change nothing; name the files that would change"
        )
        parser.add_argument(
            "--diff", action="store_true", help="change nothing; print what would change"
        )

    def run(self, args: argparse.Namespace) -> int:
        """Lay out the files; one that cannot be read does not keep the others from it."""
        from ..language.diagnostics import PolicyError
        from .progress import with_progress

        if args.paths == [Path("-")]:
            return _format_input(args)
        changed = refused = 0
        for path in with_progress(list(_files(args.paths)), "formatting"):
            try:
                changed += _format(path, is_check=args.check, is_diff=args.diff)
            except PolicyError as error:
                print_note(error.message)
                refused += 1
        if refused:
            return USAGE
        return FAILED if changed and (args.check or args.diff) else OK


def _format_input(args: argparse.Namespace) -> int:
    from ..language.text_files import decoded
    from .layout import lay_out

    old = decoded(sys.stdin.buffer.read(), Path("<stdin>"))
    new = lay_out(old, source="<stdin>")
    if args.diff:
        _print_diff("<stdin>", old, new)
    elif not args.check:
        sys.stdout.write(new)
    return FAILED if old != new and (args.check or args.diff) else OK


def _format(path: Path, *, is_check: bool, is_diff: bool) -> bool:
    """Lay out a file, or show how it would be; tell whether that changes it."""
    from ..language.package import read_text
    from ..language.text_files import replace_text
    from .layout import lay_out

    old = read_text(path)
    new = lay_out(old, source=str(path))
    if old == new:
        return False
    if is_check or is_diff:
        if is_check:
            print_note(f"not in the usual layout: {path}")
        if is_diff:
            _print_diff(str(path), old, new)
    else:
        replace_text(path, new)
        print_note(f"formatted {path}")
    return True


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    from congress_dist.errors import InvalidRequest, NotFound

    from ..language.text_files import files_below, is_directory

    for path in paths:
        if is_directory(path):
            files = [file for file in files_below(path) if file.suffix == ".dl"]
            if not files:
                raise NotFound(f"directory '{path}' holds no .dl file", path=str(path))
            yield from files
        elif path.suffix == ".dl" or not path.exists():
            yield path
        else:
            raise InvalidRequest(f"'{path}' is no .dl file; fmt lays out .dl files only")


def _print_diff(name: str, old: str, new: str) -> None:
    from difflib import unified_diff

    lines = unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), name, f"{name} (formatted)"
    )
    sys.stdout.writelines(line if line.endswith("\n") else f"{line}\n" for line in lines)
