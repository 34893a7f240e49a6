"""The command `congress`: finds its verbs by entry point, and runs a node.

A verb is a class with `name`, `help`, `configure` and `run`; its module must import quickly,
because `--help` of every level has 0.3 s. The verb `node` is here: every process starts by it.
"""

from __future__ import annotations

import argparse
import logging
import shlex
import signal
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from . import standard_output
from .arguments import name_given, path_named
from .errors import CongressError, StartupError, UserError, WorldError

if TYPE_CHECKING:
    from oslo_config import cfg

    from .dse_node import DseNode
    from .log_fields import LogFields
    from .metrics_server import MetricsServer
    from .node.node_settings import NodeSettings
    from .service import Service

OK, FAILED, USAGE, UNAVAILABLE = 0, 1, 2, 3
"""Exit codes: fine; violations or failures; usage or rule errors; not available or not fresh."""

_EPILOG = """\
exit codes: 0 fine, 1 violations or failures, 2 usage or rule errors, 3 not available or not fresh

examples:
  congress up --config hosts.conf --policy policies/host_safety
  congress rule add host_safety 'allowed_listener("/usr/sbin/nginx", 443)'
  congress violation list --format json
"""


class Command:
    """A verb of the command line.

    Promises: importing the verb's module imports nothing slow; `run` gives an exit code.
    """

    name: str
    help: str
    """One line, lower case, without a full stop."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare options and sub-verbs."""

    def run(self, args: argparse.Namespace) -> int:
        """Do the work; a CongressError becomes a message on standard error and an exit code."""
        raise NotImplementedError


class VersionCommand(Command):
    """Say which version this is."""

    name = "version"
    help = "print the version of congress_dist"

    def run(self, args: argparse.Namespace) -> int:  # noqa: ARG002
        """Print name and version."""
        from importlib.metadata import version

        sys.stdout.write(f"congress_dist {version('congress_dist')}\n")
        return OK


class NodeCommand(Command):
    """Run one process of the system: a node with the services of one kind."""

    name = "node"
    help = "list the processes of the system, or run one (what `congress up` starts for you)"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare a sub-verb for each kind of node, and those that other folders bring."""
        parser.description = (
            "A node is one process of the system; it hosts services of one kind. List all of "
            "them, or run one until SIGTERM or Ctrl-C tells it to stop. SIGHUP makes it take "
            "keys, wire version and log levels from its configuration again."
        )
        parser.epilog = (
            "examples:\n  congress node list\n"
            "  congress node datasource host_processes host_accounts --config hosts.conf"
        )
        actions = parser.add_subparsers(metavar="ACTION", required=True, dest="kind")
        for name in _names(NODE_ACTIONS):
            action: Command = _load(NODE_ACTIONS, name)()
            child = actions.add_parser(
                name, help=action.help, formatter_class=argparse.RawDescriptionHelpFormatter
            )
            action.configure(child)
            child.set_defaults(action=action)
        for kind in _names(SERVICES):
            child = actions.add_parser(kind, help=f"run a node with services of kind {kind}")
            child.set_defaults(action=None)
            self._configure_kind(child)

    def _configure_kind(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "names", type=name_given, nargs="+", metavar="NAME", help="services to host"
        )
        parser.add_argument(
            "--data-dir",
            type=path_named,
            metavar="DIR",
            help="state, sockets and logs (default: XDG)",
        )
        parser.add_argument("--config", type=path_named, metavar="FILE", help="configuration file")
        parser.add_argument("--port", type=port_number, help="port of the API (kind api)")
        parser.add_argument("--incarnation", help="identity of this start (set by the supervisor)")
        parser.add_argument("--replaces", help="the incarnation that this one follows")
        parser.add_argument("--alive-fd", type=int, help="pipe for a byte a second")

    def run(self, args: argparse.Namespace) -> int:
        """Start the node, wait for a signal, stop it; or do what was asked for instead."""
        if args.action is not None:
            code: int = args.action.run(args)
            return code
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        process = _make_process(args)
        signal.signal(signal.SIGHUP, lambda *_: _reload(args, process))
        try:
            process.node.start()
            process.node.serve_metrics_at(process.metrics.start())
            _wait(process.node, stopping, args.alive_fd)
        finally:
            process.metrics.stop()
            process.node.stop()
        return OK


@dataclass(frozen=True, slots=True)
class _Process:
    """What a node's process consists of."""

    node: DseNode
    settings: NodeSettings
    metrics: MetricsServer
    log_fields: LogFields


def port_number(text: str) -> int:
    """Read a TCP port: what argparse calls for an option of this type."""
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number from 1 to 65535")
    return int(text)


def _configure(args: argparse.Namespace) -> cfg.ConfigOpts:
    from .config import default_data_dir, load_config

    overrides = {} if args.port is None else {"api__bind_port": args.port}
    return load_config(args.data_dir or default_data_dir(), args.config, **overrides)


def _reload(args: argparse.Namespace, process: _Process) -> None:
    """Read again what may change while a node runs; a file that is wrong changes nothing."""
    from .config import set_up_logging

    log = logging.getLogger(__name__)
    try:
        conf = _configure(args)
        process.settings.take(conf)
        set_up_logging(conf, process.log_fields)
    except CongressError as error:
        log.error("the configuration stays as it was: %s", error)
        return
    log.warning(
        "the configuration was read again keys=%d wire_version=%d",
        len(conf.dse.message_key),
        conf.dse.wire_version,
    )


def _make_process(args: argparse.Namespace) -> _Process:
    from .clock import SystemClock, new_incarnation
    from .config import dse_options, set_up_logging
    from .dse_node import DseNode
    from .log_fields import LogFields
    from .metrics_server import MetricsServer, ports_of
    from .node.node_settings import NodeSettings
    from .rate_limit import RateLimit
    from .transports.sealed_transport import SealedTransport
    from .transports.transport import OsloTransport

    conf = _configure(args)
    incarnation, clock = args.incarnation or new_incarnation(), SystemClock()
    settings = NodeSettings(incarnation)
    settings.take(conf)
    ports, node_id = ports_of(conf.metrics.ports), f"{args.kind}-{args.names[0]}"
    log_fields = LogFields(node=node_id)
    set_up_logging(conf, log_fields)
    make_service = _load(SERVICES, args.kind)
    services: list[Service] = [make_service(conf, name) for name in args.names]
    log_fields.process["service"] = ",".join(service.name for service in services)
    node = DseNode(
        node_id=node_id,
        incarnation=incarnation,
        services=services,
        transport=SealedTransport(OsloTransport(conf), settings.sealer, RateLimit(clock)),
        options=dse_options(conf),
        clock=clock,
        encode=settings.encode,
        replaces=args.replaces,
    )
    metrics = MetricsServer(node.status, conf.metrics.bind_host, ports)
    return _Process(node, settings, metrics, log_fields)


def _wait(node: DseNode, stopping: threading.Event, alive_fd: int | None) -> None:
    if alive_fd is None:
        stopping.wait()
        return
    from .processes.alive import beat_until

    beat_until(stopping, alive_fd, node.is_alive)


VERBS = "congress_dist.commands"
NODE_ACTIONS = "congress_dist.node_actions"
SERVICES = "congress_dist.services"


def _load(namespace: str, name: str) -> Any:
    """Load one plug-in by name; the other ones are not imported."""
    from stevedore import DriverManager
    from stevedore.exception import NoMatches

    try:
        return DriverManager(namespace, name, on_load_failure_callback=_raise).driver
    except NoMatches as error:
        known = ", ".join(_names(namespace))
        raise UserError(f"there is no {name!r}; there are: {known}") from error


def _raise(manager: object, entry_point: object, error: BaseException) -> NoReturn:  # noqa: ARG001
    raise error


def _names(namespace: str) -> list[str]:
    from importlib.metadata import entry_points

    return sorted(entry_point.name for entry_point in entry_points(group=namespace))


def main(argv: list[str] | None = None) -> int:
    """Run the command line and give its exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    standard_output.prepare()
    try:
        code = _run(arguments)
        sys.stdout.flush()
        return code
    except (StartupError, WorldError) as error:
        return _complain(error, UNAVAILABLE)
    except CongressError as error:
        return _complain(error, USAGE)
    except BrokenPipeError:
        sys.stderr.close()
        return OK
    except OSError as error:
        if not standard_output.is_lost(error):
            raise
        lost = WorldError(f"the output cannot be written: {error.strerror}; name another place")
        return _complain(lost, UNAVAILABLE)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _run(arguments: list[str]) -> int:
    names = _names(VERBS)
    chosen = next((a for a in arguments if not a.startswith("-")), None)
    loaded = [chosen] if chosen in names else names
    parser = _Parser(
        prog="congress",
        description="Policy over the live tables of a whole cloud.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True, dest="verb")
    for name in loaded:
        command = _load(VERBS, name)()
        child = verbs.add_parser(
            name, help=command.help, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        command.configure(child)
        child.set_defaults(command=command)
    args, unknown = parser.parse_known_args(arguments)
    if unknown:
        asked = [chosen] if chosen in names else []
        help_command = shlex.join(["congress", *asked, "--help"])
        raise UserError(f"unknown arguments: {' '.join(unknown)}; see: {help_command}")
    command = args.command
    code: int = command.run(args)
    return code


class _Parser(argparse.ArgumentParser):
    """A parser whose errors say where to read on; its sub-parsers are of the same class."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and end with the exit code of wrong usage."""
        self.exit(USAGE, f"{self.prog}: {message}; see: {self.prog} --help\n")


def _complain(error: CongressError, code: int) -> int:
    sys.stderr.write(f"congress: {error.message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
