"""The offline verbs as processes: quick help, terminals, pipes and Ctrl-C."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

VERBS = ("check", "fmt", "eval", "test", "explain", "plan", "repl")
CONGRESS = [sys.executable, "-m", "congress_dist.cli"]
HELP_SECONDS = 0.3
TIMEOUT = 20.0
POLICY = "open_port(server, port) :- nova:ports(server=server, port=port), not allowed(port)\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Give a directory with a policy and recorded tables."""
    (tmp_path / "net.dl").write_text(POLICY + "allowed(22)\n")
    (tmp_path / "data" / "nova").mkdir(parents=True)
    (tmp_path / "data" / "nova" / "ports.csv").write_text("server,port\ns1,80\ns2,22\n")
    return tmp_path


def congress(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*CONGRESS, *arguments]
    return subprocess.run(
        command, cwd=directory, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self._parent, child = pty.openpty()
        environment = {**os.environ, "TERM": "xterm", "XDG_STATE_HOME": str(directory / "state")}
        environment.pop("NO_COLOR", None)
        self.process = subprocess.Popen(
            [*CONGRESS, *arguments],
            cwd=directory,
            stdin=child,
            stdout=child,
            stderr=child,
            env=environment,
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(child)
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self._parent, text.encode())

    def wait_for(self, text: str) -> None:
        """Read until a text comes, and forget what was before it."""
        deadline = time.monotonic() + TIMEOUT
        while text not in self.seen:
            left = deadline - time.monotonic()
            assert left > 0, f"{text!r} did not come; there is {self.seen!r}"
            if select.select([self._parent], [], [], left)[0]:
                try:
                    self.seen += os.read(self._parent, 65536).decode()
                except OSError:
                    break
        assert text in self.seen, f"{text!r} did not come; there is {self.seen!r}"
        self.seen = self.seen.partition(text)[2]

    def is_quiet(self, seconds: float) -> bool:
        """Tell whether nothing comes for some time."""
        return not select.select([self._parent], [], [], seconds)[0]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._parent)


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def repl(directory: Path) -> Iterator[Terminal]:
    terminal = Terminal(directory, "repl", "net.dl", "--data", "data")
    yield terminal
    terminal.close()


@pytest.mark.parametrize("verb", VERBS)
def test_help_teaches_by_an_example_and_is_quick(directory: Path, verb: str) -> None:
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        done = congress(directory, verb, "--help")
        seconds.append(time.perf_counter() - start)
        assert done.returncode == 0
        assert f"congress {verb} " in done.stdout.partition("example")[2]
    assert min(seconds) < HELP_SECONDS


@pytest.mark.parametrize("verb", VERBS)
def test_wrong_usage_has_its_exit_code(directory: Path, verb: str) -> None:
    done = congress(directory, verb, "--no-such-option")
    assert done.returncode == 2
    assert "--help" in done.stderr


def test_output_is_plain_in_a_pipe_and_coloured_on_a_terminal(directory: Path) -> None:
    (directory / "bad.dl").write_text("p(x) :- q(y)\n")
    done = congress(directory, "check", "bad.dl")
    assert done.returncode == 2
    assert "\x1b" not in done.stdout
    terminal = Terminal(directory, "check", "bad.dl")
    terminal.wait_for("\x1b[1;31merror[unsafe-variable]\x1b[0m")
    assert terminal.process.wait(TIMEOUT) == 2
    terminal.close()


def test_a_reader_that_leaves_ends_a_verb_quietly(directory: Path) -> None:
    (directory / "many.dl").write_text("".join(f"p({n}, {n}.5)\n" for n in range(10_000)))
    with subprocess.Popen(
        [*CONGRESS, "eval", "many.dl", "p(x, y)"],
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(8) != b""
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


def test_ctrl_c_ends_long_work_without_a_story(directory: Path) -> None:
    rules = "d(x) :- x in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]\n"
    rules += "p(a, b, c, e, f) :- d(a), d(b), d(c), d(e), d(f)\n"
    (directory / "long.dl").write_text(rules)
    terminal = Terminal(directory, "repl", "long.dl")
    terminal.wait_for("long> ")
    # Seven million bindings for each alternative: half a second.
    sums = " or ".join(f"a+{n}<x" for n in range(15))
    terminal.type(f"ans(a) :- p(a,b,c,e,f), p(f,e,c,b,x), ({sums})\n")
    terminal.wait_for("14<x)\r\n")
    # Until the line is read whole, Ctrl-C would drop it.
    assert terminal.is_quiet(seconds=1.0)
    terminal.type("\x03")
    terminal.wait_for("interrupted")
    terminal.wait_for("long> ")
    terminal.type("\x04")
    assert terminal.process.wait(TIMEOUT) == 0
    assert "Traceback" not in terminal.seen
    terminal.close()


def test_a_signal_ends_a_verb_without_a_story(directory: Path) -> None:
    terminal = Terminal(directory, "repl", "net.dl")
    terminal.wait_for("net> ")
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.process.wait(TIMEOUT) == -signal.SIGTERM
    terminal.close()


def test_names_complete_and_the_history_is_kept(directory: Path, repl: Terminal) -> None:
    repl.wait_for("net> ")
    repl.type("open_p\t")
    repl.wait_for("open_port")
    repl.type("(s, p)\n")
    repl.wait_for("s1  80")
    repl.wait_for("net> ")
    repl.type("nova:\t")
    repl.wait_for("nova:ports")
    # A signal while names are looked up would be lost: readline drops what its callbacks raise.
    assert repl.is_quiet(seconds=0.5)
    repl.type("\x03")
    repl.wait_for("net> ")
    repl.type("allowed(\n")
    repl.wait_for("... ")
    repl.type("x)\n")
    repl.wait_for("(1 row)")
    repl.wait_for("net> ")  # before it the terminal, not the line editor, would take Ctrl-D
    repl.type("\x04")
    assert repl.process.wait(TIMEOUT) == 0
    history = directory / "state" / "congress_dist" / "repl_history"
    assert "open_port(s, p)" in history.read_text()
    assert history.stat().st_mode & 0o077 == 0


def test_verbs_work_together_on_files(directory: Path) -> None:
    (directory / "t.test.yaml").write_text(
        "policies: net.dl\ndata: data\nexpect: {open_port: [[s1, 80]]}\n"
    )
    assert congress(directory, "fmt", "--check", "net.dl").returncode == 0
    assert congress(directory, "check", "net.dl", "--data", "data", "--strict").returncode == 0
    assert congress(directory, "test", ".").returncode == 0
    done = congress(
        directory, "eval", "net.dl", "--data", "data", "open_port(s, p)", "--format", "json"
    )
    assert json.loads(done.stdout) == [{"s": "s1", "p": 80}]
    done = congress(directory, "explain", "net.dl", "open_port", "s1", "80", "--data", "data")
    assert "nova:ports(server=s1, port=80)" in done.stdout
    done = congress(directory, "plan", "net.dl", "--data", "data")
    assert "read all of nova:ports" in done.stdout
