"""IP addresses and networks, of both versions; IPv4 comes before IPv6.

An address is a text, or a number as Congress takes it; a network is "10.0.0.0/8", of which the
host's part does not matter, or one address.
"""

from __future__ import annotations

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from .registry import BuiltinFailure, builtin

_MAX_LENGTH = 100
_Given = int | str


@builtin("ips_equal(a: whole, b: whole |)")
def ips_equal(a: _Given, b: _Given) -> bool:
    """Hold when a and b are the same address."""
    return _rank(a) == _rank(b)


@builtin("ips_lt(a: whole, b: whole |)")
def ips_lt(a: _Given, b: _Given) -> bool:
    """Hold when the address a is before b."""
    return _rank(a) < _rank(b)


@builtin("ips_lteq(a: whole, b: whole |)")
def ips_lteq(a: _Given, b: _Given) -> bool:
    """Hold when the address a is before b or the same."""
    return _rank(a) <= _rank(b)


@builtin("ips_gt(a: whole, b: whole |)")
def ips_gt(a: _Given, b: _Given) -> bool:
    """Hold when the address a is after b."""
    return _rank(a) > _rank(b)


@builtin("ips_gteq(a: whole, b: whole |)")
def ips_gteq(a: _Given, b: _Given) -> bool:
    """Hold when the address a is after b or the same."""
    return _rank(a) >= _rank(b)


@builtin("networks_equal(a: text, b: text |)")
def networks_equal(a: str, b: str) -> bool:
    """Hold when a and b are the same network."""
    return _network(a) == _network(b)


@builtin("networks_overlap(a: text, b: text |)")
def networks_overlap(a: str, b: str) -> bool:
    """Hold when an address is in both networks, whichever is the larger one."""
    return _contains(_network(a), _network(b)) or _contains(_network(b), _network(a))


@builtin("ip_in_network(ip: whole, network: text |)")
def ip_in_network(ip: _Given, network: str) -> bool:
    """Hold when the address is in the network."""
    address, found = _address(ip), _network(network)
    return address.version == found.version and address in found


@builtin("cidr_contains(outer: text, inner: text |)")
def cidr_contains(outer: str, inner: str) -> bool:
    """Hold when every address of the inner network is in the outer one."""
    return _contains(_network(outer), _network(inner))


@builtin("ip_version(x: text | version: integer)")
def ip_version(x: str) -> int:
    """Give 4 or 6 for an address or a network."""
    return _network(x).version


def _rank(given: _Given) -> tuple[int, int]:
    address = _address(given)
    return address.version, int(address)


def _address(given: _Given) -> IPv4Address | IPv6Address:
    _refuse_zone(given)
    try:
        return ip_address(given)
    except ValueError:
        raise BuiltinFailure("the value is not an IP address") from None


def _network(given: str) -> IPv4Network | IPv6Network:
    _refuse_zone(given)
    try:
        return ip_network(given, strict=False)
    except ValueError:
        raise BuiltinFailure("the text is not an IP network") from None


def _refuse_zone(given: _Given) -> None:
    """Refuse fe80::1%eth0: the same address on another interface is another host."""
    if isinstance(given, str) and (len(given) > _MAX_LENGTH or "%" in given):
        raise BuiltinFailure("the text is not an IP address or network")


def _contains(outer: IPv4Network | IPv6Network, inner: IPv4Network | IPv6Network) -> bool:
    if outer.version != inner.version:
        return False
    first, last = int(outer.network_address), int(outer.broadcast_address)
    return first <= int(inner.network_address) and int(inner.broadcast_address) <= last
