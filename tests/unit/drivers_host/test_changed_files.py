"""Packaged programs that are not as their packages brought them."""

import os
from pathlib import Path

from congress_dist.datasources.driver import SourceUnavailable
from congress_dist.datasources.drivers.changed_files import scan_changes
from congress_dist.datasources.drivers.dpkg import DpkgDatabase
from congress_dist.datasources.drivers.file_tree import FileTree
from congress_dist.datasources.drivers.host_files import HostFiles


def changed(host, rows_of):
    return rows_of(HostFiles(host.config), "changed_files")


def test_a_program_with_other_content_is_listed(host, rows_of):
    host.merged_usr()
    host.package("tools", {"/bin/kept": "same", "/bin/edited": "before", "/usr/bin/also": "x"})
    host.write("/usr/bin/kept", "same")
    host.write("/usr/bin/edited", "after")
    host.write("/usr/bin/also", "x")
    assert changed(host, rows_of) == {("/usr/bin/edited", "tools", "content")}


def test_files_outside_the_search_path_are_not_compared(host, rows_of):
    host.directory("/usr/bin")
    host.package("tools", {"/usr/share/doc/x": "before", "/usr/bin/sub/x": "before"})
    host.write("/usr/share/doc/x", "after")
    host.write("/usr/bin/sub/x", "after")
    assert changed(host, rows_of) == set()


def test_search_paths_of_processes_are_compared_too(host, rows_of):
    host.package("vendor", {"/opt/vendor/bin/run": "before"})
    host.write("/opt/vendor/bin/run", "after")
    assert changed(host, rows_of) == set()
    host.process(10, "sh", "/opt/vendor/bin")
    assert changed(host, rows_of) == {("/opt/vendor/bin/run", "vendor", "content")}


def test_configuration_files_are_there_to_be_changed(host, rows_of):
    files = {"/usr/bin/wrapper": "before", "/usr/bin/old": "before"}
    conffiles = ["/usr/bin/wrapper", "remove-on-upgrade /usr/bin/old"]
    host.package("tool", files, conffiles=conffiles)
    host.write("/usr/bin/wrapper", "after")
    host.write("/usr/bin/old", "after")
    assert changed(host, rows_of) == set()


def test_missing_files_are_not_listed(host, rows_of):
    host.directory("/usr/bin")
    host.package("tool", {"/usr/bin/tool": "before"})
    assert changed(host, rows_of) == set()


def test_a_link_in_place_of_a_program_is_another_type(host, rows_of):
    host.package("tool", {"/usr/bin/tool": "same"})
    host.write("/home/me/tool", "same")
    host.link("/usr/bin/tool", "/home/me/tool")
    assert changed(host, rows_of) == {("/usr/bin/tool", "tool", "type")}


def test_a_diverted_program_is_compared_where_it_lies(host, rows_of):
    host.package("perf", {"/usr/bin/perf": "the wrapper"})
    host.package("linux-perf", {"/usr/bin/perf": "the program"})
    host.divert("/usr/bin/perf", "/usr/bin/perf.real", "perf")
    host.write("/usr/bin/perf", "the wrapper")
    host.write("/usr/bin/perf.real", "the program")
    assert changed(host, rows_of) == set()
    host.write("/usr/bin/perf.real", "something else")
    assert changed(host, rows_of) == {("/usr/bin/perf.real", "linux-perf", "content")}


def test_packages_that_are_being_unpacked_are_left_alone(host, rows_of):
    host.package("tool", {"/usr/bin/tool": "before"}, state="install ok half-installed")
    host.write("/usr/bin/tool", "after")
    assert changed(host, rows_of) == set()


def test_an_upgrade_during_the_scan_is_no_change(host):
    host.package("tool", {"/usr/bin/tool": "before"})
    host.write("/usr/bin/tool", "after")

    def upgrade_then_go_on() -> bool:
        host.packages.clear()
        host.package("tool", {"/usr/bin/tool": "after"})
        return False

    tree = FileTree(str(host.root))
    scan = scan_changes(DpkgDatabase(tree), tree, {"/usr/bin"}, upgrade_then_go_on)
    assert scan.files == []


def test_unreadable_programs_are_counted_in_the_note(host, monkeypatch):
    host.package("tool", {"/usr/bin/tool": "before", "/usr/bin/secret": "before"})
    host.write("/usr/bin/tool", "before")
    host.write("/usr/bin/secret", "after")
    really_open = Path.open

    def refusing(path, *args, **kwargs):
        if path.name == "secret":
            raise PermissionError(13, "Permission denied", str(path))
        return really_open(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refusing)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    found = HostFiles(host.config).read("changed")["changed_files"]
    assert list(found.rows) == []
    assert found.note == "1 of 2 files not readable, run as root to see them"


def test_without_dpkg_the_table_is_unavailable(host):
    found = HostFiles(host.config).read("changed")["changed_files"]
    assert isinstance(found, SourceUnavailable)
    assert found.message == "no dpkg database on this machine"


def test_a_scan_that_must_end_says_what_is_left(host):
    host.package("tool", {"/usr/bin/a": "", "/usr/bin/b": ""})
    tree = FileTree(str(host.root))
    scan = scan_changes(DpkgDatabase(tree), tree, {"/usr/bin"}, lambda: True)
    assert scan.note() == "stopped for time with 2 files to go"
