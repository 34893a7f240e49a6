"""The builtins that the kernel has itself answer as those of the language, to the letter."""

from __future__ import annotations

import ipaddress
import math
import random

import pytest

from congress_dist.policy.kernel import Kernel
from congress_dist.policy.language.builtins import BuiltinFailure, find_builtin
from congress_dist.row import MAX_INT, MIN_INT, Cell

Answer = tuple[list[tuple[Cell, ...]], str | None]

NAMES = [
    "lt",
    "lteq",
    "gt",
    "gteq",
    "equal",
    "max",
    "min",
    "plus",
    "concat",
    "minus",
    "mul",
    "div",
    "mod",
    "len",
    "starts_with",
    "ends_with",
    "contains",
    "ips_equal",
    "ips_lt",
    "ips_lteq",
    "ips_gt",
    "ips_gteq",
    "networks_equal",
    "networks_overlap",
    "cidr_contains",
    "ip_in_network",
    "ip_version",
]
ADDRESSES = sorted(name for name in NAMES if name.startswith(("ip", "networks", "cidr")))
RANDOM_CALLS = 400
STRIDE = 5
"""Of so many pairs of edge cases one is tried."""
INTEGERS = [
    *(
        sign * 2**power + more
        for power in (0, 1, 27, 31, 32, 52, 53, 54, 62, 63)
        for sign in (1, -1)
        for more in (-2, -1, 0, 1, 2)
    ),
    0,
    3,
    7,
    -7,
    10,
    2**31 - 2**27 - 1,
    2**31 - 2**27,
    3037000499,
    3037000500,
    -3037000500,
]
FLOATS = [
    0.0,
    -0.0,
    0.5,
    -0.5,
    1.0,
    -1.0,
    1.5,
    2.5,
    -2.5,
    3.0,
    -3.0,
    7.0,
    0.1,
    1e-320,
    -1e-320,
    5e-324,
    1e308,
    -1e308,
    1.7976931348623157e308,
    2.0**53,
    2.0**53 - 1,
    2.0**53 + 2,
    -(2.0**53),
    2.0**63,
    -(2.0**63),
    2.0**63 - 1024,
    2.0**64,
    1e-308,
    3e200,
    1e15 + 0.3,
]
TEXTS = [
    "",
    "a",
    "b",
    "ab",
    "ba",
    "aab",
    "aa",
    "a b",
    "é",
    "e\u0301",
    "ß",
    "€uro",
    "𝄞",
    "𝄞𝄞",
    "\uffff",
    "\U00010000",
    "日本",
    "本",
    "1",
    "1.0",
    "null",
    "true",
    "A",
    "Z",
    "~",
    "\x7f",
    "\x01",
    "a" * 300,
    "é" * 200,
]

CELLS: list[Cell] = [
    *(number for number in INTEGERS if MIN_INT <= number <= MAX_INT),
    *(number + 0.0 for number in FLOATS),
    *TEXTS,
    True,
    False,
    None,
]


def refuse(inputs: tuple[Cell, ...]) -> list[tuple[Cell, ...]]:
    raise AssertionError(f"Python was asked for {inputs}")


class Asker:
    """Asks the kernel for a builtin's answers."""

    def __init__(self, name: str) -> None:
        self.builtin = find_builtin(name)
        inputs, outputs = len(self.builtin.inputs), len(self.builtin.outputs)
        self._kernel = Kernel(lambda *_: ([], [], []))
        self._kernel.set_failure(BuiltinFailure)
        number = self._kernel.add_builtin(name, inputs, outputs, refuse)
        given = list(range(inputs))
        made = list(range(inputs, inputs + outputs))
        results = list(enumerate(made))
        self._plan = self._kernel.compile(
            (given, [("call", number, given, results, [], [], [])], made)
        )

    def answer(self, inputs: tuple[Cell, ...]) -> Answer:
        rows = self._kernel.query(self._plan, self._kernel.encode(inputs))
        failures = self._plan.failures()
        assert all(failure[3] == inputs for failure in failures)
        return rows, failures[0][1] if failures else None

    def expected(self, inputs: tuple[Cell, ...]) -> Answer:
        try:
            return self.builtin.rows(inputs), None
        except BuiltinFailure as error:
            return [], str(error)

    def compare(self, *inputs: Cell) -> None:
        assert typed(self.answer(inputs)) == typed(self.expected(inputs)), inputs


def typed(answer: Answer) -> object:
    rows, failure = answer
    return [[(type(cell), repr(cell)) for cell in row] for row in rows], failure


@pytest.mark.parametrize("name", NAMES)
def test_edge_cases_agree(name: str) -> None:
    asker = Asker(name)
    assert not asker.builtin.gives_many
    assert asker.builtin.reads is None
    for number, x in enumerate(CELLS):
        if len(asker.builtin.inputs) == 1:
            asker.compare(x)
            continue
        for y in (x, *CELLS[number % STRIDE :: STRIDE]):
            asker.compare(x, y)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ADDRESSES])
def test_random_inputs_agree(name: str) -> None:
    source, asker = random.Random(name), Asker(name)
    for _ in range(RANDOM_CALLS):
        asker.compare(*(random_cell(source) for _ in asker.builtin.inputs))


def random_cell(source: random.Random) -> Cell:
    kind = source.random()
    if kind < 0.3:
        number = source.choice((1, -1)) * source.getrandbits(source.randrange(1, 65))
        return max(MIN_INT, min(MAX_INT, number))
    if kind < 0.6:
        return random_float(source)
    if kind < 0.95:
        return "".join(source.choice("ab é€𝄞") for _ in range(source.randrange(5)))
    return source.choice((True, False, None))


def random_float(source: random.Random) -> float:
    power = source.choice((0, 1, 10, 53, 63, 64, 1023, -1000, -1070))
    number = math.ldexp(source.uniform(-1, 1), power)
    whole = abs(number) < 1e300 and source.random() < 0.3
    return (float(round(number)) if whole else number) + 0.0


def test_long_texts_are_refused_alike() -> None:
    asker, half = Asker("plus"), "é" * 2**19
    for other in (half, half + "a", half[1:], "a" * 2**19, "a" * (2**19 + 1)):
        asker.compare(half, other)


V4 = ("0.0.0.0", "10.0.0.1", "255.255.255.255", "192.168.1.7", "10.20.30.40", "9.9.9.9")
V6 = (
    "::",
    "::1",
    "1::",
    "fe80::1",
    "2001:db8::ff00:42:8329",
    "::ffff:10.0.0.1",
    "::10.0.0.1",
    "1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:1.2.3.4",
    "1::2:3:4:5:6:7",
    "::2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7::",
    "1:2:3:4:5:6::1.2.3.4",
    "1::1.2.3.4",
    "ABCD:EF01::",
    "0:0:0:0:0:0:0:0",
    "1::8",
)
ODD = (
    "",
    ".",
    ":",
    ":::",
    "::::",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8",
    "1::2::3",
    ":1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:",
    "01.2.3.4",
    "1.2.3",
    "1.2.3.4.5",
    "256.1.1.1",
    "1.2.3.+4",
    " 1.2.3.4",
    "1.2.3.4 ",
    "1..3.4",
    "1.2.3.",
    "0x1.2.3.4",
    "12345::",
    "g::",
    "::1.2.3",
    "::1.2.3.4.5",
    "1.2.3.4::",
    "::1.2.3.4:5",
    "1:2:3:4:5:6:7:1.2.3.4",
    "::1:2:3:4:5:6:1.2.3.4",
    "fe80::1%eth0",
    "10.0.0.1%",
    "٣.1.1.1",
    "１.1.1.1",
    "::٣",
    "1" * 101,
    "é" * 100,
    "é" * 101,
    ":" * 100,
    "1.2.3.4\x01",
    "::1:2:3:4:5:6:7:8",
    "1:::2",
    "::1::",
    "1.2.3.4:1:2",
    "1:2",
    "a:b:c",
    ".:.:.",
    "::.",
    "::1.",
    "1:2:3:4:5:6:7:8.",
)
MASKS = (
    "",
    "/0",
    "/1",
    "/8",
    "/24",
    "/31",
    "/32",
    "/33",
    "/64",
    "/127",
    "/128",
    "/129",
    "/",
    "//",
    "/8/8",
    "/-1",
    "/+8",
    "/08",
    "/0000000008",
    "/999999999999999999999",
    "/4294967304",
    "/18446744073709551624",
    "/255.255.255.0",
    "/0.0.0.255",
    "/255.0.255.0",
    "/0.0.0.0",
    "/255.255.255.255",
    "/0.0.0.1",
    "/128.0.0.0",
    "/127.255.255.255",
    "/255.255.255",
    "/ffff::",
    "/ 8",
    "/8 ",
    "/٣",
    "/0.255.0.255",
    "/1.2.3.4",
)

WRITTEN = [base + mask for base in (*V4, *V6, *ODD) for mask in MASKS]
OTHERS: tuple[Cell, ...] = (
    "10.0.0.1",
    "::1",
    "10.0.0.0/8",
    "::/0",
    167772161,
    -1,
    0.5,
    None,
    True,
)


@pytest.mark.parametrize("name", ADDRESSES)
def test_written_addresses_agree(name: str) -> None:
    asker, source = Asker(name), random.Random(name)
    for text in WRITTEN:
        if len(asker.builtin.inputs) == 1:
            asker.compare(text)
            continue
        other = source.choice(OTHERS)
        asker.compare(text, other)
        asker.compare(other, text)
        asker.compare(text, source.choice(WRITTEN))


@pytest.mark.parametrize("name", ADDRESSES)
def test_random_addresses_agree(name: str) -> None:
    source, asker = random.Random(name), Asker(name)
    for _ in range(RANDOM_CALLS):
        asker.compare(*(random_address(source) for _ in asker.builtin.inputs))


def random_address(source: random.Random) -> Cell:
    kind = source.random()
    if kind < 0.1:
        return max(MIN_INT, min(MAX_INT, source.getrandbits(source.randrange(1, 65)) - 5))
    if kind < 0.55:
        bits = source.getrandbits(32) & source.choice((0xFFFFFFFF, 0xFF0000FF))
        text = str(ipaddress.IPv4Address(bits))
        mask = source.choice(("", f"/{source.randrange(33)}", "/255.255.0.0", "/0.0.255.255"))
    else:
        some = (2**128 - 1, 2**64 - 1, (2**32 - 1) << 96, 0xFFFF00000000FFFF)
        address = ipaddress.IPv6Address(source.getrandbits(128) & source.choice(some))
        text = source.choice((str(address), address.exploded, str(address).upper()))
        mask = source.choice(("", f"/{source.randrange(129)}"))
    return (broken(source, text) if source.random() < 0.3 else text) + mask


def broken(source: random.Random, text: str) -> str:
    """Put something in, or in place of one character."""
    place = source.randrange(len(text) + 1)
    more = source.choice((":", "::", ".", "0", "f", "", "1.2.3.4", "%", "/"))
    return text[:place] + more + text[place + source.randrange(2) :]
