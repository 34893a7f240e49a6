"""What `congress up` refuses before it starts a process."""

from __future__ import annotations

import argparse
import socket
from pathlib import Path

import pytest

from congress_dist.api.console.up_prechecks import check_datasources, check_port, log_file
from congress_dist.cli import main, port_number
from congress_dist.config import load_config
from congress_dist.errors import InvalidRequest, StartupError


def test_a_driver_that_is_not_installed_is_named_with_those_that_are() -> None:
    with pytest.raises(InvalidRequest, match=r"'nodriver'.*host_processes"):
        check_datasources({"x": {"driver": "nodriver"}})
    check_datasources({"x": {"driver": "host_processes"}})


@pytest.mark.parametrize("name", ["../x", "1x", "a b", "a:b"])
def test_a_name_that_rules_or_files_could_not_hold_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match="cannot be named"):
        check_datasources({name: {"driver": "host_processes"}})


def test_a_port_in_use_and_port_zero_are_refused() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        with pytest.raises(StartupError, match="--port"):
            check_port("127.0.0.1", holder.getsockname()[1])
    with pytest.raises(StartupError, match="--port"):
        check_port("127.0.0.1", 0)


@pytest.mark.parametrize("text", ["0", "65536", "-1", "x", ""])
def test_what_is_no_port_is_refused_with_the_range(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="1 to 65535"):
        port_number(text)


def test_the_log_of_a_directory_with_a_dollar_sign_is_in_it(tmp_path: Path) -> None:
    data_dir = tmp_path / "a$b"
    conf = load_config(data_dir, log_file=log_file(data_dir))
    assert conf.log_file == str(data_dir / "log" / "up.log")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["up", "--nope"], ["--nope", "congress up --help"]),
        (["nope"], ["'nope'", "violation", "congress --help"]),
        (["rule", "add"], ["policy, text", "congress rule add --help"]),
        (["up", "--port", "99999"], ["99999", "65535"]),
        (["up", "--format", "json"], ["--once"]),
    ],
)
def test_wrong_usage_says_where_to_read_on(
    arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = int(str(stop.code))
    assert code == 2
    said = capsys.readouterr().err
    assert all(word in said for word in words), said
