"""Files that the offline verbs work on."""

from __future__ import annotations

from pathlib import Path

import pytest

POLICY = """\
// What can be reached.
@id("NET-1") @severity("high") @title("An open port")
open_port(server, port) :-
    nova:servers(id=server),
    nova:ports(server=server, port=port),
    not allowed(port)
allowed(22)
"""

SCHEMA = """\
{"sources": {"nova": {
  "servers": {"columns": [{"name": "id", "type": "str"}, {"name": "name", "type": "str"}]},
  "ports": {"columns": [{"name": "server", "type": "str"}, {"name": "port", "type": "int"}]},
  "links": {"columns": ["from", "to"], "missing": "nova did not answer"}
}}}
"""

FILES = {
    "net/net.dl": POLICY,
    "data/schema.json": SCHEMA,
    "data/nova/servers.jsonl": '["s1", "web"]\n["s2", "db"]\n',
    "data/nova/ports.csv": "server,port\ns1,80\ns1,22\ns2,5432\n",
}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the working directory, with a policy `net` and recorded tables `data`."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path
