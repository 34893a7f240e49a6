"""Test results as JUnit's XML, which build servers read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one case.

    Shapes: `error` tells why the case could not run, `complaints` what was not as expected.
    """

    file: str
    name: str
    seconds: float
    complaints: Sequence[str] = ()
    error: str = ""

    @property
    def is_passed(self) -> bool:
        """Tell whether everything was as expected."""
        return not self.complaints and not self.error


def as_junit(results: Sequence[Result]) -> str:
    """Give one suite for each test file."""
    root = ET.Element("testsuites", _counts(results))
    for file in dict.fromkeys(result.file for result in results):
        inside = [result for result in results if result.file == file]
        suite = ET.SubElement(root, "testsuite", {"name": _clean(file), **_counts(inside)})
        for result in inside:
            _add_case(suite, result)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _add_case(suite: ET.Element, result: Result) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        {
            "classname": _clean(result.file),
            "name": _clean(result.name),
            "time": f"{result.seconds:.3f}",
        },
    )
    if result.error:
        ET.SubElement(case, "error", {"message": _clean(result.error)})
    elif result.complaints:
        text = _clean("\n".join(result.complaints))
        failure = ET.SubElement(case, "failure", {"message": text.split("\n")[0]})
        failure.text = text


def _counts(results: Sequence[Result]) -> dict[str, str]:
    return {
        "tests": str(len(results)),
        "failures": str(sum(1 for r in results if r.complaints and not r.error)),
        "errors": str(sum(1 for r in results if r.error)),
        "time": f"{sum(result.seconds for result in results):.3f}",
    }


def _clean(text: str) -> str:
    """Put a question mark for what XML cannot hold."""
    return _NOT_XML.sub("?", text)
