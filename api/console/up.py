"""The verb `up`: a whole system on this machine, and what it finds.

Starts the supervisor with one process per service, creates the policies given, and shows sources
and violations until Ctrl-C; or once. To the system behind the API it is a client like any other.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from congress_dist.cli import FAILED, OK, Command
from congress_dist.errors import (
    CongressError,
    InvalidRequest,
    NotFound,
    ServiceUnavailable,
    StartupError,
)

from .client import Client
from .hints import Hints
from .package import Package, read_package
from .view import SEVERITIES, View, changes_between, summary

if TYPE_CHECKING:
    from oslo_config import cfg

    from congress_dist.supervisor import ChildSpec, Supervisor

LOOK_INTERVAL = 1.0
"""Seconds between two looks at the system: a person sees a change at once, and it costs little."""
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
        add("--data-dir", type=Path, metavar="DIR", help="state and logs (default: XDG state)")
        add("--port", type=int, metavar="PORT", help="port of the API (default: 1789)")
        add("--policy", type=Path, nargs="+", action="extend", default=[], metavar="PATH",
            help="create the policy of this directory or file, unless it exists")  # fmt: skip
        add("--config", type=Path, metavar="FILE", help="configuration file, with datasources")
        add("--once", action="store_true",
            help="wait until each source is in or known unavailable, print, stop")  # fmt: skip
        add("--format", choices=("table", "json"), default="table", help="output of --once")
        add("--fail-on", choices=SEVERITIES, metavar="SEVERITY",
            help="with --once: exit 1 if a violation is at least this severe "
            f"({', '.join(SEVERITIES)})")  # fmt: skip

    def run(self, args: argparse.Namespace) -> int:
        """Start, show, stop."""
        from congress_dist.config import default_data_dir, load_config

        if args.fail_on and not args.once:
            raise InvalidRequest("--fail-on needs --once: without it nothing ends by itself")
        data_dir = (args.data_dir or default_data_dir()).absolute()
        overrides = {} if args.port is None else {"api__bind_port": args.port}
        conf = load_config(data_dir, args.config, **overrides)
        packages = [read_package(path) for path in args.policy]
        sys.stderr.write(f"state and logs: {data_dir}\n")
        with _stop_signals() as stopping:
            return _run(_Run(args, conf, data_dir, packages, stopping))


class _Run:
    """What one `up` works with."""

    def __init__(
        self,
        args: argparse.Namespace,
        conf: cfg.ConfigOpts,
        data_dir: Path,
        packages: Sequence[Package],
        stopping: threading.Event,
    ) -> None:
        from congress_dist.config import datasource_sections

        self.args = args
        self.data_dir = data_dir
        self.packages = packages
        self.stopping = stopping
        self.silence = conf.dse.lease_time
        self.host, self.port = conf.api.bind_host, conf.api.bind_port
        self.datasources = list(datasource_sections(conf))
        self.client = Client(f"http://{self.host}:{self.port}", timeout=10)


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


def _run(run: _Run) -> int:
    from congress_dist.supervisor import Supervisor

    supervisor = Supervisor(run.data_dir, _children(run), silence=run.silence)
    supervisor.lock()
    _check_port(run.host, run.port)
    supervisor.start()
    try:
        if not _wait_for_api(run, supervisor):
            return OK
        for package in run.packages:
            _create(run.client, package)
        return _once(run) if run.args.once else _watch(run)
    finally:
        run.client.close()
        supervisor.stop()


def _children(run: _Run) -> list[ChildSpec]:
    from congress_dist.supervisor import ChildSpec

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


def _check_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StartupError(
                f"port {port} on {host} cannot be used: {error.strerror}; choose another with "
                "--port, or stop what listens there",
                port=port,
            ) from error


def _wait_for_api(run: _Run, supervisor: Supervisor) -> bool:
    """Wait until the API and the engine behind it answer; False when told to stop before."""
    from congress_dist.clock import SystemClock

    clock = SystemClock()
    deadline = clock.monotonic() + START_TIMEOUT
    while not run.stopping.is_set():
        try:
            run.client.get("policies")
        except CongressError as error:
            if clock.monotonic() > deadline:
                raise StartupError(
                    f"the system does not answer after {START_TIMEOUT:.0f} s: {error.message}; "
                    f"see {run.data_dir / 'log'}; {supervisor.describe()}"
                ) from error
            run.stopping.wait(0.1)
        else:
            return True
    return False


def _create(client: Client, package: Package) -> None:
    try:
        client.get("policies", package.name)
    except NotFound:
        client.post("policies", body=package.as_request())
        return
    _warn_of_difference(client, package)


def _warn_of_difference(client: Client, package: Package) -> None:
    from congress_dist.policy.language.grammar import parse

    stored = client.get("policies", package.name, "rules")["results"]
    has = {rule for entry in stored for rule in parse(entry["rule"])}
    wants = {rule for entry in package.rules for rule in parse(entry["rule"])}
    if has != wants:
        sys.stderr.write(
            f"warning: policy '{package.name}' is there already and differs from the files "
            f"({len(wants - has)} rules only in the files, {len(has - wants)} only in the system)"
            f"; it is left as it is. To take the files: congress policy delete {package.name}\n"
        )


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


def _once(run: _Run) -> int:
    view = _wait_settled(run)
    if view is None:
        return FAILED
    if run.args.format == "json":
        json.dump(view.as_json(), sys.stdout)
        sys.stdout.write("\n")
    else:
        _print_all(run, view)
    return FAILED if _fails(view, run.args.fail_on) else OK


def _fails(view: View, fail_on: str | None) -> bool:
    if fail_on is None:
        return False
    worst = SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    return any(violation["severity"] in worst for violation in view.violations)


def _wait_settled(run: _Run) -> View | None:
    view, said = None, ""
    while not run.stopping.is_set():
        try:
            view = _look(run.client, None)
        except ServiceUnavailable:
            view = None
        if view is not None and view.is_settled(run.datasources):
            return view
        waiting = ", ".join(view.awaited(run.datasources)) if view else "the policy engine"
        if waiting != said:
            sys.stderr.write(f"waiting for {waiting}\n")
            said = waiting
        run.stopping.wait(0.25)
    return None


def _watch(run: _Run) -> int:
    if sys.stdout.isatty():
        _watch_terminal(run)
    else:
        _watch_lines(run)
    return OK


def _watch_lines(run: _Run) -> None:
    view: View | None = None
    while not run.stopping.is_set():
        new = _try_look(run, view)
        if new is not None:
            sys.stdout.writelines(f"{line}\n" for line in changes_between(view, new))
            sys.stdout.flush()
            view = new
        run.stopping.wait(LOOK_INTERVAL)


def _try_look(run: _Run, last: View | None) -> View | None:
    try:
        return _look(run.client, last)
    except CongressError as error:
        if not error.retryable:
            raise
        return None


def _watch_terminal(run: _Run) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from .screen import render

    console = Console()
    hints = Hints(run.client)
    view: View | None = None
    with Live(Text("starting …"), console=console, screen=True, auto_refresh=False) as live:
        while not run.stopping.is_set():
            new = _try_look(run, view)
            view = new or view
            if view is not None:
                header = _header(run) + ("" if new else "  (no answer, last known state)")
                lines = hints.lines(view)
                live.update(render(view, header=header, hints=lines, size=console.size))
                live.refresh()
            run.stopping.wait(LOOK_INTERVAL)
    if view is not None:
        console.print(summary(view))


def _print_all(run: _Run, view: View) -> None:
    from rich.console import Console

    from .screen import render

    width = None if sys.stdout.isatty() else max(160, shutil.get_terminal_size().columns)
    console = Console(width=width, soft_wrap=False)
    console.print(render(view, header=_header(run), hints=[], size=None))


def _header(run: _Run) -> str:
    return f"state and logs: {run.data_dir}"
