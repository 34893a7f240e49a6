"""Options, their reasons, and what a configuration file may not say."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from oslo_config import cfg

from congress_dist.config import (
    datasource_sections,
    default_data_dir,
    dse_options,
    list_options,
    load_config,
)
from congress_dist.errors import InvalidConfig
from congress_dist.protocol.options import DseOptions

ALL_OPTIONS = [(group, option) for group, options in list_options() for option in options]


def write(directory: Path, text: str) -> Path:
    path = directory / "congress.conf"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("group", "option"),
    ALL_OPTIONS,
    ids=[f"{group}.{option.name}" for group, option in ALL_OPTIONS],
)
def test_option_says_what_it_is_and_why_its_default(group: str, option: cfg.Opt) -> None:
    assert option.help, group
    assert len(option.help) > 60
    reasons = ("because", "so that", ": ", "; ", "thus", "until", "costs", "which")
    assert any(reason in option.help for reason in reasons), option.help


@pytest.mark.parametrize(
    "option",
    [option for _, option in ALL_OPTIONS if isinstance(option, cfg.IntOpt | cfg.FloatOpt)],
    ids=lambda option: option.name,
)
def test_number_has_a_lower_limit_and_says_its_unit(option: Any) -> None:
    if isinstance(option, cfg.PortOpt):
        return
    units = ("Seconds", "Bytes", "time in seconds", "Times", "Part of", "intervals")
    things = ("Transactions", "Snapshots", "Calls", "Threads", "Messages")
    assert option.type.min is not None
    assert any(word in option.help for word in units + things), option.help
    if "bytes" in option.help.split(" ")[0].lower():
        assert option.name.endswith("_bytes")


def test_defaults_are_those_of_the_protocol(tmp_path: Path) -> None:
    assert dse_options(load_config(tmp_path)) == DseOptions()


def test_every_number_of_the_protocol_is_an_option() -> None:
    (dse,) = [options for group, options in list_options() if group == "dse"]

    assert {field.name for field in fields(DseOptions)} <= {option.name for option in dse}


def test_places_follow_the_data_directory() -> None:
    conf = load_config(Path("/srv/a $b 100%"))

    assert conf.data_dir == "/srv/a $b 100%"
    assert conf.dse.transport_url == "uds:///srv/a%20%24b%20100%25/bus"
    assert conf.database.connection == "sqlite:////srv/a $b 100%25/rules.sqlite"


def test_relative_data_directory_becomes_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert load_config(Path("here")).data_dir == str(tmp_path / "here")


def test_default_data_directory_is_xdg_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert default_data_dir() == Path("/state/congress_dist")
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert default_data_dir() == Path("/home/somebody/.local/state/congress_dist")


def test_file_sets_options_and_overrides_win(tmp_path: Path) -> None:
    path = write(
        tmp_path, "[dse]\nlease_time = 3\n[api]\nbind_port = 80\n[DEFAULT]\ndebug = true\n"
    )
    conf = load_config(tmp_path, path, api__bind_port=8080)

    assert (conf.dse.lease_time, conf.api.bind_port, conf.debug) == (3.0, 8080, True)
    assert dse_options(conf).lease_time == 3.0


def test_configurations_do_not_share_state(tmp_path: Path) -> None:
    first = load_config(tmp_path, dse__lease_time=9.0)

    assert load_config(tmp_path).dse.lease_time == 6.0
    assert first.dse.lease_time == 9.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[dse]\nlease_tme = 3", "has no option 'lease_tme'; did you mean 'lease_time'"),
        ("[des]\nlease_time = 3", r"no section is called \[des\]; did you mean \[dse\]\?"),
        ("[datasorce:a]\ndriver = x", r"\[datasorce:a\]; did you mean \[datasource:NAME\]\?"),
        ("[DEFAULT]\ntransport_url = rabbit://", r"'transport_url'; it belongs to section .dse."),
        ("[api]\nzzz = 1", r"'zzz'; there are: bind_host, bind_port, call_timeout"),
        ("[oslo_messaging_rabbit]\nrabbit_qos_prefetch_cont = 9",
         "has no option 'rabbit_qos_prefetch_cont'; did you mean 'rabbit_qos_prefetch_count'"),
        ("[oslo_messaging_rabbit]\nrabbit_qos_prefetch_count = soon",
         "'rabbit_qos_prefetch_count' in section .oslo_messaging_rabbit. has .* value: .*soon"),
        ("[oslo_messaging_rabbit]\nlease_time = 9", r"'lease_time'; it belongs to section .dse."),
        ("[oslo_mesaging_rabbit]\nssl = true", r"did you mean \[oslo_messaging_rabbit\]\?"),
        ("[oslo_messaging_uds]\nprefetch_cont = 9", "did you mean 'prefetch_count'"),
        ("[DEFAULT]\ndata_dir = /x", "give it by --data-dir instead"),
        ("[datasource:a]\nx = 1", "'a' has no driver; add to its section: driver = NAME"),
        ("[datasource:]\ndriver = x", "names no datasource"),
        ("[dse]\nlease_time = soon", "'lease_time' in section .dse. has a wrong value: .*soon"),
        ("[dse]\nlease_time = -1", "'lease_time'.*Should be greater than or equal to 0.3"),
        ("[api]\nbind_port = 70000", "'bind_port' in section .api. has a wrong value"),
        ("lease_time = 3", "is not of the form 'key = value'"),
        ("[dse]\nlease_time", "is not of the form 'key = value'"),
    ],
)  # fmt: skip
def test_mistake_in_the_file_is_refused_with_its_cure(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(InvalidConfig, match=message):
        load_config(tmp_path, write(tmp_path, text + "\n"))


def test_missing_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(
        InvalidConfig, match=r"no\.conf' cannot be read: No such file or directory"
    ):
        load_config(tmp_path, tmp_path / "no.conf")


@pytest.mark.parametrize(
    "text",
    [
        "[oslo_messaging_rabbit]\nrabbit_qos_prefetch_count = 9\n",
        "[oslo_messaging_rabbit]\nkombu_reconnect_timeout = 9\n",  # its former name
        "[oslo_messaging_kafka]\nanything = 1\n",
        "[oslo_policy]\nanything = 1\n",
    ],
)
def test_options_of_oslo_libraries_are_taken(tmp_path: Path, text: str) -> None:
    load_config(tmp_path, write(tmp_path, text))


def test_datasource_sections_are_given_as_they_stand(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "[datasource:host processes]\ndriver = host_processes\npath = %(x)s/$HOME/100%\n"
        "[datasource:nova]\ndriver = nova\nurl = http://a\nurl = http://b\n",
    )

    assert datasource_sections(load_config(tmp_path, path)) == {
        "host processes": {"driver": "host_processes", "path": "%(x)s/$HOME/100%"},
        "nova": {"driver": "nova", "url": "http://b"},
    }
    assert datasource_sections(load_config(tmp_path)) == {}
