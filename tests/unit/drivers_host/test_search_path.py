"""Directories in which root and the processes look for programs."""

import os
from pathlib import Path

from congress_dist.datasources.drivers.host_files import HostFiles


def by_origin(rows):
    found = {}
    for directory, origin, *_ in rows:
        found.setdefault(origin, set()).add(directory)
    return found


def directories(host, *paths):
    for path in paths:
        host.directory(path)


def test_root_looks_where_login_and_environment_say(host, rows_of):
    directories(host, "/usr/sbin", "/usr/bin", "/opt/bin")
    login = "# ENV_SUPATH PATH=/nowhere\nENV_SUPATH\tPATH=/usr/sbin:/usr/bin\n"
    host.write("/etc/login.defs", login)
    host.write("/etc/environment", 'LANG=C\nPATH="/usr/bin:/opt/bin"\n')
    rows = rows_of(HostFiles(host.config), "path_directories")
    assert by_origin(rows) == {"root": {"/usr/sbin", "/usr/bin", "/opt/bin"}}


def test_root_has_the_default_path_without_login_defs(host, rows_of):
    host.merged_usr()
    rows = rows_of(HostFiles(host.config), "path_directories")
    assert by_origin(rows) == {"root": {"/usr/bin"}}


def test_processes_of_one_name_and_user_are_one_origin(host, rows_of):
    directories(host, "/opt/a", "/opt/b")
    host.process(10, "sshd", "/opt/a")
    host.process(11, "sshd", "/opt/b:/opt/a")
    host.process(12, "sshd", "/opt/a", uid=1000)
    rows = rows_of(HostFiles(host.config), "path_directories")
    assert by_origin(rows) == {
        "sshd (uid 0)": {"/opt/a", "/opt/b"},
        "sshd (uid 1000)": {"/opt/a"},
    }


def test_rights_of_a_directory_are_told(host, rows_of):
    host.directory("/open", 0o777)
    host.directory("/sticky", 0o1777)
    host.directory("/closed", 0o755)
    host.process(10, "sh", "/open:/sticky:/closed")
    me = os.getuid()
    assert rows_of(HostFiles(host.config), "path_directories") == {
        ("/open", "sh (uid 0)", me, True, False),
        ("/sticky", "sh (uid 0)", me, True, True),
        ("/closed", "sh (uid 0)", me, False, False),
    }


def test_entries_that_are_no_directories_are_left_out(host, rows_of):
    directories(host, "/opt/a")
    host.write("/opt/file")
    host.process(10, "sh", f":.:bin:/opt/a/:/missing:/opt/file:/{'x' * 5000}")
    rows = rows_of(HostFiles(host.config), "path_directories")
    assert by_origin(rows) == {"sh (uid 0)": {"/opt/a"}}


def test_kernel_threads_and_processes_without_path_have_no_rows(host, rows_of):
    host.process(2, "kthreadd", kernel=True)
    host.process(10, "sh")
    driver = HostFiles(host.config)
    assert rows_of(driver, "path_directories") == set()
    assert driver.read("search_path")["path_directories"].note == ""


def test_unreadable_processes_are_counted_in_the_note(host, monkeypatch):
    directories(host, "/opt/a")
    host.process(10, "sh", "/opt/a")
    host.process(11, "secret", "/opt/a")
    deny_reading(monkeypatch, "/proc/11/environ")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    found = HostFiles(host.config).read("search_path")["path_directories"]
    assert by_origin(found.rows) == {"sh (uid 0)": {"/opt/a"}}
    assert found.note == ("search paths of 1 of 2 processes not readable, run as root to see them")


def test_a_process_that_ended_meanwhile_is_no_failure(host, rows_of):
    host.process(10, "sh", "/opt/a")
    host.path("/proc/10/environ").unlink()
    assert rows_of(HostFiles(host.config), "path_directories") == set()


def deny_reading(monkeypatch, ending):
    """Let one file be refused, as the kernel does to an ordinary user; tests may run as root."""
    really_open = Path.open

    def refusing(path, *args, **kwargs):
        if str(path).endswith(ending):
            raise PermissionError(13, "Permission denied", str(path))
        return really_open(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refusing)
