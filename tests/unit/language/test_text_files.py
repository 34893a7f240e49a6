"""Text files: what is read and written, and how failures name the file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from congress_dist.errors import InvalidRequest, NotFound
from congress_dist.policy.language.text_files import read_text, replace_text, yaml_value


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes("\ufeffö\r\n".encode())
    assert read_text(path) == "ö\r\n"


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"there is no file '.*/none'"):
        read_text(tmp_path / "none")
    with pytest.raises(InvalidRequest, match="cannot be read: Is a directory"):
        read_text(tmp_path)
    (tmp_path / "a").write_bytes(b"\xff")
    with pytest.raises(InvalidRequest, match=r"/a' is not UTF-8: .*; save it as UTF-8"):
        read_text(tmp_path / "a")


@pytest.mark.parametrize("text", ["- [", "[" * 20_000, "a: b: c"])
def test_what_is_not_yaml_is_named(text: str) -> None:
    with pytest.raises(InvalidRequest, match=r"'a\.yaml' is not YAML"):
        yaml_value(text, Path("a.yaml"))


def test_a_file_is_replaced_with_its_permissions_and_through_links(tmp_path: Path) -> None:
    path, link = tmp_path / "a", tmp_path / "link"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    replace_text(link, "new ö")
    assert link.is_symlink()
    assert path.read_bytes() == "new ö".encode()
    assert path.stat().st_mode & 0o777 == 0o640
    assert sorted(tmp_path.iterdir()) == [path, link]


def test_what_cannot_be_replaced_is_named_and_stays(tmp_path: Path) -> None:
    (tmp_path / "a" / "inside").mkdir(parents=True)
    with pytest.raises(InvalidRequest, match="/a' cannot be written: Is a directory"):
        replace_text(tmp_path / "a", "new")
    with pytest.raises(InvalidRequest, match="cannot be written: No such file or directory"):
        replace_text(tmp_path / "b" / "c", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    replace_text(pipe, "text")
    assert os.read(reader, 10) == b"text"
    os.close(reader)
    assert pipe.is_fifo()
