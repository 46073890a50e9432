"""Lists and their items: cut from a snapshot in memory when somebody asks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request

from analytics_api import models
from analytics_api.paging import DEFAULT_LIMIT, MAX_LIMIT, ordered, page
from analytics_api.prepared import prepare
from analytics_api.problems import Problem
from analytics_api.replies import UNKNOWN, WRONG, answer
from analytics_api.service import LakeService
from lake_core.scoring import Risk, Segment

MACHINE_ALERTS: Final = 20
MAX_CURSOR: Final = 1024

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="items on a page")]
Cursor = Annotated[
    str | None, Query(max_length=MAX_CURSOR, description="`next_cursor` of the page before")
]


class MachineSort(StrEnum):
    """Orders of the list of machines."""

    RISK = "risk"  # the riskiest first
    MACHINE_ID = "machine_id"
    ALERTS = "alerts"  # most first


class CustomerSort(StrEnum):
    """Orders of the list of customers."""

    VALUE = "value"  # the most valuable first
    CUSTOMER_ID = "customer_id"
    AMOUNT = "amount"  # the largest total first


_MACHINE_KEYS: Final[dict[MachineSort, Callable[[dict[str, Any]], tuple[Any, ...]]]] = {
    MachineSort.RISK: lambda item: (-(item["risk_score"] or 0.0), item["machine_id"]),
    MachineSort.MACHINE_ID: lambda item: (item["machine_id"],),
    MachineSort.ALERTS: lambda item: (-item["alerts"], item["machine_id"]),
}
_CUSTOMER_KEYS: Final[dict[CustomerSort, Callable[[dict[str, Any]], tuple[Any, ...]]]] = {
    CustomerSort.VALUE: lambda item: (-item["customer_value_score"], item["customer_id"]),
    CustomerSort.CUSTOMER_ID: lambda item: (item["customer_id"],),
    CustomerSort.AMOUNT: lambda item: (-item["total_amount"], item["customer_id"]),
}


def machine_routes(service: LakeService) -> APIRouter:
    """Return the routes of machines."""
    router = APIRouter()

    @router.get("/v1/machines", response_model=models.MachineList, tags=["machines"],
                responses=WRONG)  # fmt: skip
    async def machines(
        request: Request,
        risk: Annotated[Risk | None, Query(description="only machines of this risk")] = None,
        sort: Annotated[MachineSort, Query()] = MachineSort.RISK,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Any:
        """Machines, by default the riskiest first."""
        every = service.snapshot.machines.values()
        chosen = [item for item in every if risk is None or item["risk"] == risk]
        listed = page(ordered(chosen, _MACHINE_KEYS[sort]), limit, cursor, f"machines/{sort}")
        return answer(request, prepare(listed))

    @router.get("/v1/machines/{machine_id}", response_model=models.MachineDetail,
                tags=["machines"], responses=UNKNOWN)  # fmt: skip
    async def machine(request: Request, machine_id: Annotated[int, Path(ge=1)]) -> Any:
        """One machine: latest reading, risk, alerts, history."""
        snapshot = service.snapshot
        if machine_id not in snapshot.machines:
            raise Problem(HTTPStatus.NOT_FOUND, f"no reading of machine {machine_id}")
        alerts = [item for _, item in snapshot.alerts if item["machine_id"] == machine_id]
        content = {
            **snapshot.machines[machine_id],
            **snapshot.histories[machine_id],
            "latest_alerts": alerts[:MACHINE_ALERTS],
        }
        return answer(request, prepare(content, snapshot.freshness))

    return router


def customer_routes(service: LakeService) -> APIRouter:
    """Return the routes of customers."""
    router = APIRouter()

    @router.get("/v1/customers", response_model=models.CustomerList, tags=["customers"],
                responses=WRONG)  # fmt: skip
    async def customers(
        request: Request,
        segment: Annotated[Segment | None, Query(description="only this segment")] = None,
        sort: Annotated[CustomerSort, Query()] = CustomerSort.VALUE,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Any:
        """Customers, by default the most valuable first."""
        every = service.snapshot.customers.values()
        chosen = [item for item in every if segment is None or item["segment"] == segment]
        listed = page(ordered(chosen, _CUSTOMER_KEYS[sort]), limit, cursor, f"customers/{sort}")
        return answer(request, prepare(listed))

    @router.get("/v1/customers/{customer_id}", response_model=models.CustomerDetail,
                tags=["customers"], responses=UNKNOWN)  # fmt: skip
    async def customer(request: Request, customer_id: str) -> Any:
        """One customer: segment, score, totals, latest purchase."""
        snapshot = service.snapshot
        if customer_id not in snapshot.customers:
            raise Problem(HTTPStatus.NOT_FOUND, f"no purchase of customer {customer_id}")
        return answer(request, prepare(snapshot.customers[customer_id], snapshot.freshness))

    return router


def alert_routes(service: LakeService) -> APIRouter:
    """Return the route of alerts."""
    router = APIRouter()

    @router.get("/v1/alerts", response_model=models.AlertList, tags=["machines"],
                responses=WRONG)  # fmt: skip
    async def alerts(  # noqa: PLR0917 - query parameters, given by name
        request: Request,
        since: Annotated[dt.datetime | None, Query(description="event time, ISO 8601, UTC")] = None,
        min_score: Annotated[float | None, Query(allow_inf_nan=False)] = None,
        machine_id: Annotated[int | None, Query(ge=1)] = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Any:
        """Alerts, the newest first by event time."""
        first = None if since is None else _microseconds(since)
        chosen = (
            (key, item)
            for key, item in service.snapshot.alerts
            if (first is None or key[0] >= first)
            and (min_score is None or item["score"] >= min_score)
            and (machine_id is None or item["machine_id"] == machine_id)
        )
        return answer(request, prepare(page(chosen, limit, cursor, "alerts", descending=True)))

    return router


def _microseconds(moment: dt.datetime) -> int:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return int((aware - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) / dt.timedelta(microseconds=1))
