"""What `congress up` makes sure of before it starts a process."""

from __future__ import annotations

import logging
import re
import socket
import sys
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from congress_dist.errors import InvalidRequest, StartupError

if TYPE_CHECKING:
    from oslo_config import cfg

DRIVERS = "congress_dist.drivers"
"""Namespace of the entry points of drivers."""
_DATASOURCE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
"""A name is part of file names and of rules."""


def check_datasources(sections: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse a datasource whose process could not start, however often it is tried.

    Raises: InvalidRequest: says which section, why, and what there is.
    """
    drivers = sorted(entry.name for entry in entry_points(group=DRIVERS))
    for name, section in sections.items():
        if not _DATASOURCE_NAME.fullmatch(name):
            raise InvalidRequest(
                f"a datasource cannot be named {name!r} (section [datasource:{name}]); a name has "
                "letters, digits, _ and -, and begins with a letter or _"
            )
        if section["driver"] not in drivers:
            raise InvalidRequest(
                f"datasource {name!r} names the driver {section['driver']!r}, which is not "
                f"installed; there are: {', '.join(drivers)}"
            )


def check_port(host: str, port: int) -> None:
    """Refuse a port that the API could not listen on.

    Raises: StartupError: something listens there, or this user may not.
    """
    if port == 0:
        raise StartupError("port 0 cannot be asked; give the API one with --port or bind_port")
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


def log_file(data_dir: Path) -> str:
    """Give the configuration value that names this process's own log."""
    # oslo.config reads `$name` in a value as a reference to another option.
    return str(data_dir / "log" / "up.log").replace("$", "$$")


def log_into_file(conf: cfg.ConfigOpts, data_dir: Path) -> None:
    """Send this process's own log to up.log: nothing of it may enter the screen.

    Raises: StartupError: the log cannot be written.
    """
    from congress_dist.config import set_up_logging
    from congress_dist.log_fields import LogFields

    hook = sys.excepthook
    try:
        (data_dir / "log").mkdir(mode=0o700, exist_ok=True)
        set_up_logging(conf, LogFields(node="up"))
    except OSError as error:
        raise StartupError(
            f"log file '{data_dir / 'log' / 'up.log'}' cannot be written: {error.strerror}; "
            "make room or give rights to write, or choose another directory with --data-dir"
        ) from error
    # A log that cannot be written must not write about itself on the screen; an error that ends
    # this program must be seen there.
    logging.raiseExceptions = False
    sys.excepthook = hook
