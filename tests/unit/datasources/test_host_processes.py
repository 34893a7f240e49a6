"""The processes driver on a /proc made for the test: everything the kernel may say."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from congress_dist.datasources.driver import SourceUnavailable, Table
from congress_dist.datasources.drivers.host_processes import HostProcesses

KERNEL_THREAD = 0x00200000
ALL = "0.0.0.0"
BOOT = 1_700_000_000
TICKS = os.sysconf("SC_CLK_TCK")
TCP_HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n"


def tcp_line(address: str, state: str, *, uid: int, inode: int) -> str:
    return (
        f"   0: {address} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000"
        f"  {uid:4}        0 {inode} 1 000000003549036f 100 0 0 10 0\n"
    )


def map_line(path: str, *, perms: str = "r-xp", dev: str = "fe:00") -> str:
    return f"7ffa36617000-7ffa3676d000 {perms} 00026000 {dev} 77    {path}\n"


@dataclass
class FakeProc:
    """Builds a process file system, file by file."""

    root: Path

    def __post_init__(self) -> None:
        self.write("stat", f"cpu 1 2 3\nbtime {BOOT}\nprocesses 9\n")
        for protocol in ("tcp", "udp"):
            self.write(f"net/{protocol}", TCP_HEADER)
        self.add(1, name="init", exe="/sbin/init")

    def write(self, name: str, text: str | bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def add(
        self,
        pid: int,
        *,
        name: str | bytes = "prog",
        exe: str | bytes | None = "/usr/bin/prog",
        parent: int = 1,
        uid: int = 0,
        state: str = "S",
        flags: int = 0,
        start_seconds: int = 100,
        sockets: Iterable[int] = (),
        maps: str = "",
    ) -> None:
        raw = name if isinstance(name, bytes) else name.encode()
        tail = f") {state} {parent} 1 1 0 -1 {flags} {'0 ' * 12}{start_seconds * TICKS} 0 0\n"
        self.write(f"{pid}/stat", f"{pid} (".encode() + raw + tail.encode())
        self.write(f"{pid}/status", f"Name:\tx\nUid:\t{uid + 1}\t{uid}\t{uid}\t{uid}\nGid:\t0\n")
        self.write(f"{pid}/maps", maps)
        if exe is not None:
            (self.root / f"{pid}/exe").symlink_to(os.fsdecode(exe))
        (self.root / f"{pid}/fd").mkdir()
        for number, inode in enumerate(sockets, 3):
            (self.root / f"{pid}/fd/{number}").symlink_to(f"socket:[{inode}]")
        (self.root / f"{pid}/fd/0").symlink_to("/dev/null")


class Driven:
    """A driver over a fake /proc; what it gives, as sets of rows and notes."""

    def __init__(self, proc: FakeProc, *, is_root: bool = False) -> None:
        self.driver = HostProcesses(
            {"proc": proc.root},
            user_name={0: "root", 33: "www"}.get,
            is_root=is_root,
        )
        self.notes: dict[str, str] = {}

    def read(self, table: str) -> set[tuple[Any, ...]]:
        reads = self.driver.read("maps" if table == "maps" else "processes")
        read = reads[table]
        assert isinstance(read, Table), read
        self.notes = {t: r.note for t, r in reads.items() if isinstance(r, Table)}
        return set(read.rows)


@pytest.fixture
def proc(tmp_path: Path) -> FakeProc:
    return FakeProc(tmp_path / "proc")


@pytest.fixture
def driven(proc: FakeProc) -> Driven:
    return Driven(proc)


def deny(proc: FakeProc, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let the kernel refuse these files, as it does to other users; root cannot be refused here
    otherwise."""
    refused = {str(proc.root / name) for name in names}

    def guard(original: Any) -> Any:
        def guarded(path: Any, *args: Any, **kwargs: Any) -> Any:
            if isinstance(path, str | bytes) and os.fsdecode(path) in refused:
                raise PermissionError(13, "Permission denied", path)
            return original(path, *args, **kwargs)

        return guarded

    monkeypatch.setattr("builtins.open", guard(open))
    monkeypatch.setattr(os, "open", guard(os.open))
    monkeypatch.setattr(os, "readlink", guard(os.readlink))


# --- processes ---


def test_a_process_is_told_with_its_effective_user_and_start(
    proc: FakeProc, driven: Driven
) -> None:
    proc.add(7, name="nginx", exe="/usr/sbin/nginx", uid=33, start_seconds=50)
    assert driven.read("processes") == {
        (1, 1, "init", "/sbin/init", 0, "root", BOOT + 100),
        (7, 1, "nginx", "/usr/sbin/nginx", 33, "www", BOOT + 50),
    }


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("a (b) c) S 1", "a (b) c) S 1"),
        (") R 0 0", ") R 0 0"),
        (b"caf\xe9", "caf\\xe9"),
        ("naïve\n2", "naïve\n2"),
    ],
)
def test_any_name_is_read_as_it_is(
    proc: FakeProc, driven: Driven, raw: str | bytes, name: str
) -> None:
    proc.add(7, name=raw)
    assert name in {row[2] for row in driven.read("processes")}


def test_kernel_threads_have_no_executable_and_are_not_unreadable(
    proc: FakeProc, driven: Driven
) -> None:
    proc.add(2, name="kthreadd", exe=None, parent=0, flags=KERNEL_THREAD)
    assert (2, None, "kthreadd", None, 0, "root", BOOT + 100) in driven.read("processes")
    assert driven.read("unreadable") == set()
    assert driven.notes["processes"] == ""


def test_what_a_kernel_worker_does_just_now_is_not_its_name(
    proc: FakeProc, driven: Driven
) -> None:
    for pid, name in enumerate(
        ("kworker/0:1-events", "kworker/u8:2+flush-8:0", "kworker/R-rcu"), 8
    ):
        proc.add(pid, name=name, exe=None, flags=KERNEL_THREAD)
    names = {row[2] for row in driven.read("processes")}
    assert names == {"init", "kworker/0:1", "kworker/u8:2", "kworker/R-rcu"}


def test_zombies_are_there_without_executable(proc: FakeProc, driven: Driven) -> None:
    proc.add(7, name="gone", exe=None, state="Z")
    assert (7, 1, "gone", None, 0, "root", BOOT + 100) in driven.read("processes")
    assert driven.read("unreadable") == set()


def test_a_process_that_ends_while_it_is_read_leaves_no_row(
    proc: FakeProc, driven: Driven
) -> None:
    (proc.root / "8").mkdir()
    proc.write("9/stat", "")
    assert {row[0] for row in driven.read("processes")} == {1}
    assert driven.read("unreadable") == set()


def test_an_unknown_user_has_no_name(proc: FakeProc, driven: Driven) -> None:
    proc.add(7, uid=4711)
    assert {row[4:6] for row in driven.read("processes")} == {(0, "root"), (4711, None)}


def test_a_removed_executable_keeps_its_path(proc: FakeProc, driven: Driven) -> None:
    proc.add(7, exe="/usr/bin/prog (deleted)")
    assert "/usr/bin/prog" in {row[3] for row in driven.read("processes")}


def test_an_executable_in_another_encoding_is_shown(proc: FakeProc, driven: Driven) -> None:
    proc.add(7, exe=b"/opt/caf\xe9")
    assert "/opt/caf\\xe9" in {row[3] for row in driven.read("processes")}


def test_a_clock_that_is_adjusted_does_not_move_every_start(
    proc: FakeProc, driven: Driven
) -> None:
    before = driven.read("processes")
    proc.write("stat", f"btime {BOOT + 1}\n")
    assert driven.read("processes") == before
    proc.write("stat", f"btime {BOOT + 3600}\n")
    assert {row[6] for row in driven.read("processes")} == {BOOT + 3700}


# --- what other users may not see ---


def test_what_is_not_readable_is_null_listed_and_counted(
    proc: FakeProc, driven: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    proc.add(2, exe=None, flags=KERNEL_THREAD)
    proc.add(7, sockets=[500])
    proc.write("net/tcp", tcp_line("00000000:0050", "0A", uid=0, inode=500))
    deny(proc, monkeypatch, "7/exe", "7/fd", "7/maps")
    assert driven.read("maps") == set()
    assert driven.notes["maps"] == "1 of 2 processes not readable, run as root to see them"
    assert (7, 1, "prog", None, 0, "root", BOOT + 100) in driven.read("processes")
    assert driven.read("sockets") == {("tcp", ALL, 80, None, 0)}
    assert driven.read("unreadable") == {
        (7, "executable", "permission denied"),
        (7, "sockets", "permission denied"),
        (7, "maps", "permission denied"),
    }
    note = "1 of 2 processes not readable, run as root to see them"
    assert driven.notes == {"processes": note, "sockets": note, "unreadable": ""}


def test_a_process_of_which_not_even_the_name_is_shown_is_listed_only(
    proc: FakeProc, driven: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    proc.add(7)
    deny(proc, monkeypatch, "7/stat")
    assert {row[0] for row in driven.read("processes")} == {1}
    assert driven.read("unreadable") == {(7, "process", "permission denied")}
    assert driven.notes["processes"].startswith("1 of 2 processes not readable")


def test_hidden_processes_of_other_users_are_told_of(proc: FakeProc, driven: Driven) -> None:
    proc.add(7)
    for file in ("stat", "status", "maps", "exe", "fd/0"):
        (proc.root / "1" / file).unlink()
    (proc.root / "1/fd").rmdir()
    (proc.root / "1").rmdir()
    driven.read("processes")
    told = "/proc hides the processes of other users, run as root to see them"
    assert driven.notes["sockets"] == told


def test_root_without_the_right_to_look_gets_another_hint(
    proc: FakeProc, monkeypatch: pytest.MonkeyPatch
) -> None:
    driven = Driven(proc, is_root=True)
    deny(proc, monkeypatch, "1/exe")
    driven.read("processes")
    hint = "1 of 1 processes not readable, give it CAP_SYS_PTRACE to see them"
    assert driven.notes["processes"] == hint


# --- sockets ---


def test_listening_and_bound_sockets_are_told_and_others_are_not(
    proc: FakeProc, driven: Driven
) -> None:
    proc.add(7, sockets=[500, 501, 502, 503, 504])
    proc.write(
        "net/tcp",
        TCP_HEADER
        + tcp_line("0100007F:1F90", "0A", uid=33, inode=500)
        + tcp_line("0100007F:1F91", "01", uid=33, inode=501)
        + tcp_line("0100007F:1F92", "06", uid=0, inode=0),
    )
    proc.write(
        "net/udp",
        tcp_line("00000000:0044", "07", uid=0, inode=502)
        + tcp_line("0100007F:9999", "01", uid=0, inode=503),
    )
    proc.write(
        "net/tcp6",
        tcp_line("0" * 32 + ":0050", "0A", uid=0, inode=504)
        + tcp_line("B80D0120000000000000000001000000:0016", "0A", uid=0, inode=505),
    )
    assert driven.read("sockets") == {
        ("tcp", "127.0.0.1", 8080, 7, 33),
        ("udp", ALL, 68, 7, 0),
        ("tcp", "::", 80, 7, 0),
        ("tcp", "2001:db8::1", 22, None, 0),
    }


def test_a_socket_that_two_processes_hold_is_two_rows(proc: FakeProc, driven: Driven) -> None:
    proc.add(7, sockets=[500])
    proc.add(8, sockets=[500], parent=7)
    proc.write("net/tcp", tcp_line("00000000:0050", "0A", uid=0, inode=500))
    assert {row[3] for row in driven.read("sockets")} == {7, 8}


def test_a_socket_closed_while_we_look_is_not_one_without_owner(
    proc: FakeProc, driven: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = tcp_line("00000000:0050", "0A", uid=0, inode=500)
    proc.write("net/tcp", line)
    listdir = os.listdir

    def closes(path: Any) -> list[str]:
        proc.write("net/tcp", TCP_HEADER)
        return listdir(path)

    monkeypatch.setattr(os, "listdir", closes)
    assert driven.read("sockets") == set()


def test_a_socket_whose_owner_starts_while_we_look_gets_its_owner(
    proc: FakeProc, driven: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    proc.write("net/tcp", tcp_line("00000000:0050", "0A", uid=0, inode=500))
    listdir, seen = os.listdir, []

    def starts(path: Any) -> list[str]:
        names = listdir(path)
        if path == str(proc.root) and not seen:
            seen.append(path)
            proc.add(7, sockets=[500])
        return names

    monkeypatch.setattr(os, "listdir", starts)
    assert driven.read("sockets") == {("tcp", ALL, 80, 7, 0)}


def test_a_kernel_without_ipv6_has_no_such_sockets(proc: FakeProc, driven: Driven) -> None:
    assert not (proc.root / "net/tcp6").exists()
    assert driven.read("sockets") == set()


def test_unreadable_socket_files_concern_their_table_only(proc: FakeProc, driven: Driven) -> None:
    (proc.root / "net/tcp").unlink()
    reads = driven.driver.read("processes")
    sockets = reads["sockets"]
    assert isinstance(sockets, SourceUnavailable)
    assert "net/tcp cannot be read: No such file or directory" in sockets.message
    assert isinstance(reads["processes"], Table)


# --- maps ---


def test_executable_mappings_of_files_are_told_once(proc: FakeProc, driven: Driven) -> None:
    libc = "/usr/lib/libc.so.6"
    lines = map_line(libc) + map_line(libc, perms="r--p") + map_line(libc)
    proc.add(7, maps=lines + map_line("/usr/share/locale", perms="r--p"))
    assert driven.read("maps") == {(7, libc, False)}


@pytest.mark.parametrize(
    "path",
    [
        "/memfd:doublemapper (deleted)",
        "/memfd:still here",
        "/SYSV00000000 (deleted)",
        "/dev/zero (deleted)",
        "/dev/zero",
        "/dev/shm/segment (deleted)",
        "/dev/nvidia0",
        "/anon_hugepage (deleted)",
        "/[aio] (deleted)",
        "[vdso]",
        "[heap]",
        "",
    ],
)
def test_memory_that_is_not_a_file_is_not_told(proc: FakeProc, driven: Driven, path: str) -> None:
    proc.add(7, maps=map_line(path))
    assert driven.read("maps") == set()


@pytest.mark.parametrize("dev", ["fe:00", "00:2b"])
def test_a_deleted_library_is_replaced_whatever_its_device(
    proc: FakeProc, driven: Driven, dev: str
) -> None:
    proc.add(7, maps=map_line("/usr/lib/libssl.so.3 (deleted)", dev=dev))
    assert driven.read("maps") == {(7, "/usr/lib/libssl.so.3", True)}


def test_a_library_in_shared_memory_that_is_still_there_is_a_file(
    proc: FakeProc, driven: Driven
) -> None:
    proc.add(7, maps=map_line("/dev/shm/evil.so"))
    assert driven.read("maps") == {(7, "/dev/shm/evil.so", False)}


def test_a_file_that_is_named_deleted_and_exists_is_not_replaced(
    proc: FakeProc, driven: Driven, tmp_path: Path
) -> None:
    file = tmp_path / "odd (deleted)"
    file.touch()
    proc.add(7, maps=map_line(str(file)))
    assert driven.read("maps") == {(7, str(file), False)}


def test_a_removed_executable_is_replaced_even_when_it_is_not_mapped(
    proc: FakeProc, driven: Driven
) -> None:
    proc.add(7, exe="/usr/bin/prog (deleted)", maps=map_line("/usr/lib/libc.so.6"))
    assert driven.read("maps") == {
        (7, "/usr/lib/libc.so.6", False),
        (7, "/usr/bin/prog", True),
    }


def test_a_program_run_from_memory_is_no_replaced_file(proc: FakeProc, driven: Driven) -> None:
    proc.add(7, exe="/memfd:runc (deleted)")
    assert driven.read("maps") == set()
    assert "/memfd:runc" in {row[3] for row in driven.read("processes")}


def test_a_path_with_spaces_and_newlines_is_read_as_it_is(proc: FakeProc, driven: Driven) -> None:
    proc.add(7, maps=map_line("/opt/my\\012app/lib one.so"))
    assert driven.read("maps") == {(7, "/opt/my\napp/lib one.so", False)}


def test_without_proc_there_is_no_source(tmp_path: Path) -> None:
    driver = HostProcesses({"proc": tmp_path / "none"})
    for poll in driver.polls:
        with pytest.raises(SourceUnavailable, match=r"none.* cannot be read: No such file"):
            driver.read(poll.name)


# --- what is remembered between reads ---


def replace_sockets(proc: FakeProc, pid: int, *inodes: int) -> None:
    folder = proc.root / f"{pid}/fd"
    for number in range(3, 9):
        (folder / str(number)).unlink(missing_ok=True)
    for number, inode in enumerate(inodes, 3):
        (folder / str(number)).symlink_to(f"socket:[{inode}]")


def test_a_port_that_is_opened_is_seen_with_its_owner_at_once(
    proc: FakeProc, driven: Driven
) -> None:
    proc.add(7)
    assert driven.read("sockets") == set()
    replace_sockets(proc, 7, 500)
    proc.write("net/tcp", tcp_line("00000000:0050", "0A", uid=0, inode=500))
    assert driven.read("sockets") == {("tcp", ALL, 80, 7, 0)}


def test_a_port_that_a_known_process_opens_and_a_new_one_inherits_has_both_at_once(
    proc: FakeProc, driven: Driven
) -> None:
    proc.add(7)
    driven.read("sockets")
    replace_sockets(proc, 7, 500)
    proc.add(8, parent=7, sockets=[500])
    proc.write("net/tcp", tcp_line("00000000:0050", "0A", uid=0, inode=500))
    assert {row[3] for row in driven.read("sockets")} == {7, 8}


def test_a_port_handed_to_another_process_moves_within_five_reads(
    proc: FakeProc, driven: Driven
) -> None:
    proc.add(7, sockets=[500])
    proc.add(8)
    proc.write("net/tcp", tcp_line("00000000:0050", "0A", uid=0, inode=500))
    assert driven.read("sockets") == {("tcp", ALL, 80, 7, 0)}
    replace_sockets(proc, 7)
    replace_sockets(proc, 8, 500)
    owners = [next(iter(driven.read("sockets")))[3] for _ in range(5)]
    assert owners[-1] == 8


def test_maps_of_new_programs_are_read_at_once_and_of_others_every_third_time(
    proc: FakeProc, driven: Driven
) -> None:
    def libraries() -> set[tuple[Any, ...]]:
        return {row[:2] for row in driven.read("maps")}

    proc.add(7, maps=map_line("/lib/a"))
    assert libraries() == {(7, "/lib/a")}
    proc.write("7/maps", map_line("/lib/b"))
    proc.add(8, maps=map_line("/lib/c"))
    assert libraries() == {(7, "/lib/a"), (8, "/lib/c")}
    proc.write("8/stat", (proc.root / "8/stat").read_bytes().replace(b"(prog)", b"(other)"))
    proc.write("8/maps", map_line("/lib/d"))
    assert libraries() == {(7, "/lib/a"), (8, "/lib/d")}
    assert libraries() == {(7, "/lib/b"), (8, "/lib/d")}


def test_what_could_not_be_read_is_remembered_too(
    proc: FakeProc, driven: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    proc.add(7)
    deny(proc, monkeypatch, "7/fd", "7/maps")
    for _ in range(4):
        driven.read("maps")
        lacks = driven.read("unreadable")
        assert lacks == {(7, "sockets", "permission denied"), (7, "maps", "permission denied")}
