"""The web application: routes, middleware and error answers put together.

Knows HTTP and the policy engine's methods; no bus, no thread, no socket (service.py has those).
"""

from __future__ import annotations

import re
from typing import Any

import falcon
import falcon.asgi

from congress_dist.clock import Clock

from .bus_client import PolicyClient
from .errors import ErrorAnswers, UnknownPath, UnsupportedMethod
from .exchange import Request, write_answer
from .handlers.versions import list_choices
from .middleware import make_middleware
from .nodes_client import NodesClient
from .routes import ROUTES, Handler, Route

_OUTSIDE_V1 = re.compile(r"/(?!v1(?:/|$))")


def make_app(policy: PolicyClient, nodes: NodesClient, clock: Clock) -> falcon.asgi.App[Any, Any]:
    """Build the application that answers from the policy engine, and from all nodes."""
    app = falcon.asgi.App(middleware=make_middleware(clock))
    app.req_options.strip_url_path_trailing_slash = True
    for route in ROUTES:
        app.add_route(route.path, _Resource(route, policy, nodes))
    app.add_sink(_unknown_path)
    app.add_sink(_offer_versions, _OUTSIDE_V1)
    ErrorAnswers(clock).install(app)
    return app


class _Resource:
    """What Falcon wants of a path: `on_…` for each method; `since` is for the middleware."""

    def __init__(self, route: Route, policy: PolicyClient, nodes: NodesClient) -> None:
        self.since = route.since
        for method, handler in route.handlers.items():
            setattr(self, f"on_{method.lower()}", _responder(handler, policy, nodes))


def _responder(handler: Handler, policy: PolicyClient, nodes: NodesClient) -> Any:
    async def respond(
        raw: falcon.asgi.Request, response: falcon.asgi.Response, **fields: str
    ) -> None:
        version = raw.context.version
        answer = await handler(Request(raw, version, policy, nodes), **fields)
        write_answer(response, answer, version)

    return respond


async def _unknown_path(
    req: falcon.asgi.Request,  # noqa: ARG001
    resp: falcon.asgi.Response | None,  # noqa: ARG001
    **kwargs: Any,  # noqa: ARG001
) -> None:
    raise UnknownPath


async def _offer_versions(
    req: falcon.asgi.Request,
    resp: falcon.asgi.Response | None,
    **kwargs: Any,  # noqa: ARG001
) -> None:
    if resp is None or req.method != "GET":
        raise UnsupportedMethod
    write_answer(resp, list_choices(req), req.context.version)
