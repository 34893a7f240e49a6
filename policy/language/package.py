"""A policy package on disk: a directory of .dl files, one such file, or a library policy in YAML.

Every rule keeps the name of the text that it came from, so that findings name file and line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from congress_dist.errors import Conflict, InvalidRequest, NotFound

from . import text_files
from .ast import ANNOTATIONS, Rule
from .diagnostics import Diagnostic, PolicyError
from .grammar import parse
from .known_keys import refuse_unknown_keys
from .lexical import MAX_TEXT
from .names import refuse_owner_name
from .policy_kinds import KINDS, NONRECURSIVE
from .printer import print_value
from .text_files import entries_of, is_directory
from .yaml_places import in_yaml

_ABOUT = "policy.yaml"
"""Beside the .dl files of a directory: what there is to say of their policy as a whole."""

_YAML = (".yaml", ".yml")
_KEYS = ("rule", "name", "comment", *ANNOTATIONS)
"""What a library policy may say of a rule."""


@dataclass(frozen=True, slots=True)
class PackageRule:
    """One statement of a package, with its text, annotations included."""

    rule: Rule
    text: str
    name: str | None
    comment: str


@dataclass(frozen=True, slots=True)
class Package:
    """One policy, read.

    Shapes: `texts` are what was parsed, by the name that spans and findings carry; `path_of` gives
    the file behind such a name. `yaml_text` is the file of a library policy, else empty.
    """

    name: str
    description: str
    kind: str
    rules: Sequence[PackageRule]
    texts: Mapping[str, str]
    yaml_text: str = ""

    def placed(self, findings: Iterable[Diagnostic]) -> list[Diagnostic]:
        """Give findings with the file and line at which a rule of a YAML file is written."""
        found = list(findings)
        return in_yaml(found, self.yaml_text, self.texts) if self.yaml_text else found

    @property
    def statements(self) -> list[Rule]:
        """Give the rules and facts as parsed."""
        return [rule.rule for rule in self.rules]


def read_package(path: Path, *, kind: str = NONRECURSIVE) -> Package:
    """Read the policy at a path; `kind` is for what does not say its own.

    Raises: NotFound: nothing is there, or a directory holds no .dl file.
        PolicyError: a text does not parse; the findings name the file.
        InvalidRequest: a YAML file of another shape, a text above 1 MB, no UTF-8; a policy that no
            rule could name.
    """
    if is_directory(path):
        files = _policy_files(path)
        if not files:
            raise NotFound(
                f"policy directory '{path}' holds no .dl file; name a directory that does, a .dl "
                "file, or a library policy in YAML",
                path=str(path),
            )
        return _from_directory(path, files, kind)
    if not path.is_file():
        raise NotFound(f"policy '{path}' is neither a file nor a directory", path=str(path))
    if path.suffix in _YAML:
        return _from_yaml(path, kind)
    return _from_texts(path.stem, [path], kind)


def read_packages(paths: Iterable[Path], *, kind: str = NONRECURSIVE) -> list[Package]:
    """Read several policies; a directory of policies stands for all of them.

    Raises: as `read_package`. Conflict: two of them have one name.
    """
    found = [path for given in paths for path in find_packages(given)]
    packages = {path: read_package(path, kind=kind) for path in found}
    refuse_equal_names(packages)
    return list(packages.values())


def refuse_equal_names(packages: Mapping[Path, Package]) -> None:
    """Make sure that each policy has a name and files of its own. Raises: Conflict."""
    places: dict[str, Path] = {}
    owners: dict[Path, str] = {}
    for path, package in packages.items():
        if package.name in places:
            raise Conflict(
                f"'{places[package.name]}' and '{path}' are both named {package.name!r}; a policy "
                "is named by its directory or file, or by 'name' in YAML: rename one",
                policy=package.name,
            )
        places[package.name] = path
        for file in {path_of(source): None for source in package.texts}:
            other = owners.setdefault(Path(file).resolve(), package.name)
            if other != package.name:
                raise Conflict(
                    f"'{file}' is in the policies {other!r} and {package.name!r}; name it once",
                    policy=package.name,
                )


def find_packages(path: Path) -> list[Path]:
    """Give the policies at a path: itself, or those directly inside a directory without .dl files.

    Shapes: sorted by name; the path itself where there is nothing else to give.
    """
    if not is_directory(path) or _policy_files(path):
        return [path]
    inside = [
        child
        for child in entries_of(path)
        if child.suffix in _YAML or (is_directory(child) and _policy_files(child))
    ]
    return inside or [path]


def path_of(source: str) -> str:
    """Give the file behind the name of a text: `lib.yaml: rule 2` is of `lib.yaml`."""
    path, mark, _ = source.rpartition(": rule ")
    return path if mark else source


def read_text(path: Path) -> str:
    """Give the text of a file.

    Raises: NotFound: there is none. InvalidRequest: it is above 1 MB, is not UTF-8, or cannot be
        read.
    """
    text = text_files.read_text(path)
    if len(text) > MAX_TEXT:
        raise InvalidRequest(f"'{path}' is larger than 1 MB; split it", path=str(path))
    return text.replace("\r\n", "\n")


def _policy_files(directory: Path) -> list[Path]:
    return [path for path in entries_of(directory) if path.name.endswith(".dl")]


def _from_directory(path: Path, files: Sequence[Path], kind: str) -> Package:
    """Read the files of a directory; what its policy.yaml says of the policy goes first."""
    about = path / _ABOUT
    said: Any = {}
    if about.is_file():
        said = text_files.yaml_value(read_text(about), about)
        if not isinstance(said, dict) or not said.keys() <= {"name", "description", "kind"}:
            raise InvalidRequest(
                f"'{about}' says more of its policy than name, description and kind; rules are"
                " in the .dl files beside it",
                path=str(about),
            )
    name = str(said.get("name") or path.resolve().name)
    package = _from_texts(name, files, _kind_of(said, kind, about))
    description = str(said.get("description") or package.description)
    return replace(package, description=description)


def _kind_of(said: Mapping[str, Any], kind: str, path: Path) -> str:
    """Give the kind that a file says, else the given one. Raises: InvalidRequest: no such kind."""
    found = said.get("kind") or kind
    if found not in KINDS:
        raise InvalidRequest(
            f"'{path}': there is no policy kind {found!r}; kinds are {', '.join(sorted(KINDS))}",
            path=str(path),
        )
    return str(found)


def _from_texts(name: str, files: Sequence[Path], kind: str) -> Package:
    refuse_owner_name(name, f"the policy of '{files[0]}'")
    texts = {str(file): read_text(file) for file in files}
    rules = [
        PackageRule(
            rule,
            text[rule.span.start : rule.span.end],
            _text_or_none(rule.annotation("id")),
            str(rule.annotation("title") or ""),
        )
        for source, text in texts.items()
        for rule in parse(text, source=source)
    ]
    return Package(name, f"from {files[0].parent.name}", kind, rules, texts)


def _from_yaml(path: Path, kind: str) -> Package:
    text = read_text(path)
    data = text_files.yaml_value(text, path)
    if not isinstance(data, dict) or not isinstance(data.get("rules"), list):
        raise InvalidRequest(
            f"'{path}' has no list 'rules'; a library policy has name, description and rules",
            path=str(path),
        )
    name = str(data.get("name") or path.stem)
    refuse_owner_name(name, f"the policy of '{path}'")
    said = _kind_of(data, kind, path)
    rules = list(_library_rules(path, data["rules"], text))
    return Package(
        name,
        str(data.get("description") or ""),
        said,
        rules,
        {rule.rule.span.source: rule.text for rule in rules},
        text,
    )


def _library_rules(path: Path, entries: Sequence[Any], file_text: str) -> Iterator[PackageRule]:
    for number, entry in enumerate(entries, 1):
        source = f"{path}: rule {number}"
        if not isinstance(entry, dict) or not isinstance(entry.get("rule"), str):
            raise InvalidRequest(
                f"'{path}': entry {number} of 'rules' has no text 'rule'; expected rule, name, "
                "comment",
                path=str(path),
            )
        refuse_unknown_keys(entry, _KEYS, f"'{path}': entry {number} of 'rules'")
        text = _annotated(entry)
        try:
            rules = parse(text, source=source)
        except PolicyError as error:
            found = in_yaml(error.diagnostics, file_text, {source: text})
            raise PolicyError(found) from error
        if len(rules) != 1:
            raise InvalidRequest(
                f"'{path}': entry {number} of 'rules' holds {len(rules)} rules, expected 1; make "
                "each an entry of its own",
                path=str(path),
            )
        name = entry.get("name")
        comment = str(entry.get("comment") or "")
        yield PackageRule(rules[0], text, None if name is None else str(name), comment)


def _annotated(entry: Mapping[str, Any]) -> str:
    """Put what the entry says of its rule in front of it, as annotations."""
    said = [f"@{key}({print_value(str(entry[key]))})" for key in ANNOTATIONS if key in entry]
    return "\n".join([" ".join(said), entry["rule"]] if said else [entry["rule"]])


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)
