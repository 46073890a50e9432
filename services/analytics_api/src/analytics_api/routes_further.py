"""Routes of the insights beyond the figures: trend, drivers, migration, mix, completeness."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from analytics_api import models
from analytics_api.contents import COMPLETENESS, MIX, RISK_DRIVERS, SEGMENT_MIGRATION, TREND
from analytics_api.prepared import prepare
from analytics_api.replies import NOT_YET, WRONG, answer, ready_made
from analytics_api.service import LakeService
from analytics_api.trend import DEFAULT_DAYS, MAX_DAYS, Window, trend


def further_routes(service: LakeService) -> APIRouter:
    """Return the routes over a service."""
    router = APIRouter()

    @router.get(TREND, response_model=models.Trend, tags=["insights"],
                responses={**NOT_YET, **WRONG})  # fmt: skip
    async def daily_trend(
        request: Request,
        days: Annotated[
            int, Query(ge=1, le=MAX_DAYS, description="up to the newest event day")
        ] = DEFAULT_DAYS,
        window: Annotated[
            Window, Query(description="own: each domain up to its own newest event day")
        ] = Window.COMMON,
    ) -> Any:
        """Both domains side by side, day by day, and whether they have to do with one another."""
        snapshot = service.snapshot
        as_prepared = days == DEFAULT_DAYS and window is Window.COMMON
        if as_prepared or TREND not in snapshot.prepared:
            return ready_made(service, request, TREND)
        return answer(request, prepare(trend(snapshot.days, days, window), snapshot.freshness))

    @router.get(RISK_DRIVERS, response_model=models.RiskDrivers, tags=["insights"],
                responses=NOT_YET)  # fmt: skip
    async def drivers(request: Request) -> Any:
        """Which machines drive the risk, and which term of the score explains it."""
        return ready_made(service, request, RISK_DRIVERS)

    @router.get(SEGMENT_MIGRATION, response_model=models.SegmentMigration, tags=["insights"],
                responses=NOT_YET)  # fmt: skip
    async def migration(request: Request) -> Any:
        """From which segment customers went to which: first purchase to latest."""
        return ready_made(service, request, SEGMENT_MIGRATION)

    @router.get(MIX, response_model=models.Mix, tags=["insights"], responses=NOT_YET)
    async def category_mix(request: Request) -> Any:
        """What is bought through which channel."""
        return ready_made(service, request, MIX)

    @router.get(COMPLETENESS, response_model=models.CompletenessAnswer, tags=["insights"],
                responses=NOT_YET)  # fmt: skip
    async def complete(request: Request) -> Any:
        """How fresh and how complete each domain's data are."""
        return ready_made(service, request, COMPLETENESS)

    return router
