"""Python distributions by interpreter."""

import json
import os
import sys

import pytest

from congress_dist.datasources.driver import UNCHANGED, Table
from congress_dist.datasources.drivers.host_python import HostPython, normalised

INTERPRETER = "/usr/bin/python3.99"
LOCAL, DEBIAN = "/usr/local/lib/python3.99/dist-packages", "/usr/lib/python3/dist-packages"


def interpreter(host, *entries, path=INTERPRETER):
    """Write an interpreter that knows its search path only, and counts how often it is asked."""
    host.script(path, f"echo asked >> {host.root}/asked; echo '{json.dumps(entries)}'")
    for entry in entries:
        host.directory(entry)


def asked(host):
    return len(host.path("/asked").read_text().splitlines())


def test_distributions_are_listed_with_place_and_metadata(host, rows_of):
    interpreter(host, "/usr/lib/python3.99", LOCAL, DEBIAN)
    host.write(f"{LOCAL}/PyYAML-7.0.dist-info/METADATA", "Name: PyYAML\nVersion: 7.0\n\nName: x")
    host.write(f"{DEBIAN}/PyYAML-6.0.egg-info/PKG-INFO", "Name: PyYAML\nVersion: 6.0\n")
    host.write(f"{DEBIAN}/zope.interface-5.5.egg-info", "Name: zope.interface\nVersion: 5.5\n")
    host.write(f"{DEBIAN}/yaml/__init__.py")
    assert rows_of(HostPython(host.config), "python_distributions") == {
        (INTERPRETER, "pyyaml", "7.0", LOCAL, f"{LOCAL}/PyYAML-7.0.dist-info/METADATA", 1),
        (INTERPRETER, "pyyaml", "6.0", DEBIAN, f"{DEBIAN}/PyYAML-6.0.egg-info/PKG-INFO", 2),
        (INTERPRETER, "zope-interface", "5.5", DEBIAN, f"{DEBIAN}/zope.interface-5.5.egg-info", 2),
    }


def test_metadata_paths_are_canonical(host, rows_of):
    interpreter(host, "/lib/python3")
    host.directory("/usr/lib/python3")
    host.path("/lib/python3").rmdir()
    host.path("/lib").rmdir()
    host.link("/lib", "usr/lib")
    host.write("/usr/lib/python3/a-1.dist-info/METADATA", "Name: a\nVersion: 1\n")
    ((*_, location, metadata, _position),) = rows_of(
        HostPython(host.config), "python_distributions"
    )
    assert location == "/lib/python3"
    assert metadata == "/usr/lib/python3/a-1.dist-info/METADATA"


def test_metadata_without_headers_falls_back_on_its_name(host, rows_of):
    interpreter(host, LOCAL)
    host.write(f"{LOCAL}/old_tool-1.2.egg-info/PKG-INFO", "\nName: body\n")
    host.write(f"{LOCAL}/bare.egg-info/PKG-INFO", "")
    names = {row[1:3] for row in rows_of(HostPython(host.config), "python_distributions")}
    assert names == {("old-tool", "1.2"), ("bare", None)}


@pytest.mark.parametrize(
    ("name", "expected"), [("Foo__Bar.-baz", "foo-bar-baz"), ("PyYAML", "pyyaml")]
)
def test_names_have_one_spelling(name, expected):
    assert normalised(name) == expected


def test_only_interpreters_are_asked_and_each_file_once(host):
    interpreter(host, LOCAL)
    host.link("/usr/bin/python3.98", "python3.99")
    host.link("/usr/bin/python3", "python3.99")
    host.script("/usr/bin/python3.99-config", f"echo asked >> {host.root}/asked")
    host.write("/usr/local/bin/python3.97", "not executable")
    HostPython(host.config).read("distributions")
    assert asked(host) == 1


def test_nothing_is_asked_again_until_a_directory_changes(host):
    interpreter(host, LOCAL)
    driver = HostPython(host.config)
    assert isinstance(driver.read("distributions")["python_distributions"], Table)
    assert driver.read("distributions") == {"python_distributions": UNCHANGED}
    assert asked(host) == 1
    host.write(f"{LOCAL}/a-1.dist-info/METADATA", "Name: a\nVersion: 1\n")
    os.utime(host.path(LOCAL), (1, 1))
    found = driver.read("distributions")["python_distributions"]
    assert [row[1] for row in found.rows] == ["a"]
    assert asked(host) == 2


def test_a_machine_without_python_has_an_empty_table(host, rows_of):
    assert rows_of(HostPython(host.config), "python_distributions") == set()


def test_an_interpreter_that_others_could_change_is_not_run(host):
    interpreter(host, LOCAL)
    host.path(INTERPRETER).chmod(0o777)
    found = HostPython(host.config).read("distributions")["python_distributions"]
    assert found.note == f"{INTERPRETER} not asked: others than root could change it"
    assert not host.path("/asked").exists()


def test_an_interpreter_that_fails_is_noted_and_asked_again(host):
    interpreter(host, LOCAL, path="/usr/bin/python3.98")
    host.write(f"{LOCAL}/a-1.dist-info/METADATA", "Name: a\nVersion: 1\n")
    host.script(INTERPRETER, "exit 3")
    driver = HostPython(host.config)
    found = driver.read("distributions")["python_distributions"]
    assert [row[1] for row in found.rows] == ["a"]
    assert found.note.startswith(f"{INTERPRETER} did not tell its search path: ")
    assert isinstance(driver.read("distributions")["python_distributions"], Table)


def test_a_real_interpreter_tells_its_search_path(rows_of):
    folder = os.path.dirname(os.path.realpath(sys.executable))  # noqa: PTH120
    rows = rows_of(HostPython({"folders": [folder]}), "python_distributions")
    assert all(row[0].startswith(f"{folder}/python3.") for row in rows)
    assert all(row[4].startswith("/") and row[5] >= 0 for row in rows)
