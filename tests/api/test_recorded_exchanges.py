"""The 174 recorded exchanges with Congress, made again in their order at version 1.0.

Status, keys, values and error codes must be equal; ids and times differ. Every exception names the
line of the design that wants it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from congress_dist.schema import Column, schema
from tests.waiting import wait_until

from .recorded import Ids, Recorded, essence, load_recorded, path_of
from .system import Source, System


@dataclass(frozen=True)
class Instead:
    """What is answered instead of what Congress did, and why.

    A rule that only this system takes is deleted again, so that later exchanges compare.
    """

    why: str
    status: int
    code: int | None = None


LATER = "a later issue brings it: until then 501, or 404 for a path that does not exist"
BAD_INPUT = "rest.md 1: what was a 500 for bad input is a 4xx with a code"
WAITS = "language.md 6: a rule on a table that is not known waits, and its status says for what"
BY_ID = "rest.md 1: rules and tables are addressed by policy name or id"
NO_SUCH_DRIVER = "architecture.md: OpenStack's drivers come later"


def later(*numbers: int, status: int = 501) -> dict[int, Instead]:
    return {n: Instead(LATER, status, status) for n in numbers}


EXCEPTIONS: dict[int, Instead] = {
    0: Instead("rest.md 2: GET / gives min_version and max_version", 200),
    9: Instead(BAD_INPUT, 400, 400),
    10: Instead(BAD_INPUT, 400, 400),
    40: Instead(WAITS, 201),
    42: Instead(WAITS, 201),
    45: Instead("language.md 7: hexadecimal numbers work", 201),
    46: Instead(BAD_INPUT, 400, 400),
    50: Instead(BY_ID, 200),
    59: Instead(BY_ID, 200),
    61: Instead("language.md 7: trace=true answers the derivation as text", 200),
    **later(68, 69, 70, 71, 72, 73, 74, 75, 79, 80, 81),
    82: Instead(NO_SUCH_DRIVER, 200),
    83: Instead(NO_SUCH_DRIVER, 404, 404),
    85: Instead(NO_SUCH_DRIVER, 404, 404),
    **later(87, 88, 89, 90, 91, 92, 93, 101, 105, 109),
    97: Instead("rest.md 1: no secret is ever returned", 200),
    115: Instead("rest.md 1: 503 also where Congress said 404 before the first data", 503, 503),
    **later(116, 119, 120, 123, 124, 125, 126, 127, 128, 129, 130, 131, 141),
    132: Instead("no datasource 'vit': creating one comes later", 404, 404),
    139: Instead(f"{WAITS}; a datasource has the tables of its schema only", 200),
    **later(145, 146, 147, 170),
    **later(148, 149, 150, 151, 152, 153, 154, 155, 156, 157, 161, 162, status=404),
    **later(158, 159, 160),
    164: Instead("rest.md 1: deleting what is not there is 404", 404, 404),
    168: Instead("the library policy of 158 comes later", 200),
    173: Instead("language.md 7: database policies work", 201),
}

TEXT = tuple(Column(name) for name in ("time", "type", "hostname", "status", "monitor"))
DOCTOR = {"events": schema(*TEXT, Column("monitor_event_id"))}
FAKE = {"fake_table": schema("id", "name")}
EVENT = ("2016-02-22T11:48:55Z", "compute.host.down", "compute1", "down", "zabbix1", "111")


class Replay:
    """Makes the recorded requests, and what happened to Congress's datasources beside them."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.ids = Ids()
        self.sources: dict[str, Source] = {}
        self.before: Mapping[int, Callable[[], None]] = {94: self.start_sources}
        self.after: Mapping[int, Callable[[], None]] = {
            116: lambda: self.publish("doc", "events", [EVENT]),
            120: lambda: self.publish("fake", "fake_table", []),
            141: lambda: self.publish("doc", "events", []),
        }

    def answer(self, exchange: Recorded) -> Any:
        self.before.get(exchange.n, lambda: None)()
        path, _, query = self.ids.translate(exchange.path).partition("?")
        body = exchange.body
        answer = self.system.client.simulate_request(
            exchange.method,
            path,
            query_string=query,
            body=None if body is None else body if isinstance(body, str) else json.dumps(body),
            headers={"Content-Type": exchange.content_type},
        )
        self.ids.learn(exchange.response, answer.json)
        if exchange.status >= 400 and answer.status_code == 201:
            self.system.client.simulate_delete(path_of(answer.headers["location"]))
        self.after.get(exchange.n, lambda: None)()
        return answer

    def start_sources(self) -> None:
        self.add("doc", DOCTOR, driver="doctor", description="dd", config={"persist_data": "true"})
        config = {"auth_url": "u", "poll_time": 100, "project_name": "p", "tenant_name": "t",
                  "username": "foo", "password": "<hidden>"}  # fmt: skip
        self.add("fake", FAKE, driver="fake_datasource", config=config)

    def add(self, name: str, schemas: Any, **record: Any) -> None:
        self.sources[name] = self.system.add_source(name, schemas, **record)

    def publish(self, source: str, table: str, rows: list[tuple[str, ...]]) -> None:
        self.sources[source].publish(table, rows)
        path = f"/v1/data-sources/{source}/tables/{table}/rows"
        expected = {"results": [{"data": list(row)} for row in rows]}

        def arrived() -> bool:
            answer = self.system.client.simulate_get(path)
            return answer.status_code == 200 and answer.json == expected

        wait_until(arrived, what=f"{path} shows {rows}")


def problems_of(exchange: Recorded, replay: Replay) -> list[str]:
    answer = replay.answer(exchange)
    instead = EXCEPTIONS.get(exchange.n)
    status = exchange.status if instead is None else instead.status
    if answer.status_code != status:
        return [f"{exchange.label}: {answer.status_code}, expected {status}: {answer.text}"]
    if instead is not None:
        code = answer.json["error"]["error_code"] if status >= 400 else None
        return [] if code == instead.code else [f"{exchange.label}: code {code}: {answer.text}"]
    here, there = essence(answer.json), essence(exchange.response)
    if here != there:
        return [f"{exchange.label}:\n    here     {here}\n    Congress {there}"]
    recorded = exchange.location and replay.ids.translate(exchange.location)
    if path_of(answer.headers.get("location")) != path_of(recorded):
        return [f"{exchange.label}: location {answer.headers.get('location')}, not {recorded}"]
    return []


def test_congress_answers_are_given_again(tmp_path: Path) -> None:
    exchanges = load_recorded()
    assert len(exchanges) == 174
    with System(tmp_path) as system:
        replay = Replay(system)
        problems = [problem for exchange in exchanges for problem in problems_of(exchange, replay)]
    assert not problems, "\n".join(problems)
