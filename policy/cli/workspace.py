"""What offline verbs work on: policies from files, and recorded tables where they are given."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from congress_dist.arguments import path_named
from congress_dist.errors import Conflict, InvalidRequest

from ..language.policy_kinds import KINDS, NONRECURSIVE

if TYPE_CHECKING:
    from ..engine import Engine
    from ..language.diagnostics import Diagnostic
    from ..language.package import Package
    from ..recorded_tables import Recording

_TIME = "%Y-%m-%d %H:%M:%S"

CLOCK = "clock"
"""The datasource that tells the time, in the one row of its table `now`."""


def add_kind_option(parser: argparse.ArgumentParser) -> None:
    """Declare the kind of policies that do not tell theirs."""
    parser.add_argument(
        "--kind",
        choices=KINDS,
        default=NONRECURSIVE,
        help=f"kind of the policies that do not say theirs (default: {NONRECURSIVE})",
    )


def add_data_option(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    """Declare where recorded tables are."""
    parser.add_argument(
        "--data",
        required=required,
        type=path_named,
        metavar="DIR",
        help="recorded tables: schema.json, and SOURCE/TABLE.jsonl (or .json, .yaml, .csv)",
    )


def add_now_option(parser: argparse.ArgumentParser) -> None:
    """Declare the time that `now` gives."""
    parser.add_argument(
        "--now",
        metavar="TIME",
        help="the time of the clock, as '2026-01-31 12:00:00' in UTC (default: the recorded time, "
        "else the present)",
    )


@dataclass(frozen=True, slots=True)
class Workspace:
    """Policies, and the tables that they run over."""

    packages: Sequence[Package]
    recording: Recording = field(default_factory=dict)

    @property
    def main(self) -> str:
        """Name the policy that is meant where none is named: the first one."""
        return self.packages[0].name

    def check(self) -> list[Diagnostic]:
        """Give what is wrong or doubtful, all policies seen together.

        Shapes: without recorded tables nobody knows which datasources there will be, so an unknown
            one is no finding, unless its name looks like a misspelt one.
        Raises: Conflict: a policy and a datasource have one name. InvalidRequest: no such kind.
        """
        from ..language.checks import check_program
        from ..planner.program import Program
        from .progress import long_step

        self._refuse_shared_names()
        program = Program()
        for package in self.packages:
            program.create_policy(package.name, package.kind)
        program.set_schema(CLOCK, {"now": ["time"]})
        for source, tables in self.recording.items():
            program.set_schema(source, {name: table.schema for name, table in tables.items()})
        rules = [(p.name, rule) for p in self.packages for rule in p.statements]
        texts = {source: text for p in self.packages for source, text in p.texts.items()}
        with long_step("checking", len(rules)):
            found = check_program(rules, program, texts=texts)
        for package in self.packages:
            found = package.placed(found)
        found.sort(key=lambda each: (each.source, each.line, each.column))
        if self.recording:
            return found
        return [d for d in found if d.code != "unknown-policy" or d.hint]

    def _refuse_shared_names(self) -> None:
        from ..language.package import path_of

        for package in self.packages:
            if package.name in self.recording or package.name == CLOCK:
                place = next(iter(package.texts), package.name)
                what = "tells the time" if package.name == CLOCK else "is recorded"
                raise Conflict(
                    f"the policy of '{path_of(place)}' has the name of the datasource "
                    f"{package.name!r}, which {what}; rename the policy",
                    policy=package.name,
                )

    def engine(self, *, now: str | None = None) -> Engine:
        """Give an engine with all policies and tables; its clock stands still.

        Raises: PolicyError: what is wrong with the policies, with file and line. Also as `check`.
        """
        self.refuse_errors()
        return self.checked_engine(now=now)

    def refuse_errors(self) -> None:
        """Refuse policies in which `check` finds an error.

        Raises: PolicyError: what is wrong with the policies, with file and line. Also as `check`.
        """
        from ..language.diagnostics import refuse_errors

        refuse_errors(self.check())

    def checked_engine(self, *, now: str | None = None) -> Engine:
        """Do what `engine` does for policies in which `check` found no error.

        Raises: PolicyError: what shows only when the rules are put to work.
        """
        engine = self.loaded_engine(now=now)
        self.put_to_work(engine)
        return engine

    def loaded_engine(self, *, now: str | None = None) -> Engine:
        """Give an engine with all tables and no rules; its clock stands still."""
        from ..engine import Engine
        from ..recorded_tables import load_recording

        engine = Engine()
        load_recording(engine, self.recording)
        if now is not None or CLOCK not in self.recording:
            engine.set_schema(CLOCK, {"now": ["time"]})
            engine.load(CLOCK, {"now": [(_present() if now is None else time_text(now),)]})
        return engine

    def put_to_work(self, engine: Engine) -> None:
        """Add all policies, checked before, to an engine.

        Raises: PolicyError: what shows only when the rules are put to work.
        """
        from .progress import long_step

        for package in self.packages:
            engine.create_policy(package.name, package.kind)
        for package in self.packages:
            with long_step(f"planning the rules of {package.name}", len(package.statements)):
                engine.insert_checked(package.name, package.statements)


def time_text(given: str | date) -> str:
    """Give a time as the clock's table holds it, in UTC. Raises: InvalidRequest: it is none."""
    if isinstance(given, date) and not isinstance(given, datetime):
        return f"{given} 00:00:00"
    try:
        moment = datetime.fromisoformat(given) if isinstance(given, str) else given
    except ValueError as error:
        raise InvalidRequest(
            f"{given!r:.60} is no time ({error}); write '2026-01-31 12:00:00', in UTC"
        ) from error
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return moment.strftime(_TIME)


def _present() -> str:
    from congress_dist.clock import utc_now

    return utc_now().strftime(_TIME)


def open_workspace(
    policies: Sequence[Path], data: Path | None, *, kind: str = NONRECURSIVE
) -> Workspace:
    """Read policies and recorded tables.

    Raises: as `read_packages` and `read_recording`.
    """
    from ..language.package import read_packages
    from ..recorded_tables import read_recording

    packages = read_packages(policies, kind=kind)
    return Workspace(packages, {} if data is None else read_recording(data))
