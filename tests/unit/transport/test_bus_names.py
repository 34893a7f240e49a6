"""Names on a bus: any text, limited length, no two alike."""

from __future__ import annotations

from congress_dist.transports.bus_names import amqp_owner, amqp_server, amqp_topic, short_name

TEXTS = ["", ".", "..", "a", "a.b", "a/b", "a@b", "a=b", "#", "*", "a b", "ü" * 100, "x" * 300]


def test_different_texts_have_different_names_of_limited_length() -> None:
    for limit in (40, 120):
        names = {short_name(text, limit) for text in TEXTS}
        assert len(names) == len(TEXTS)
        assert all(len(name) <= limit for name in names)


def test_no_name_holds_what_has_a_meaning_on_a_broker() -> None:
    assert not any(set(amqp_topic(text)) & set("@#*/ ") for text in TEXTS)


def test_a_server_of_a_topic_is_no_other_topic() -> None:
    of_servers = {f"{amqp_topic('a')}.{amqp_server(server)}" for server in TEXTS}
    of_topics = {amqp_topic(f"a.{text}") for text in TEXTS} | {amqp_topic("a.@b")}
    assert not of_servers & of_topics


def test_the_longest_queue_name_is_one_that_a_broker_takes() -> None:
    long = "ü" * 300
    fanout = f"{amqp_topic(long)}_fanout_{amqp_owner(long)}_{'0' * 32}"
    assert max(len(fanout), len(f"{amqp_topic(long)}.{amqp_server(long)}")) <= 255
