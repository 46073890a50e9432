"""Routes whose answers stand ready as bytes: insights, size and proof of the lake."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from analytics_api import models
from analytics_api.contents import INSIGHTS
from analytics_api.replies import NOT_YET, ready_made
from analytics_api.service import LakeService


def insight_routes(service: LakeService) -> APIRouter:
    """Return the routes over a service."""
    router = APIRouter()

    @router.get(INSIGHTS + "manufacturing", response_model=models.ManufacturingInsights,
                tags=["insights"], responses=NOT_YET)  # fmt: skip
    async def manufacturing_insights(request: Request) -> Any:
        """Which machines need maintenance."""
        return ready_made(service, request, INSIGHTS + "manufacturing")

    @router.get(INSIGHTS + "ecommerce", response_model=models.EcommerceInsights,
                tags=["insights"], responses=NOT_YET)  # fmt: skip
    async def ecommerce_insights(request: Request) -> Any:
        """Who the valuable customers are."""
        return ready_made(service, request, INSIGHTS + "ecommerce")

    @router.get(INSIGHTS + "integrated", response_model=models.IntegratedInsights,
                tags=["insights"], responses=NOT_YET)  # fmt: skip
    async def integrated_insights(request: Request) -> Any:
        """How operations and business do together."""
        return ready_made(service, request, INSIGHTS + "integrated")

    @router.get("/v1/lake", response_model=models.LakeSize, tags=["lake"], responses=NOT_YET)
    async def lake(request: Request) -> Any:
        """How large the lake is, by zone and domain."""
        return ready_made(service, request, "/v1/lake")

    @router.get("/v1/lake/integrity", response_model=models.Integrity, tags=["lake"],
                responses=NOT_YET)  # fmt: skip
    async def integrity(request: Request) -> Any:
        """The delivery proof: nothing lost, nothing twice, shard by shard."""
        return ready_made(service, request, "/v1/lake/integrity")

    return router
