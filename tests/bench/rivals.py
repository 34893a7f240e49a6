"""The same workloads in DuckDB and clingo, for comparison in the same run.

Both are packages of the extra `bench`, which nothing else needs; DuckDB uses one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from .kernel_runs import timed
from .workloads import Row, Workload

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

HINT = "not installed; install it with: make bench-rivals"


def has_rival(package: str) -> bool:
    return find_spec(package) is not None


def write_tables(workload: Workload, directory: Path) -> None:
    """Write each table as headerless TSV, the form that the other engines read fastest."""
    for table, rows in workload.tables().items():
        lines = ("\t".join(map(str, row)) for row in rows)
        (directory / f"{table}.tsv").write_text("\n".join(lines) + "\n")


# --- DuckDB


def duckdb_seconds(workload: Workload, directory: Path) -> tuple[float, float]:
    """Give the seconds of loading and of evaluating; the row counts are those of the workload."""
    import duckdb

    with duckdb.connect() as db:
        db.execute("SET threads = 1")
        loading, _ = timed(lambda: _load_duckdb(db, workload, directory))
        evaluating, _ = timed(lambda: DUCKDB_PROGRAMS[workload.name](db))
        assert duckdb_counts(db, workload) == dict(workload.counts)
    return loading, evaluating


def duckdb_counts(db: DuckDBPyConnection, workload: Workload) -> dict[str, int]:
    return {table: _count(db, table) for table in workload.counts}


def _load_duckdb(db: DuckDBPyConnection, workload: Workload, directory: Path) -> None:
    for table, rows in workload.tables().items():
        columns = ", ".join(
            f"'{name}': '{_sql_type(rows, column)}'"
            for column, name in enumerate(workload.columns[table])
        )
        db.execute(
            f"CREATE TABLE d_{table} AS SELECT * FROM read_csv('{directory / table}.tsv', "
            f"delim='\\t', header=false, auto_detect=false, quote='', columns={{{columns}}})"
        )


def _sql_type(rows: Sequence[Row], column: int) -> str:
    return "INTEGER" if isinstance(rows[0][column], int) else "VARCHAR"


def _count(db: DuckDBPyConnection, table: str) -> int:
    answer = db.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert answer is not None
    return int(answer[0])


def _closure(db: DuckDBPyConnection, target: str, columns: str, edges: str) -> None:
    start, end = columns.split(", ")
    db.execute(f"""
        CREATE TABLE {target} AS WITH RECURSIVE r AS (
            SELECT {start} AS a, {end} AS b FROM {edges}
            UNION SELECT r.a, e.{end} FROM r JOIN {edges} e ON r.b = e.{start}
        ) SELECT a, b FROM r""")


def _run_w1(db: DuckDBPyConnection) -> None:
    _closure(db, "tc", "x, y", "d_edge")


def _run_w3(db: DuckDBPyConnection) -> None:
    """Repeat semi-naive rounds: SQL has no recursion over two tables at once."""
    db.execute("""
        CREATE TABLE hpt (o INTEGER, f INTEGER, p INTEGER);
        CREATE TABLE hpt_new (o INTEGER, f INTEGER, p INTEGER);
        CREATE TABLE pt AS SELECT DISTINCT v, o FROM d_new;
        CREATE TABLE pt_new AS FROM pt;""")
    while True:
        db.execute("""
            CREATE OR REPLACE TEMP TABLE hpt_found AS
            SELECT b.o, s.f, v.o AS p FROM pt_new b JOIN d_store s ON s.b = b.v
                JOIN pt v ON v.v = s.s
            UNION SELECT b.o, s.f, v.o FROM pt_new v JOIN d_store s ON s.s = v.v
                JOIN pt b ON b.v = s.b
            EXCEPT FROM hpt;
            INSERT INTO hpt FROM hpt_found;
            CREATE OR REPLACE TEMP TABLE pt_found AS
            SELECT a.v, n.o FROM pt_new n JOIN d_assign a ON a.w = n.v
            UNION SELECT l.v, h.p FROM pt_new n JOIN d_load l ON l.b = n.v
                JOIN hpt h ON h.o = n.o AND h.f = l.f
            UNION SELECT l.v, h.p FROM hpt_found h JOIN pt n ON n.o = h.o
                JOIN d_load l ON l.b = n.v AND l.f = h.f
            EXCEPT FROM pt;
            INSERT INTO pt FROM pt_found;
            CREATE OR REPLACE TEMP TABLE pt_new AS FROM pt_found;""")
        if not _count(db, "pt_found"):
            return


_W4_VIEWS = {
    "tg": "SELECT DISTINCT u.tenant AS t, m.grp AS g FROM d_users u"
    ' JOIN d_group_members m ON m."user" = u.id',
    "same_group": "SELECT DISTINCT a.t AS a, b.t AS b FROM tg a JOIN tg b ON a.g = b.g",
    "v1": "SELECT DISTINCT s.id, p.net FROM d_servers s JOIN d_ports p ON p.server = s.id"
    " JOIN d_networks n ON n.id = p.net AND n.shared = 0 AND n.tenant != s.tenant"
    " WHERE NOT EXISTS (FROM same_group g WHERE g.a = s.tenant AND g.b = n.tenant)",
    "v2": "SELECT DISTINCT id FROM d_servers WHERE status = 'ERROR'",
    "v3": "SELECT DISTINCT s.id, p.id AS port FROM d_servers s JOIN d_ports p ON p.server = s.id"
    " JOIN d_networks n ON n.id = p.net AND n.shared = 1 JOIN d_sg_rules r ON r.sg = p.sg"
    " WHERE s.status = 'ACTIVE' AND r.dir = 'ingress' AND r.proto = 'tcp'"
    " AND r.cidr = '0.0.0.0/0' AND r.pmin <= 22 AND r.pmax >= 22",
    "v4": "SELECT DISTINCT id FROM d_servers s WHERE status = 'ACTIVE'"
    " AND NOT EXISTS (FROM d_ports p WHERE p.server = s.id)",
    "v5": "SELECT DISTINCT v.id, s.id AS server FROM d_volumes v JOIN d_servers s"
    " ON s.id = v.server WHERE v.encrypted = 0 AND s.status = 'ACTIVE'"
    " AND starts_with(s.name, 'prod-')",
    "v6": 'SELECT DISTINCT u.id FROM d_users u JOIN d_group_members m ON m."user" = u.id'
    " WHERE m.grp = 'admins' AND NOT ends_with(u.email, '@corp.example.com')",
    "v7": "SELECT DISTINCT id FROM d_servers WHERE contains(image, 'deprecated')",
    # Why not the inet extension: it is not in the package. All networks are /24.
    "v8": "SELECT DISTINCT p.id FROM d_ports p JOIN d_networks n ON n.id = p.net"
    " WHERE NOT starts_with(p.ip, regexp_replace(n.cidr, '0/24$', ''))",
    "v9": "SELECT DISTINCT tenant FROM d_servers s"
    " WHERE NOT EXISTS (FROM d_users u WHERE u.tenant = s.tenant)",
    "v10": "SELECT DISTINCT a.id AS a, b.id AS b FROM d_ports a JOIN d_ports b"
    " ON a.net = b.net AND a.ip = b.ip WHERE a.id < b.id",
    "v11": "SELECT DISTINCT a.id AS a, b.id AS b FROM d_servers a JOIN d_servers b"
    " ON a.tenant = b.tenant AND a.host = b.host WHERE a.flavor = 'db.large'"
    " AND b.flavor = 'db.large' AND a.status = 'ACTIVE' AND b.status = 'ACTIVE' AND a.id < b.id",
    "v12": "SELECT DISTINCT s.id FROM d_servers s JOIN d_volumes v ON v.server = s.id"
    " WHERE s.status != 'ACTIVE' AND s.created < 1680000000 AND v.size >= 500",
}


def _run_w4(db: DuckDBPyConnection) -> None:
    for name, query in _W4_VIEWS.items():
        db.execute(f"CREATE TABLE {name} AS {query}")


def _run_w5(db: DuckDBPyConnection) -> None:
    db.execute("""
        CREATE TABLE mem AS WITH RECURSIVE r AS (
            SELECT u, g FROM d_member
            UNION SELECT r.u, s.parent FROM r JOIN d_subgroup s ON s.child = r.g
        ) SELECT u, g FROM r""")
    _closure(db, "rb", "role, base", "d_inherits")
    db.execute("""
        CREATE TABLE has AS
            SELECT mem.u, b.role AS r FROM mem JOIN d_binding b ON b.subject = mem.g
            UNION SELECT m.u, b.role FROM d_member m JOIN d_binding b ON b.subject = m.u;
        CREATE TABLE hasr AS
            SELECT u, r FROM has UNION SELECT h.u, rb.b FROM has h JOIN rb ON rb.a = h.r;
        CREATE TABLE can AS SELECT DISTINCT h.u, p.verb, p.res
            FROM hasr h JOIN d_perm p ON p.role = h.r;""")


DUCKDB_PROGRAMS: Mapping[str, Callable[[DuckDBPyConnection], None]] = {
    "W1a": _run_w1,
    "W1b": _run_w1,
    "W1c": _run_w1,
    "W3": _run_w3,
    "W4": _run_w4,
    "W5": _run_w5,
}


# --- clingo


_CLINGO_RULES = {
    "W1a": "tc(X,Y) :- edge(X,Y). tc(X,Z) :- tc(X,Y), edge(Y,Z).",
    "W5": """
mem(U,G) :- member(U,G). mem(U,P) :- mem(U,G), subgroup(G,P).
rb(R,B) :- inherits(R,B). rb(R,C) :- rb(R,B), inherits(B,C).
has(U,R) :- mem(U,G), binding(G,R). has(U,R) :- member(U,_), binding(U,R).
hasr(U,R) :- has(U,R). hasr(U,B) :- has(U,R), rb(R,B).
can(U,V,X) :- hasr(U,R), perm(R,V,X).""",
}


def clingo_seconds(workload: Workload) -> float:
    """Give the seconds of reading facts and grounding, which is all the evaluation there is."""
    import clingo

    facts = "\n".join(
        f"{table}({','.join(_term(cell) for cell in row)})."
        for table, rows in workload.tables().items()
        for row in rows
    )
    control = clingo.Control(["--warn=none"])
    control.add("base", [], _CLINGO_RULES[workload.name] + facts)
    seconds, _ = timed(lambda: control.ground([("base", [])]))
    found = dict.fromkeys(workload.counts, 0)
    for name, arity, _ in control.symbolic_atoms.signatures:
        if name in found:
            found[name] = sum(1 for _ in control.symbolic_atoms.by_signature(name, arity))
    assert found == dict(workload.counts)
    return seconds


def _term(cell: str | int) -> str:
    return str(cell) if isinstance(cell, int) else f'"{cell}"'
