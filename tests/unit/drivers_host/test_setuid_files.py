"""The setuid scan."""

import os
import pwd

import pytest

from congress_dist.datasources.drivers.file_tree import FileTree
from congress_dist.datasources.drivers.host_files import HostFiles
from congress_dist.datasources.drivers.setuid_scan import scan_setuid
from congress_dist.testing.fake_clock import FakeClock

ME = os.getuid()
MY_NAME = pwd.getpwuid(ME).pw_name


def test_setuid_and_setgid_files_are_found_with_owner_and_mode(host, rows_of):
    host.write("/usr/bin/su", mode=0o4755)
    host.write("/usr/bin/wall", mode=0o2755)
    host.write("/usr/bin/both", mode=0o6711)
    host.write("/usr/bin/plain", mode=0o755)
    assert rows_of(HostFiles(host.config), "setuid_files") == {
        ("/usr/bin/su", MY_NAME, ME, "4755", "setuid"),
        ("/usr/bin/wall", MY_NAME, ME, "2755", "setgid"),
        ("/usr/bin/both", MY_NAME, ME, "6711", "setuid"),
    }


def test_directories_and_links_are_not_setuid_files(host, rows_of):
    host.directory("/var/mail", 0o2775)
    host.write("/usr/bin/su", mode=0o4755)
    host.link("/usr/bin/link", "su")
    host.link("/loop", ".")
    paths = {row[0] for row in rows_of(HostFiles(host.config), "setuid_files")}
    assert paths == {"/usr/bin/su"}


def test_the_scan_does_not_cross_mount_points(host, rows_of):
    host.mounts("/", "/mnt/with\\040space", "/home")
    host.write("/mnt/with space/su", mode=0o4755)
    host.write("/home/me/su", mode=0o4755)
    host.write("/homes/su", mode=0o4755)
    paths = {row[0] for row in rows_of(HostFiles(host.config), "setuid_files")}
    assert paths == {"/homes/su"}


def test_the_scan_can_begin_on_another_filesystem(host, rows_of):
    host.mounts("/", "/srv")
    host.write("/usr/bin/su", mode=0o4755)
    host.write("/srv/su", mode=0o4755)
    driver = HostFiles({**host.config, "scan_from": "/srv/"})
    assert {row[0] for row in rows_of(driver, "setuid_files")} == {"/srv/su"}


def test_proc_and_sys_are_never_entered(host, rows_of):
    host.write("/proc/1/su", mode=0o4755)
    host.write("/sys/su", mode=0o4755)
    assert rows_of(HostFiles(host.config), "setuid_files") == set()


def test_an_owner_without_a_name_is_null(host, rows_of, monkeypatch):
    host.write("/su", mode=0o4755)

    def nobody(uid):
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert rows_of(HostFiles(host.config), "setuid_files") == {("/su", None, ME, "4755", "setuid")}


def test_a_name_that_is_not_utf_8_does_not_cost_the_table(host, rows_of):
    (host.root / os.fsdecode(b"caf\xe9")).touch()
    (host.root / os.fsdecode(b"caf\xe9")).chmod(0o4755)
    assert {row[0] for row in rows_of(HostFiles(host.config), "setuid_files")} == {"/caf\\xe9"}


def test_unreadable_directories_are_counted_in_the_note(host, monkeypatch):
    host.write("/closed/su", mode=0o4755)
    host.write("/open/su", mode=0o4755)
    really_scan = os.scandir

    def refusing(path):
        if path.endswith("/closed"):
            raise PermissionError(13, "Permission denied", path)
        return really_scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    found = HostFiles(host.config).read("setuid")["setuid_files"]
    assert [row[0] for row in found.rows] == ["/open/su"]
    assert found.note == "1 directories not readable, run as root to see them"


def test_a_scan_that_must_end_says_what_is_left(host):
    host.directory("/a")
    host.directory("/b")
    answers = iter([False, True])
    scan = scan_setuid(FileTree(str(host.root)), "/", lambda: next(answers))
    assert scan.note() == "stopped for time with at least 2 directories to go"


def test_a_closed_driver_ends_its_scan(host):
    host.write("/su", mode=0o4755)
    driver = HostFiles(host.config)
    driver.close()
    driver.close()
    found = driver.read("setuid")["setuid_files"]
    assert list(found.rows) == []
    assert found.note == "stopped for time with at least 1 directories to go"


@pytest.mark.parametrize("poll", ["setuid", "changed"])
def test_scans_stop_before_their_poll_times_out(host, poll):
    host.package("tool", {"/usr/bin/tool": "old"})
    host.write("/usr/bin/tool", "new")
    clock = FakeClock()
    driver = HostFiles(host.config, clock=clock)
    (timeout,) = [p.timeout for p in driver.polls if p.name == poll]
    is_over = driver._limit(clock.monotonic())
    assert not is_over()
    clock.advance(timeout * 0.95)
    assert is_over()
