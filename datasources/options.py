"""A driver's options: texts of a configuration section become typed, checked values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from congress_dist.errors import StartupError

from .driver import Option
from .registry import did_you_mean

HIDDEN = "<hidden>"
"""Stands for the value of a secret wherever options are shown."""


def parse_options(
    options: Sequence[Option], given: Mapping[str, str], *, datasource: str
) -> dict[str, Any]:
    """Give the value of every option of a driver.

    Shapes: one entry per option, with its default where nothing was given.
    Raises: StartupError: an unknown option, a required one missing, a value of another type; the
        text of a secret is never in the message.
    """
    known = {option.name: option for option in options}
    for name in given:
        if name not in known:
            hint = did_you_mean(name, sorted(known)) or "; the driver has no options"
            raise StartupError(f"datasource {datasource!r} has no option {name!r}{hint}")
    return {name: _value(known[name], given.get(name), datasource) for name in known}


def shown_options(options: Sequence[Option], values: Mapping[str, Any]) -> dict[str, Any]:
    """Give option values as plain ones that may leave the process: secrets are `<hidden>`."""
    return {
        option.name: _shown(option, values[option.name])
        for option in options
        if values.get(option.name) is not None
    }


def _value(option: Option, text: str | None, datasource: str) -> Any:
    if text is None:
        if option.required:
            raise StartupError(
                f"datasource {datasource!r} needs option {option.name!r} ({option.description})"
            )
        return option.default
    try:
        return _PARSERS[option.type](text.strip())
    except ValueError as error:
        value = "its value" if option.secret else repr(text)
        # `from None` for secrets: the original message quotes the text.
        raise StartupError(
            f"datasource {datasource!r}, option {option.name!r}: {value} is not "
            f"{_EXPECTED[option.type]}"
        ) from (None if option.secret else error)


def _bool(text: str) -> bool:
    lowered = text.lower()
    if lowered in {"true", "yes", "on", "1"}:
        return True
    if lowered in {"false", "no", "off", "0"}:
        return False
    raise ValueError(text)


def _texts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


_PARSERS: Mapping[type, Callable[[str], Any]] = {
    str: str,
    int: int,
    float: float,
    bool: _bool,
    Path: Path,
    list: _texts,
}
_EXPECTED: Mapping[type, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}
OPTION_TYPES = frozenset(_PARSERS)
"""The types that an option may have."""


def _shown(option: Option, value: Any) -> Any:
    if option.secret:
        return HIDDEN
    return str(value) if isinstance(value, Path) else value
