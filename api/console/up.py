"""The verb `up`: a whole system on this machine, and what it finds.

Starts the supervisor with one process per service, creates the policies given, and shows sources
and violations until Ctrl-C; or once. To the system behind the API it is a client like any other.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from congress_dist.arguments import path_named
from congress_dist.cli import OK, Command, port_number
from congress_dist.errors import (
    CongressError,
    InvalidRequest,
    NotFound,
    StartupError,
    WorldError,
)

from .client import Client
from .package import placed_in_files, request_of
from .troubles import Troubles
from .up_display import INTERRUPTED, once, watch
from .up_prechecks import check_datasources, check_port, log_file, log_into_file
from .up_run import Run
from .view import SEVERITIES

if TYPE_CHECKING:
    from congress_dist.policy.language.package import Package
    from congress_dist.processes.supervisor import ChildSpec

SCHEMA_TIMEOUT = 10.0
"""Seconds that policies wait for the tables they name; then columns are not checked."""
START_TIMEOUT = 60.0
"""Seconds that the API may take to answer first; past it waiting will not mend what is wrong."""

_EPILOG = """\
examples:
  congress up                                     an empty system on port 1789
  congress up --config hosts.conf --policy policies/host_safety
  congress up --config hosts.conf --policy policies/host_safety --once --format json
"""


class UpCommand(Command):
    """Start a whole system and show what it finds."""

    name = "up"
    help = "start a whole system on this machine and show what it finds"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.description = (
            "Start the policy engine, the API and each datasource of the configuration file, a "
            "process each, and show sources and violations until Ctrl-C."
        )
        parser.epilog = _EPILOG
        add = parser.add_argument
        add(
            "--data-dir",
            type=path_named,
            metavar="DIR",
            help="state and logs (default: XDG state)",
        )
        add("--port", type=port_number, metavar="PORT", help="port of the API (default: 1789)")
        add("--policy", type=path_named, nargs="+", action="extend", default=[], metavar="PATH",
            help="create the policy of this directory or file, unless it exists")  # fmt: skip
        add(
            "--config",
            type=path_named,
            metavar="FILE",
            help="configuration file, with datasources",
        )
        add("--once", action="store_true",
            help="wait until each source is in or known unavailable, print, stop")  # fmt: skip
        add("--format", choices=("table", "json"), help="output of --once (default: table)")
        add("--fail-on", choices=SEVERITIES, metavar="SEVERITY",
            help="with --once: exit 1 if a violation is at least this severe "
            f"({', '.join(SEVERITIES)})")  # fmt: skip

    def run(self, args: argparse.Namespace) -> int:
        """Start, show, stop."""
        if args.fail_on and not args.once:
            raise InvalidRequest("--fail-on needs --once: without it nothing ends by itself")
        if args.format and not args.once:
            raise InvalidRequest("--format needs --once: what changes is shown as lines")
        # Ordering: first, because an interrupt in the middle of an import may be lost.
        with _stop_signals() as stopping:
            return _run(_prepare(args, stopping))


def _prepare(args: argparse.Namespace, stopping: threading.Event) -> Run:
    from congress_dist.config import datasource_sections, default_data_dir, load_config
    from congress_dist.policy.language.package import read_packages

    data_dir = (args.data_dir or default_data_dir()).absolute()
    overrides = {} if args.port is None else {"api__bind_port": args.port}
    conf = load_config(data_dir, args.config, log_file=log_file(data_dir), **overrides)
    check_datasources(datasource_sections(conf))
    packages = read_packages(args.policy)
    sys.stderr.write(f"state and logs: {data_dir}\n")
    return Run(args, conf, data_dir, packages, stopping)


class _stop_signals:  # noqa: N801
    """Turn SIGINT and SIGTERM into an event while the block runs."""

    def __enter__(self) -> threading.Event:
        stopping = threading.Event()
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        self._before = {
            number: signal.signal(number, lambda *_: stopping.set()) for number in numbers
        }
        return stopping

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def _run(run: Run) -> int:
    from congress_dist.processes.supervisor import Supervisor

    supervisor = Supervisor(run.data_dir, _children(run), silence=run.silence)
    supervisor.lock()
    try:
        check_port(run.host, run.port)
        log_into_file(run.conf, run.data_dir)
        supervisor.start()
        return _show(run, Troubles(supervisor.statuses, run.data_dir / "log"))
    finally:
        run.client.close()
        if run.stopping.is_set():
            sys.stderr.write("stopping …\n")
        supervisor.stop()


def _show(run: Run, troubles: Troubles) -> int:
    started = _until_answered(run, troubles, lambda: run.client.get("policies"))
    started = started and _wait_for_schemas(run)
    for package in run.packages:
        started = started and _until_answered(run, troubles, partial(_create, run.client, package))
    if not started:
        return INTERRUPTED if run.args.once else OK
    return once(run, troubles) if run.args.once else watch(run, troubles)


def _children(run: Run) -> list[ChildSpec]:
    from congress_dist.processes.supervisor import ChildSpec

    common = ["--data-dir", str(run.data_dir)]
    if run.args.config:
        common += ["--config", str(run.args.config.absolute())]

    def child(kind: str, name: str, stop_order: int, *more: str) -> ChildSpec:
        command = [sys.executable, "-m", "congress_dist.cli", "node", kind, name]
        return ChildSpec(f"{kind}-{name}", [*command, *common, *more], stop_order)

    # Ordering: the API stops first, then datasources give their leases back, then the engine.
    # They are started in this order, so that answers can be given while sources still come up.
    return [
        child("policy", "r1", 2),
        child("api", "a1", 0, "--port", str(run.port)),
        *(child("datasource", name, 1) for name in run.datasources),
    ]


def _wait_for_schemas(run: Run) -> bool:
    """Wait until the datasources are registered, so that wrong columns are found; False: stop.

    Promises: a source that does not come up delays the start by SCHEMA_TIMEOUT at most.
    """
    from congress_dist.clock import SystemClock

    clock = SystemClock()
    deadline = clock.monotonic() + SCHEMA_TIMEOUT
    wanted = set(run.datasources) if run.packages else set()
    while wanted and clock.monotonic() < deadline and not run.stopping.wait(0.1):
        with suppress(WorldError):  # what is wrong is said when the policies are created
            wanted -= {str(s["name"]) for s in run.client.get("data-sources")["results"]}
    return not run.stopping.is_set()


def _until_answered(run: Run, troubles: Troubles, ask: Callable[[], object]) -> bool:
    """Ask until it is answered; False when told to stop before.

    Raises: StartupError: nobody answers for START_TIMEOUT, or a process that must cannot start.
    """
    from congress_dist.clock import SystemClock

    clock = SystemClock()
    deadline = clock.monotonic() + START_TIMEOUT
    while not run.stopping.is_set():
        try:
            ask()
        except CongressError as error:
            if not error.retryable:
                raise
            troubles.check_startup(["policy-r1", "api-a1"])
            if clock.monotonic() > deadline:
                raise StartupError(
                    f"the system does not answer after {START_TIMEOUT:.0f} s: {error.message}; "
                    + "; ".join([*troubles.lines(), f"see {run.data_dir / 'log'}"])
                ) from error
            run.stopping.wait(0.1)
        else:
            return True
    return False


def _create(client: Client, package: Package) -> None:
    try:
        client.get("policies", package.name)
    except NotFound:
        try:
            client.post("policies", body=request_of(package))
        except InvalidRequest as error:
            raise placed_in_files(error, package) from error
        return
    _warn_of_difference(client, package)


def _warn_of_difference(client: Client, package: Package) -> None:
    from congress_dist.policy.language.grammar import parse

    stored = client.get("policies", package.name, "rules")["results"]
    has = {rule for entry in stored for rule in parse(entry["rule"])}
    wants = set(package.statements)
    if has != wants:
        sys.stderr.write(
            f"warning: policy '{package.name}' is there already and differs from its files "
            f"({len(wants - has)} rules only in the files, {len(has - wants)} only in the system)"
            "; it is left as it is. To take the files and drop the rest: congress policy delete "
            f"{package.name}, then start again\n"
        )
