"""A policy package on disk: a directory of .dl files, such a file, or a library policy in YAML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from congress_dist.errors import InvalidRequest, NotFound

_MAX_BYTES = 1_000_000
"""The language's limit for one text."""


@dataclass(frozen=True, slots=True)
class Package:
    """One policy, ready to be created.

    Shapes: each of `rules` is {"rule": text, "name": text or None, "comment": text}.
    """

    name: str
    description: str
    kind: str
    rules: Sequence[dict[str, Any]]

    def as_request(self) -> dict[str, Any]:
        """Give the body of POST /v1/policies."""
        return {
            "name": self.name,
            "description": self.description,
            "kind": self.kind,
            "rules": list(self.rules),
        }


def read_package(path: Path) -> Package:
    """Read the policy at a path.

    Raises: NotFound: nothing is there, or a directory holds no .dl file.
        PolicyError: a text does not parse; the diagnostics name the file.
        InvalidRequest: a YAML file of another shape, a text above 1 MB.
    """
    if path.is_dir():
        files = sorted(path.glob("*.dl"))
        if not files:
            raise NotFound(f"policy directory '{path}' holds no .dl file", path=str(path))
        return _from_texts(path.resolve().name, files)
    if not path.is_file():
        raise NotFound(f"policy '{path}' is neither a file nor a directory", path=str(path))
    if path.suffix in (".yaml", ".yml"):
        return _from_yaml(path)
    return _from_texts(path.stem, [path])


def _from_texts(name: str, files: Sequence[Path]) -> Package:
    rules = [rule for file in files for rule in _statements(file)]
    return Package(name, f"from {files[0].parent.name}", "nonrecursive", rules)


def _statements(file: Path) -> list[dict[str, Any]]:
    from congress_dist.policy.language.grammar import parse

    text = _text_of(file)
    return [
        {
            "rule": text[rule.span.start : rule.span.end],
            "name": rule.annotation("id"),
            "comment": rule.annotation("title") or "",
        }
        for rule in parse(text, source=str(file))
    ]


def _text_of(file: Path) -> str:
    if file.stat().st_size > _MAX_BYTES:
        raise InvalidRequest(f"'{file}' is larger than 1 MB; split it", path=str(file))
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"'{file}' is not UTF-8: {error}", path=str(file)) from error


def _from_yaml(path: Path) -> Package:
    import yaml

    try:
        data = yaml.safe_load(_text_of(path))
    except yaml.YAMLError as error:
        raise InvalidRequest(f"'{path}' is not YAML: {error}", path=str(path)) from error
    if not isinstance(data, dict) or not isinstance(data.get("rules"), list):
        raise InvalidRequest(f"'{path}' has no list 'rules'; expected a library policy")
    return Package(
        str(data.get("name") or path.stem),
        str(data.get("description") or ""),
        str(data.get("kind") or "nonrecursive"),
        [_library_rule(path, number, entry) for number, entry in enumerate(data["rules"], 1)],
    )


def _library_rule(path: Path, number: int, entry: Any) -> dict[str, Any]:
    if not isinstance(entry, dict) or not isinstance(entry.get("rule"), str):
        raise InvalidRequest(
            f"'{path}': entry {number} of 'rules' has no text 'rule'; expected rule, name, comment"
        )
    return {
        "rule": entry["rule"],
        "name": entry.get("name"),
        "comment": entry.get("comment") or "",
    }
