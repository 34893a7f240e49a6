"""The configuration file as it stands: sections, keys and raw values; which names do not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from oslo_config import cfg, iniparser

from .errors import InvalidConfig

DATASOURCE_PREFIX = "datasource:"
_LIBRARY_PREFIX = "oslo_"
_TYPING_ERROR = 0.9
"""How like one of ours a library's section may be called; two libraries differ by more."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """Raw values by key by section; the last of several values of a key counts."""

    path: Path
    sections: Mapping[str, Mapping[str, str]]

    @property
    def datasources(self) -> dict[str, dict[str, str]]:
        """Give the sections of datasources by the name after the colon.

        Raises: InvalidConfig: one has no name or no driver.
        """
        found = {}
        for section, values in self.sections.items():
            if not section.startswith(DATASOURCE_PREFIX):
                continue
            name = section.removeprefix(DATASOURCE_PREFIX).strip()
            if not name:
                raise self._refused(f"section [{section}] names no datasource", section=section)
            if not values.get("driver"):
                raise self._refused(
                    f"datasource {name!r} has no driver; add to its section: driver = NAME",
                    section=section,
                )
            found[name] = dict(values)
        return found

    @property
    def library_sections(self) -> list[str]:
        """Give the sections that are called like those of oslo libraries."""
        return [section for section in self.sections if section.startswith(_LIBRARY_PREFIX)]

    def check_names(self, known: Mapping[str, Iterable[str]]) -> None:
        """Refuse what is in no section of `known`; other oslo libraries check their own.

        Raises: InvalidConfig: names the unknown one and the nearest that exists.
        """
        for section, values in self.sections.items():
            if section.startswith(DATASOURCE_PREFIX):
                continue
            if section not in known:
                is_near = difflib.get_close_matches(section, known, n=1, cutoff=_TYPING_ERROR)
                if section.startswith(_LIBRARY_PREFIX) and not is_near:
                    continue
                raise self._unknown_section(section, known)
            for key in values:
                if key.replace("-", "_") not in known[section]:
                    raise self._unknown_option(section, key, known)
        _ = self.datasources

    def _unknown_section(self, section: str, known: Mapping[str, Iterable[str]]) -> InvalidConfig:
        near = _nearest(section, [*known, f"{DATASOURCE_PREFIX}NAME"])
        hint = f"; did you mean [{near}]?" if near else f"; there are: {', '.join(sorted(known))}"
        return self._refused(f"no section is called [{section}]{hint}", section=section)

    def _unknown_option(
        self, section: str, key: str, known: Mapping[str, Iterable[str]]
    ) -> InvalidConfig:
        elsewhere = [other for other in known if key in known[other]]
        near = _nearest(key, known[section])
        if elsewhere:
            hint = f"; it belongs to section [{elsewhere[0]}]"
        elif near:
            hint = f"; did you mean {near!r}?"
        else:
            hint = f"; there are: {', '.join(sorted(known[section]))}"
        what = f"section [{section}] has no option {key!r}{hint}"
        return self._refused(what, section=section, option=key)

    def _refused(self, what: str, **where: str) -> InvalidConfig:
        return InvalidConfig(f"configuration file {str(self.path)!r}: {what}", **where)


def read_config_file(path: Path) -> ConfigFile:
    """Read a configuration file without looking at the meaning of its values.

    Raises: InvalidConfig: it cannot be read, or a line of it is neither section nor `key = value`.
    """
    sections: dict[str, dict[str, list[str]]] = {}
    try:
        cfg.ConfigParser(str(path), sections).parse()
    except OSError as error:
        raise InvalidConfig(
            f"configuration file {str(path)!r} cannot be read: {error.strerror}", path=str(path)
        ) from error
    except (iniparser.ParseError, UnicodeDecodeError) as error:
        raise InvalidConfig(
            f"configuration file {str(path)!r} is not of the form 'key = value': {error}",
            path=str(path),
        ) from error
    plain = {
        section: {key: values[-1] for key, values in keys.items()}
        for section, keys in sections.items()
    }
    return ConfigFile(path, plain)


def _nearest(name: str, names: Iterable[str]) -> str | None:
    matches = difflib.get_close_matches(name.lower(), list(names), n=1, cutoff=0.5)
    return matches[0] if matches else None
