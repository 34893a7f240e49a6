"""Policy packages: read from disk, sent to the API, its findings placed in the files."""

from __future__ import annotations

from pathlib import Path

import pytest

from congress_dist.api.console.package import placed_in_files, request_of
from congress_dist.errors import InvalidRequest, NotFound
from congress_dist.policy import PolicyError
from congress_dist.policy.language.package import read_package


def test_a_directory_is_a_policy_of_its_name(tmp_path: Path) -> None:
    directory = tmp_path / "net"
    directory.mkdir()
    (directory / "b.dl").write_text("q(1)\n")
    (directory / "a.dl").write_text('@id("A-1") @title("t")\np(x) :- q(x)  # why\n')
    package = read_package(directory)
    assert package.name == "net"
    first, second = request_of(package)["rules"]
    assert (first["name"], first["comment"], second["name"]) == ("A-1", "t", None)
    assert first["rule"] == '@id("A-1") @title("t")\np(x) :- q(x)'


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
    assert request_of(package) == {
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


def test_a_finding_of_the_api_is_placed_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.dl").write_text("q(1) r(1)\n\ns(x) :-\n  d:t(nope=x)\n")
    package = read_package(tmp_path)
    finding = {"code": "unknown-column", "message": "m", "line": 2, "column": 7, "length": 4}
    told = InvalidRequest("refused", diagnostics=[{**finding, "source": "rule 3"}])
    placed = placed_in_files(told, package)
    assert isinstance(placed, PolicyError)
    found = placed.diagnostics[0]
    assert (found.source, found.line, found.column) == (str(tmp_path / "a.dl"), 4, 7)


def test_a_finding_in_the_first_line_of_a_rule_counts_what_stands_before(tmp_path: Path) -> None:
    (tmp_path / "a.dl").write_text("q(1) r(x)\n")
    finding = {"code": "c", "message": "m", "line": 1, "column": 3, "source": "rule 2"}
    placed = placed_in_files(InvalidRequest("m", diagnostics=[finding]), read_package(tmp_path))
    assert isinstance(placed, PolicyError)
    assert (placed.diagnostics[0].line, placed.diagnostics[0].column) == (1, 8)


def test_an_error_without_findings_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.dl").write_text("q(1)\n")
    error = InvalidRequest("no such kind")
    assert placed_in_files(error, read_package(tmp_path)) is error
