"""The processes driver on the processes of this machine, started and changed by the test."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from congress_dist.datasources.driver import Table
from congress_dist.datasources.drivers.host_processes import HostProcesses

pytestmark = pytest.mark.integration

NOBODY = 65534
LISTENS = """
    import socket
    listener = socket.create_server(("0.0.0.0", 0))
    datagrams = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    datagrams.bind(("::1", 0))
    client = socket.create_connection(listener.getsockname())
    print(listener.getsockname()[1], datagrams.getsockname()[1], client.getsockname()[1])
"""
LOADS = """
    import ctypes, sys
    ctypes.CDLL(sys.argv[1])
    print("loaded")
"""
SHARES_MEMORY = """
    import mmap, os
    flags = dict(flags=mmap.MAP_SHARED, prot=mmap.PROT_READ | mmap.PROT_EXEC)
    kept = []
    memory = os.memfd_create("not a file")
    os.ftruncate(memory, 4096)
    kept.append(mmap.mmap(memory, 4096, **flags))
    kept.append(mmap.mmap(-1, 4096, **flags))
    print("mapped")
"""


@contextmanager
def running(code: str, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run Python code in a process that lives until the end, and give the line that it prints."""
    waits = textwrap.dedent(code) + "import sys\nsys.stdout.flush()\nsys.stdin.read()\n"
    process = subprocess.Popen(
        [sys.executable, "-c", waits, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def read(table: str, driver: HostProcesses | None = None) -> set[tuple[Any, ...]]:
    result = (driver or HostProcesses({})).read("maps" if table == "maps" else "processes")[table]
    assert isinstance(result, Table)
    return set(result.rows)


def test_a_process_that_listens_appears_and_vanishes() -> None:
    driver = HostProcesses({})
    with running(LISTENS) as (process, printed):
        tcp, udp, client = map(int, printed.split())
        mine = {row for row in read("sockets", driver) if row[3] == process.pid}
        uid = os.getuid()
        assert mine == {
            ("tcp", "0.0.0.0", tcp, process.pid, uid),
            ("udp", "::1", udp, process.pid, uid),
        }
        assert client not in {row[2] for row in mine}
        (told,) = (row for row in read("processes", driver) if row[0] == process.pid)
        assert told[1] == os.getpid()
        assert Path(told[3]) == Path(f"/proc/{process.pid}/exe").readlink()
        assert told[4] == os.geteuid()
        assert abs(told[6] - psutil.Process(process.pid).create_time()) <= 2
    assert not {row for row in read("sockets", driver) if row[2] in {tcp, udp}}
    assert process.pid not in {row[0] for row in read("processes", driver)}


def test_a_socket_that_a_child_inherits_is_held_by_both() -> None:
    code = LISTENS + "    import os\n    if not os.fork(): os.read(0, 1)\n"
    with running(code) as (process, printed):
        port = int(printed.split()[0])
        holders = {row[3] for row in read("sockets") if row[2] == port}
        assert process.pid in holders
        assert len(holders) == 2


def test_a_replaced_executable_shows_until_the_process_ends(tmp_path: Path) -> None:
    program = tmp_path / "sleep"
    shutil.copy2(shutil.which("sleep") or "/bin/sleep", program)
    process = subprocess.Popen([program, "1000"])
    try:
        assert (process.pid, str(program), False) in read("maps")
        shutil.copy2(program, tmp_path / "new")
        (tmp_path / "new").rename(program)
        mine = {row for row in read("maps") if row[0] == process.pid}
        assert (process.pid, str(program), True) in mine
        assert (process.pid, str(program), False) not in mine
        assert str(program) in {row[3] for row in read("processes")}
    finally:
        process.kill()
        process.wait()
    assert process.pid not in {row[0] for row in read("maps")}


def test_a_removed_library_is_replaced(tmp_path: Path) -> None:
    library = tmp_path / "libcopy.so"
    shutil.copy2(next(iter(sorted(loaded_libraries()))), library)
    with running(LOADS, str(library)) as (process, printed):
        assert printed == "loaded"
        assert (process.pid, str(library), False) in read("maps")
        library.unlink()
        assert (process.pid, str(library), True) in read("maps")


def loaded_libraries() -> set[str]:
    """Give a file that surely can be loaded: the mathematics library of this process."""
    maps = Path("/proc/self/maps").read_text().split()
    return {word for word in maps if word.startswith("/") and "/libm" in word and ".so" in word}


def test_executable_shared_memory_is_no_replaced_file() -> None:
    with running(SHARES_MEMORY) as (process, printed):
        assert printed == "mapped"
        raw = Path(f"/proc/{process.pid}/maps").read_text()
        assert "/memfd:not a file (deleted)" in raw
        assert "/dev/zero (deleted)" in raw
        mine = {row[1:] for row in read("maps") if row[0] == process.pid}
        assert mine
        assert not [path for path, replaced in mine if replaced or "memfd" in path]


def test_an_ordinary_user_is_told_what_is_not_readable() -> None:
    """The driver as nobody: rows with nulls, what lacks, and how to see it."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    with running(LISTENS) as (process, printed):
        port = int(printed.split()[0])
        given = read_as_nobody()
        pid = process.pid
        (told,) = (row for row in given["processes"]["rows"] if row[0] == pid)
        assert told[3] is None
        assert told[4] == 0
        assert ["tcp", "0.0.0.0", port, None, 0] in given["sockets"]["rows"]
        lacks = {what for who, what, _ in given["unreadable"]["rows"] if who == pid}
        assert lacks == {"executable", "sockets", "maps"}
        assert {reason for _, _, reason in given["unreadable"]["rows"]} == {"permission denied"}
    for table in ("processes", "sockets", "maps"):
        assert "processes not readable, run as root to see them" in given[table]["note"]
    mine = given["self"]
    assert mine in {row[0] for row in given["maps"]["rows"]}
    assert mine not in {row[0] for row in given["unreadable"]["rows"]}
    # Kernel threads cannot be read either, and nobody misses them.
    kernel = {row[0] for row in given["processes"]["rows"] if 2 in row[:2]}
    assert not kernel & {row[0] for row in given["unreadable"]["rows"]} - {1}


def read_as_nobody() -> dict[str, Any]:
    # Imports first: an ordinary user may not reach the interpreter that this test runs in.
    code = f"""
        import json, os, pwd
        from congress_dist.datasources.drivers.host_processes import HostProcesses
        os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
        driver = HostProcesses({{}})
        reads = {{**driver.read("maps"), **driver.read("processes")}}
        tables = {{t: {{"rows": list(r.rows), "note": r.note}} for t, r in reads.items()}}
        print(json.dumps({{**tables, "self": os.getpid()}}))
    """
    output = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    result: dict[str, Any] = json.loads(output.stdout)
    return result
