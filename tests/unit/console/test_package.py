"""Policy packages on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from congress_dist.api.console.package import read_package
from congress_dist.errors import InvalidRequest, NotFound
from congress_dist.policy import PolicyError


def test_a_directory_is_a_policy_of_its_name(tmp_path: Path) -> None:
    directory = tmp_path / "net"
    directory.mkdir()
    (directory / "b.dl").write_text("q(1)\n")
    (directory / "a.dl").write_text('@id("A-1") @title("t")\np(x) :- q(x)  # why\n')
    package = read_package(directory)
    assert package.name == "net"
    assert [rule["name"] for rule in package.rules] == ["A-1", None]
    assert package.rules[0]["rule"].startswith("@id")
    assert package.rules[0]["rule"].rstrip().endswith("q(x)")
    assert package.rules[0]["comment"] == "t"


def test_a_directory_may_be_named_by_a_dot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.dl").write_text("q(1)")
    monkeypatch.chdir(tmp_path)
    assert read_package(Path()).name == tmp_path.name


def test_a_library_policy_in_yaml_keeps_its_names(tmp_path: Path) -> None:
    path = tmp_path / "lib.yaml"
    path.write_text("name: lib\ndescription: d\nrules:\n- rule: p(1)\n  name: n\n  comment: c\n")
    package = read_package(path)
    assert package.as_request() == {
        "name": "lib",
        "description": "d",
        "kind": "nonrecursive",
        "rules": [{"rule": "p(1)", "name": "n", "comment": "c"}],
    }


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        read_package(tmp_path / "nowhere")
    with pytest.raises(NotFound, match=r"no \.dl file"):
        read_package(tmp_path)


def test_a_syntax_error_names_the_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.dl"
    path.write_text("p(1)\nq(x) :- r(x\n")
    with pytest.raises(PolicyError, match=r"bad\.dl:2"):
        read_package(path)


@pytest.mark.parametrize("text", ["- 1", "rules: 3", "a: [", "name: x\nrules: [1]"])
def test_yaml_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(InvalidRequest):
        read_package(path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.dl"
    path.write_bytes(b"p(\xff)")
    with pytest.raises(InvalidRequest, match="UTF-8"):
        read_package(path)
