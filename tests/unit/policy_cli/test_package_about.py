"""What a directory of .dl files says of its policy."""

from __future__ import annotations

from pathlib import Path

import pytest

from congress_dist.errors import InvalidRequest
from congress_dist.policy.language.package import find_packages, read_package


def test_a_directory_says_its_kind_beside_its_rules(tmp_path: Path) -> None:
    (tmp_path / "a.dl").write_text("p(x) :- q(x)")
    assert read_package(tmp_path, kind="database").kind == "database"
    (tmp_path / "policy.yaml").write_text("{name: net, description: Who, kind: recursive}")
    package = read_package(tmp_path, kind="database")
    assert (package.name, package.description, package.kind) == ("net", "Who", "recursive")
    assert find_packages(tmp_path) == [tmp_path]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: odd", "there is no policy kind 'odd'"),
        ("rules: []", "rules are in the .dl files beside it"),
        ("- kind", "name, description and kind"),
    ],
)
def test_what_it_cannot_say_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.dl").write_text("p(1)")
    (tmp_path / "policy.yaml").write_text(text)
    with pytest.raises(InvalidRequest, match=message):
        read_package(tmp_path)
