"""The ASGI application over a service."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from analytics_api import problems
from analytics_api.routes_insights import insight_routes
from analytics_api.routes_lists import alert_routes, customer_routes, machine_routes
from analytics_api.routes_service import service_routes
from analytics_api.service import LakeService

DESCRIPTION = """\
Which machines need maintenance, who the valuable customers are, and how both do together, out of
a lake in which every event is exactly once.

Every GET answers with an `ETag`, and `If-None-Match` with 304. Lists page by cursor. Errors are
problem documents (RFC 9457).
"""
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)


class Outermost:
    """Counts answers and adds the headers every answer has; no more than that on the hot path."""

    def __init__(self, app: ASGIApp, counts: Counter[int]) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":  # the server leaves the body out
            scope["method"] = "GET"

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._counts[message["status"]] += 1
                message["headers"] = [*message.get("headers", ()), *SECURITY_HEADERS]
            await send(message)

        await self._app(scope, receive, counting)


def make_app(service: LakeService) -> FastAPI:
    """Return the application; its start begins to follow the lake, its end stops it."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        service.stop()

    app = FastAPI(
        title="Multi-Source Data Lake",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        license_info={"name": "MIT"},
    )
    counts: Counter[int] = Counter()
    app.state.requests = counts
    app.add_middleware(Outermost, counts=counts)
    for make in (insight_routes, machine_routes, customer_routes, alert_routes, service_routes):
        app.include_router(make(service))
    problems.install(app)
    return app
