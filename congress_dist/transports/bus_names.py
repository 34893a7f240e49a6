"""Names on a bus: any text becomes a name of limited length, and no two texts the same one."""

from __future__ import annotations

from hashlib import blake2b
from urllib.parse import quote

_MAX_TOPIC = 120
_MAX_SERVER = 80
_MAX_OWNER = 40


def short_name(name: str, limit: int) -> str:
    """Give a name for any text: without '/', '@', '=', '*' and '#', at most `limit` bytes."""
    quoted = quote(name, safe="")
    if len(quoted) <= limit:
        return quoted
    digest = blake2b(name.encode(), digest_size=8).hexdigest()
    return f"{quoted[: limit - len(digest) - 1]}={digest}"


def amqp_topic(topic: str) -> str:
    """Give a topic's name on a broker, where a name has at most 255 bytes."""
    return short_name(topic, _MAX_TOPIC)


def amqp_server(server: str) -> str:
    """Give a server's name on a broker; it follows its topic's behind a dot.

    Promises: with the topic it is no other topic's name, because '@' is in none of those.
    """
    return f"@{short_name(server, _MAX_SERVER)}"


def amqp_owner(user: str | None) -> str:
    """Give what stands in the names of queues that are one user's alone; rights name it."""
    return short_name(user or "guest", _MAX_OWNER)
