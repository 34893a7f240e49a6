"""The verb `stream`: where each stream stands, at its publisher and at each subscriber."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from congress_dist.arguments import name_given
from congress_dist.cli import OK, UNAVAILABLE, Command
from congress_dist.errors import NotFound
from congress_dist.formats import print_rows, print_value

from .client import Client
from .subverbs import Subverbs, run_subverb

_COLUMNS = ("stream", "role", "node", "state", "position", "lag", "link_age", "source_age", "why")
_WELL = {"subscriber": ("live", "idle", "busy"), "publisher": ("publishing", "candidate", "busy")}
"""States by role with which all is well."""
_PUBLISHER, _SUBSCRIBER = "publisher", "subscriber"


class StreamCommand(Command):
    """Tell where streams stand."""

    name = "stream"
    help = "tell where each stream stands, at its publisher and at each subscriber"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the sub-verbs."""
        verbs = Subverbs(
            parser,
            "A stream is the numbered transactions of one service. A subscriber holds what was "
            "published up to its position (epoch.number); lag counts the transactions that it "
            "does not have; link age is the time in seconds since the publisher's last sign of "
            "life, source age the time since the source was read for what is held.",
        )
        status = verbs.add(
            "status",
            self._status,
            "tell where each subscriber of each stream stands (exit code 3 when one is not live)",
            "congress stream status host_processes",
        )
        status.add_argument("name", type=name_given, nargs="?", help="one stream (default: all)")

    def run(self, args: argparse.Namespace) -> int:
        """Run the sub-verb."""
        return run_subverb(args)

    def _status(self, client: Client, args: argparse.Namespace) -> int:
        entries = sorted(_entries(client.get("nodes")["results"]), key=_order)
        if args.name is not None:
            entries = [entry for entry in entries if entry["stream"] == args.name]
            if not entries:
                raise NotFound(
                    f"nobody publishes or subscribes to a stream {args.name!r}; list them with: "
                    "congress stream status"
                )
        if args.format in ("json", "yaml"):
            print_value(entries, args.format)
        else:
            print_rows(_COLUMNS, map(_row, entries), args.format)
        return OK if _is_well(entries) else UNAVAILABLE


def _is_well(entries: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether every subscriber is live, and every stream that somebody waits for is there."""
    published = {e["stream"] for e in entries if e["state"] in ("publishing", "busy")}
    awaited = {e["stream"] for e in entries if e["role"] == _PUBLISHER}
    is_live = all(entry["state"] in _WELL[entry["role"]] for entry in entries)
    return is_live and awaited <= published


def _entries(nodes: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Give an entry for each stream at each node that publishes or subscribes to it."""
    for node in nodes:
        for stream in node["streams"]:
            yield {
                "stream": stream["stream"],
                "role": _PUBLISHER,
                "node": node["node"],
                **_without(stream, "stream"),
            }
        for source in node["sources"]:
            yield {
                "stream": source["source"],
                "role": _SUBSCRIBER,
                "node": node["node"],
                **_without(source, "source"),
            }


def _without(entry: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != name}


def _order(entry: Mapping[str, Any]) -> tuple[str, str, str]:
    return entry["stream"], entry["role"], entry["node"]


def _row(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    position = entry.get("position")
    is_publisher = entry["role"] == _PUBLISHER
    return (
        entry["stream"],
        entry["role"],
        entry["node"],
        entry["state"],
        None if position is None else f"{position[0]}.{position[1]}",
        entry.get("lag"),
        _age(entry.get("link_age")),
        _age(entry.get("read_age" if is_publisher else "source_age")),
        entry["why"],
    )


def _age(seconds: float | None) -> str | None:
    return None if seconds is None else f"{seconds:.1f}"
