"""Routes of the service itself: is it alive, is it ready, its metrics."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from analytics_api import metrics, models
from analytics_api.prepared import encode
from analytics_api.problems import Problem
from analytics_api.replies import PROBLEM, RETRY_SECONDS
from analytics_api.service import LakeService


def service_routes(service: LakeService) -> APIRouter:
    """Return the routes over a service."""
    router = APIRouter()

    @router.get("/healthz", response_model=models.Alive, tags=["service"], responses={503: PROBLEM})
    async def healthz() -> Any:
        """Whether the process works."""
        if not service.alive:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"stopped: {service.failure!r}",
                {"Retry-After": RETRY_SECONDS},
            )
        return Response(b'{"status":"alive"}', media_type="application/json")

    @router.get("/readyz", response_model=models.Ready, tags=["service"], responses={503: PROBLEM})
    async def readyz() -> Any:
        """Whether every answer can be given; says what is missing."""
        if missing := service.snapshot.missing:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "; ".join(missing),
                {"Retry-After": RETRY_SECONDS},
                missing=missing,
            )
        content = {"status": "ready", "notes": service.snapshot.notes}
        return Response(encode(content), media_type="application/json")

    @router.get("/metrics", response_class=Response, tags=["service"],
                responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}},
                                 "description": "a line for each figure"}})  # fmt: skip
    async def prometheus(request: Request) -> Any:
        """Figures in Prometheus' text form."""
        text = service.snapshot.metrics + metrics.process_metrics(request.app.state.requests)
        return Response(text, media_type=metrics.MEDIA_TYPE)

    return router
