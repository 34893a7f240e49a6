"""Why a row is in a table."""

from __future__ import annotations

from congress_dist.errors import InvalidRequest
from congress_dist.row import Cell, encode_row

from ..exchange import Answer, Request
from ..json_body import decode_json


async def explain_row(request: Request, policy: str, table: str) -> Answer:
    """Answer GET …/tables/{t}/explain?row=[…] with the derivation of that row."""
    return Answer(await request.policy.explain(policy, table, _row(request.text("row"))))


def _row(text: str | None) -> list[Cell]:
    if text is None:
        raise InvalidRequest(
            "query parameter 'row' is missing; give the row as a JSON list: ?row=[1,\"a\"]",
            reason="parameter",
        )
    try:
        row = decode_json(text.encode("utf-8", "surrogatepass"))
    except InvalidRequest as error:
        raise InvalidRequest(
            f"query parameter 'row' is {text[:80]!r} and cannot be read as a JSON list; write "
            'text in quotes: ?row=[1,"a"]',
            reason="parameter",
        ) from error
    if not isinstance(row, list) or any(isinstance(cell, list | dict) for cell in row):
        raise InvalidRequest(
            f"query parameter 'row' is {text[:80]!r}; expected a JSON list of text, numbers, "
            "booleans and null",
            reason="parameter",
        )
    encode_row(row, table="of the query")
    return row
