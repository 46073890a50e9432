"""The ASGI application over a service."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from analytics_api import problems
from analytics_api.document import Documented
from analytics_api.front import Front
from analytics_api.routes_further import further_routes
from analytics_api.routes_insights import insight_routes
from analytics_api.routes_lists import alert_routes, customer_routes, machine_routes
from analytics_api.routes_page import page_routes
from analytics_api.routes_service import service_routes
from analytics_api.service import LakeService

DESCRIPTION = """\
Which machines need maintenance, who the valuable customers are, and how both do together, out of
a lake in which every event is exactly once.

Every GET answers with an `ETag`, and `If-None-Match` with 304. Lists page by cursor. Errors are
problem documents (RFC 9457).
"""


def make_app(service: LakeService) -> Front:
    """Return the application; its start begins to follow the lake, its end stops it."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        service.stop()

    app = Documented(
        title="Multi-Source Data Lake",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        license_info={"name": "MIT"},
        docs_url=None,  # the framework's pages load their scripts from other hosts; ours do not
        redoc_url=None,
    )
    counts: Counter[int] = Counter()
    app.state.requests = counts
    for make in (
        insight_routes, further_routes, machine_routes, customer_routes, alert_routes,
        service_routes,
    ):  # fmt: skip
        app.include_router(make(service))
    app.include_router(page_routes())
    problems.install(app)
    return Front(app, service, counts)
