"""Packages, the files they own, pending updates."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from congress_dist.datasources.driver import UNCHANGED, SourceUnavailable, Table
from congress_dist.datasources.drivers.host_packages import HostPackages

NOW = datetime(2030, 6, 1, 12, tzinfo=UTC)


def driver_of(host, **config):
    return HostPackages({**host.config, **config}, wall_clock=lambda: NOW)


def test_only_installed_packages_are_listed(host, rows_of):
    host.package("mount", version="2.38.1-5")
    host.package("libc6", architecture="i386", list_name="libc6:i386")
    host.package("old", state="deinstall ok config-files")
    host.package("never", state="unknown ok not-installed")
    host.package("halfway", state="install ok unpacked")
    assert rows_of(driver_of(host), "packages") == {
        ("mount", "2.38.1-5", "amd64"),
        ("libc6", "1.0", "i386"),
        ("halfway", "1.0", "amd64"),
    }


def test_a_file_listed_below_bin_is_owned_where_it_really_lies(host, rows_of):
    host.merged_usr()
    host.package("mount", {"/bin/mount": "", "/usr/share/doc/mount": ""})
    assert rows_of(driver_of(host), "package_files") == {
        ("/usr/bin/mount", "mount"),
        ("/usr/share/doc/mount", "mount"),
    }


def test_directories_are_not_files(host, rows_of):
    host.package("tool", {"/usr/lib/tool/plugins/a.so": ""})
    assert rows_of(driver_of(host), "package_files") == {("/usr/lib/tool/plugins/a.so", "tool")}


def test_a_file_list_named_with_the_architecture_is_read(host, rows_of):
    host.package("libc6", {"/usr/lib/libc.so.6": ""}, list_name="libc6:amd64")
    assert rows_of(driver_of(host), "package_files") == {("/usr/lib/libc.so.6", "libc6")}


def test_a_shared_file_has_a_row_for_each_owner(host, rows_of):
    host.package("one", {"/usr/share/shared": ""})
    host.package("two", {"/usr/share/shared": ""})
    assert rows_of(driver_of(host), "package_files") == {
        ("/usr/share/shared", "one"),
        ("/usr/share/shared", "two"),
    }


def test_a_diverted_file_belongs_to_its_package_where_it_was_diverted_to(host, rows_of):
    host.package("dash", {"/bin/sh": ""})
    host.package("posix-sh", {"/bin/sh": ""})
    host.divert("/bin/sh", "/bin/sh.distrib", "dash")
    assert rows_of(driver_of(host), "package_files") == {
        ("/bin/sh", "dash"),
        ("/bin/sh.distrib", "posix-sh"),
    }


def test_a_diversion_by_the_administrator_holds_for_every_package(host, rows_of):
    host.package("tool", {"/usr/bin/tool": ""})
    host.divert("/usr/bin/tool", "/usr/bin/tool.real", ":")
    assert rows_of(driver_of(host), "package_files") == {("/usr/bin/tool.real", "tool")}


def test_a_name_that_is_not_utf_8_does_not_cost_the_table(host, rows_of):
    host.package("odd", {"/usr/share/odd": ""})
    host.path("/var/lib/dpkg/info/odd.list").write_bytes(b"/.\n/usr\n/usr/caf\xe9\n")
    assert rows_of(driver_of(host), "package_files") == {("/usr/caf\\xe9", "odd")}


def test_nothing_is_read_again_until_dpkg_changes_its_status(host):
    host.package("mount", {"/bin/mount": ""})
    driver = driver_of(host)
    assert isinstance(driver.read("database")["packages"], Table)
    assert driver.read("database") == {"packages": UNCHANGED, "package_files": UNCHANGED}
    host.package("su", {"/bin/su": ""})
    changed = driver.read("database")
    assert ("/bin/su", "su") in changed["package_files"].rows


def test_a_new_diversion_is_a_change(host):
    host.package("tool", {"/usr/bin/tool": ""})
    driver = driver_of(host)
    driver.read("database")
    host.divert("/usr/bin/tool", "/usr/bin/tool.real", ":")
    assert list(driver.read("database")["package_files"].rows) == [("/usr/bin/tool.real", "tool")]


def test_without_dpkg_every_table_is_unavailable_with_the_reason(host):
    driver = driver_of(host)
    for poll in ("database", "updates"):
        for found in driver.read(poll).values():
            assert isinstance(found, SourceUnavailable)
            assert found.message == "no dpkg database on this machine"


def test_tables_come_back_when_dpkg_does(host):
    host.package("mount", {"/bin/mount": ""})
    driver = driver_of(host)
    driver.read("database")
    status = host.path("/var/lib/dpkg/status")
    text = status.read_text()
    status.unlink()
    assert isinstance(driver.read("database")["packages"], SourceUnavailable)
    status.write_text(text)
    assert isinstance(driver.read("database")["packages"], Table)


SIMULATION = """\
NOTE: This is only a simulation!
Reading package lists...
The following packages will be upgraded:
  bash libgcrypt20
Inst linux-image-6.1.0-40 (6.1.153-1 Debian:12.12/stable [amd64])
Inst bash [5.2.15-2+b8] (5.2.15-2+b13 Debian:12.15/stable [amd64])
Conf bash (5.2.15-2+b13 Debian:12.15/stable [amd64])
Remv obsolete [1.0]
Inst libgcrypt20 [1.10.1-3] (1.10.1-3+deb12u1 Debian:12.15/stable, Security:12/stable [amd64]) []
Inst libgcrypt20:i386 [1.10.1-3] (1.10.1-3+deb12u1 Debian:12.15/stable [i386])
"""


def with_apt(host, output=SIMULATION, updated=NOW, status=0):
    host.package("bash")
    host.apt_updated(updated)
    host.write("/answer", output)
    host.write("/calls", "")
    root = host.root
    return host.script(
        "/apt-get", f'echo "$LC_ALL $@" >> {root}/calls; cat {root}/answer; exit {status}'
    )


def calls(host):
    return host.path("/calls").read_text().splitlines()


def test_pending_updates_are_what_apt_would_upgrade(host, rows_of):
    driver = driver_of(host, apt_get=with_apt(host))
    assert rows_of(driver, "pending_updates") == {
        ("bash", "5.2.15-2+b8", "5.2.15-2+b13"),
        ("libgcrypt20", "1.10.1-3", "1.10.1-3+deb12u1"),
    }


def test_apt_is_asked_to_lock_and_write_nothing_in_its_own_language(host, rows_of):
    rows_of(driver_of(host, apt_get=with_apt(host)), "pending_updates")
    (call,) = calls(host)
    assert call.startswith("C ")
    assert "--simulate" in call
    assert "Debug::NoLocking=true" in call
    assert call.endswith("Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= dist-upgrade")


def unavailable(driver):
    found = driver.read("updates")["pending_updates"]
    assert isinstance(found, SourceUnavailable)
    return found.message


def test_missing_lists_are_unavailable_not_empty(host):
    apt = with_apt(host)
    host.path("/var/lib/apt/lists/deb.example_InRelease").unlink()
    assert unavailable(driver_of(host, apt_get=apt)) == "run apt-get update"
    assert calls(host) == []


@pytest.mark.parametrize(("age", "usable"), [(timedelta(days=6, hours=23), True),
                                             (timedelta(days=7, seconds=1), False)])  # fmt: skip
def test_lists_of_more_than_seven_days_are_unavailable(host, age, usable):
    driver = driver_of(host, apt_get=with_apt(host, updated=NOW - age))
    found = driver.read("updates")["pending_updates"]
    assert isinstance(found, Table) is usable
    if not usable:
        assert unavailable(driver) == "run apt-get update"


def test_lists_that_grow_too_old_become_unavailable(host):
    now = [NOW]
    apt = with_apt(host)
    driver = HostPackages({**host.config, "apt_get": apt}, wall_clock=lambda: now[0])
    assert isinstance(driver.read("updates")["pending_updates"], Table)
    now[0] += timedelta(days=8)
    assert unavailable(driver) == "run apt-get update"
    now[0] -= timedelta(days=8)
    assert isinstance(driver.read("updates")["pending_updates"], Table)


def test_old_dates_of_the_server_do_not_make_fresh_lists_old(host):
    apt = with_apt(host)
    lists = host.path("/var/lib/apt/lists")
    os.utime(lists, (0, 0))
    assert isinstance(driver_of(host, apt_get=apt).read("updates")["pending_updates"], Table)


def test_expired_lists_are_noted(host):
    apt = with_apt(host)
    release = "Suite: stable\nValid-Until: Thu, 30 May 2030 00:00:00 UTC\n"
    host.write("/var/lib/apt/lists/deb.example_InRelease", release)
    found = driver_of(host, apt_get=apt).read("updates")["pending_updates"]
    assert found.note == "1 of apt's lists have expired: apt-get update may be failing"


def test_apt_is_asked_again_after_a_change_or_a_day(host):
    now = [NOW]
    apt = with_apt(host)
    driver = HostPackages({**host.config, "apt_get": apt}, wall_clock=lambda: now[0])
    driver.read("updates")
    now[0] += timedelta(hours=23)
    assert driver.read("updates") == {"pending_updates": UNCHANGED}
    host.package("another")
    assert isinstance(driver.read("updates")["pending_updates"], Table)
    host.apt_updated(now[0])
    assert isinstance(driver.read("updates")["pending_updates"], Table)
    now[0] += timedelta(hours=25)
    assert isinstance(driver.read("updates")["pending_updates"], Table)
    assert len(calls(host)) == 4


def test_an_apt_that_fails_is_unavailable_with_its_error(host):
    apt = with_apt(host, status=100)
    host.script("/apt-get", "echo 'E: The list of sources could not be read.' >&2; exit 100")
    reason = "apt-get failed: E: The list of sources could not be read."
    assert unavailable(driver_of(host, apt_get=apt)) == reason


def test_a_machine_without_apt_is_unavailable(host):
    with_apt(host)
    missing = str(host.path("/nowhere/apt-get"))
    assert unavailable(driver_of(host, apt_get=missing)) == f"{missing} is not installed"
