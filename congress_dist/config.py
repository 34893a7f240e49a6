"""Every option of the system with its default and reason; one private ConfigOpts per process.

Nothing is registered on oslo.config's global `CONF`. An option or section of a configuration file
that does not exist is refused, not ignored.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from urllib.parse import quote

from oslo_config import cfg
from oslo_log import log

from .config_file import ConfigFile, read_config_file
from .config_options import OPTIONS_BY_GROUP
from .errors import InvalidConfig
from .log_fields import LogFields
from .protocol.options import DseOptions
from .transports.rabbit_options import RABBIT_GROUP, RABBIT_OPTIONS

PROJECT = "congress_dist"
_QUIET_LIBRARIES = [
    "alembic=WARN",
    "oslo_service=WARN",
    # While a broker is away each connection says so twice a second; broker_watch.py says it once.
    "oslo.messaging._drivers.impl_rabbit=CRITICAL",
]
_NOT_IN_FILES = {"data_dir", "config_file", "config_dir"}


def list_options() -> list[tuple[str, list[cfg.Opt]]]:
    """Give all options by group: the entry point of oslo-config-generator.

    Promises: with our defaults for options that oslo.messaging registers.
    """
    return [*OPTIONS_BY_GROUP.items(), (RABBIT_GROUP, RABBIT_OPTIONS)]


def default_data_dir() -> Path:
    """Give the directory of a system that was given none: XDG's place for state."""
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / PROJECT


def load_config(
    data_dir: Path, config_file: Path | None = None, **overrides: object
) -> cfg.ConfigOpts:
    """Read the configuration of one process.

    Shapes: `overrides` are named `option` or `group__option`, and win over the file.
    Raises: InvalidConfig: the file cannot be read, has an option or section that does not exist
        (names the nearest one), or a value that its option does not take.
    """
    conf = cfg.ConfigOpts()
    log.register_options(conf)
    for group, options in OPTIONS_BY_GROUP.items():
        conf.register_opts(options, group=_registered(group))
    rabbit: list[cfg.Opt] = []
    if config_file is not None:
        file = read_config_file(config_file)
        rabbit = _rabbit_options_for(file)
        conf.register_opts(rabbit, group=RABBIT_GROUP)
        _check_names(conf, file, rabbit)
    conf(
        [],
        project=PROJECT,
        default_config_files=[] if config_file is None else [str(config_file)],
        default_config_dirs=[],
    )
    _set_defaults(conf, data_dir.absolute())
    for name, value in overrides.items():
        group, _, option = name.rpartition("__")
        conf.set_override(option, value, group=group or None)
    _check_values(conf, {**OPTIONS_BY_GROUP, RABBIT_GROUP: rabbit})
    return conf


def datasource_sections(conf: cfg.ConfigOpts) -> dict[str, dict[str, str]]:
    """Give the [datasource:NAME] sections of the configuration file as they stand there.

    Shapes: values by key, by NAME, in the file's order; `driver` is among the keys.
    """
    if not conf.config_file:
        return {}
    return read_config_file(Path(conf.config_file[0])).datasources


def dse_options(conf: cfg.ConfigOpts) -> DseOptions:
    """Give what a node needs of the configuration."""
    return DseOptions(**{field.name: conf.dse[field.name] for field in fields(DseOptions)})


def set_up_logging(conf: cfg.ConfigOpts, log_fields: LogFields) -> None:
    """Send this process's log to where the configuration says: standard error by default.

    Promises: with `use_json` each line is a JSON object, with these fields under `extra`.
    """
    log.setup(conf, PROJECT)
    log_fields.attach()


def _set_defaults(conf: cfg.ConfigOpts, data_dir: Path) -> None:
    conf.set_default("use_stderr", True)
    conf.set_default("default_log_levels", log.get_default_log_levels() + _QUIET_LIBRARIES)
    conf.set_override("data_dir", _plain(str(data_dir)))
    conf.set_default("transport_url", f"uds://{quote(str(data_dir / 'bus'))}", group="dse")
    database = _plain(_sqlite_url(data_dir / "rules.sqlite"))
    conf.set_default("connection", database, group="database")


def _plain(text: str) -> str:
    # oslo.config reads `$name` in a default or override as a reference to another option.
    return text.replace("$", "$$")


def _sqlite_url(file: Path) -> str:
    # SQLAlchemy takes what follows a `?` for options, and `%` for the beginning of a quoted byte.
    return "sqlite:///" + str(file).replace("%", "%25").replace("?", "%3F")


def _rabbit_options_for(file: ConfigFile) -> list[cfg.Opt]:
    """Give oslo.messaging's options for RabbitMQ to a file that may set one."""
    if not file.library_sections:
        return []
    # Not above: it imports oslo.messaging, which most commands can do without.
    from .transports.transport import list_rabbit_options

    return list_rabbit_options()


def _check_names(conf: cfg.ConfigOpts, file: ConfigFile, rabbit: list[cfg.Opt]) -> None:
    if "data_dir" in file.sections.get("DEFAULT", {}):
        raise InvalidConfig(
            f"configuration file {str(file.path)!r} sets 'data_dir'; give it by --data-dir "
            "instead, because a directory belongs to one system and a file may be shared",
            option="data_dir",
        )
    known = {
        group: {option.dest for option in options} for group, options in OPTIONS_BY_GROUP.items()
    }
    if rabbit:
        former = {old.name for option in rabbit for old in option.deprecated_opts if old.name}
        known[RABBIT_GROUP] = {option.dest for option in rabbit} | former
    known["DEFAULT"] = {str(name) for name in conf} - set(known) - _NOT_IN_FILES
    file.check_names(known)


def _check_values(conf: cfg.ConfigOpts, options_by_group: Mapping[str, list[cfg.Opt]]) -> None:
    for group, options in options_by_group.items():
        for option in options:
            _check_value(conf, group, option.dest)


def _check_value(conf: cfg.ConfigOpts, group: str, name: str) -> None:
    values = conf if _registered(group) is None else conf[group]
    try:
        values[name]
    except (ValueError, cfg.Error) as error:
        raise InvalidConfig(
            f"option {name!r} in section [{group}] has a wrong value: "
            + str(error).rpartition(" is not valid: ")[2],
            option=name,
            section=group,
        ) from error


def _registered(group: str) -> str | None:
    return None if group == "DEFAULT" else group
