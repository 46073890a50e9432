"""Lists and their items: cut from a snapshot in memory when somebody asks."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from http import HTTPStatus
from itertools import islice
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from analytics_api import models
from analytics_api.alert_stream import MEDIA_TYPE, AlertStream, Listeners
from analytics_api.instants import microseconds_of, refuse_numbers
from analytics_api.paging import DEFAULT_LIMIT, MAX_LIMIT, Item, Key, page
from analytics_api.prepared import prepare
from analytics_api.problems import Problem
from analytics_api.replies import PROBLEM, RETRY_SECONDS, UNKNOWN, WRONG, answer
from analytics_api.service import LakeService
from lake_core.scoring import Risk, Segment

MACHINE_ALERTS: Final = 20
MAX_CURSOR: Final = 1024

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="items on a page")]
Cursor = Annotated[
    str | None, Query(max_length=MAX_CURSOR, description="`next_cursor` of the page before")
]
Since = Annotated[
    dt.datetime | None,
    BeforeValidator(refuse_numbers),
    Query(description="event time, ISO 8601, UTC"),
]
# What a listener gets, as an event's fields: the document has no other word for it (OpenAPI 3.1).
EVENT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["id", "event", "data"],
    "properties": {
        "id": {"type": "string", "description": "give it as `Last-Event-ID` to go on behind it"},
        "event": {"const": "alert"},
        "data": {
            "type": "string", "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/components/schemas/Alert"},
        },
    },
}  # fmt: skip


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
        placed = service.snapshot.machine_lists.get(sort, {}).get(risk, [])
        return answer(request, prepare(page(placed, limit, cursor, f"machines/{sort}")))

    @router.get("/v1/machines/{machine_id}", response_model=models.MachineDetail,
                tags=["machines"], responses=UNKNOWN)  # fmt: skip
    async def machine(
        request: Request, machine_id: Annotated[int, Path(ge=1, examples=[7])]
    ) -> Any:
        """One machine: latest reading, risk, alerts, history."""
        snapshot = service.snapshot
        if machine_id not in snapshot.machines:
            raise Problem(HTTPStatus.NOT_FOUND, f"no reading of machine {machine_id}")
        newest_first = (item for _, item in reversed(snapshot.alerts))
        alerts = islice((a for a in newest_first if a["machine_id"] == machine_id), MACHINE_ALERTS)
        content = {
            **snapshot.machines[machine_id],
            **snapshot.histories[machine_id],
            "latest_alerts": list(alerts),
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
        placed = service.snapshot.customer_lists.get(sort, {}).get(segment, [])
        return answer(request, prepare(page(placed, limit, cursor, f"customers/{sort}")))

    @router.get("/v1/customers/{customer_id:path}", response_model=models.CustomerDetail,
                tags=["customers"], responses=UNKNOWN)  # fmt: skip
    async def customer(
        request: Request, customer_id: Annotated[str, Path(examples=["37-611-6911"])]
    ) -> Any:
        """One customer: segment, score, totals, latest purchase."""
        snapshot = service.snapshot
        if customer_id not in snapshot.customers:
            raise Problem(HTTPStatus.NOT_FOUND, f"no purchase of customer {customer_id}")
        return answer(request, prepare(snapshot.customers[customer_id], snapshot.freshness))

    return router


def alert_routes(service: LakeService) -> APIRouter:
    """Return the routes of alerts."""
    router = APIRouter()
    listeners = Listeners()

    @router.get("/v1/alerts/stream", response_class=Response, tags=["machines"],
                responses={200: {"content": {MEDIA_TYPE: {"schema": EVENT}},
                                 "description": "events, one for each alert"},
                           422: WRONG[422],
                           503: {**PROBLEM, "description": "too many listen already"}})  # fmt: skip
    async def alert_stream(
        last_event_id: Annotated[str | None, Header(max_length=MAX_CURSOR)] = None,
    ) -> Any:
        """Alerts as Server-Sent Events, from now on, or behind the event a client has seen last.

        A client may be told of an alert twice (its connection was broken, and another task
        answers now), and never not at all while no more than a thousand came in between.
        """
        if listeners.full:
            wait = {"Retry-After": RETRY_SECONDS}
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "too many listen already", wait)
        return AlertStream(service.feed, listeners, last_event_id)

    @router.get("/v1/alerts", response_model=models.AlertList, tags=["machines"],
                responses=WRONG)  # fmt: skip
    async def alerts(  # noqa: PLR0917 - query parameters, given by name
        request: Request,
        since: Since = None,
        min_score: Annotated[float | None, Query(allow_inf_nan=False)] = None,
        machine_id: Annotated[int | None, Query(ge=1)] = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Any:
        """Alerts, the newest first by event time."""
        first = None if since is None else microseconds_of(since)

        def wanted(key: Key, item: Item) -> bool:
            return (
                (first is None or key[0] >= first)
                and (min_score is None or item["score"] >= min_score)
                and (machine_id is None or item["machine_id"] == machine_id)
            )

        every = service.snapshot.alerts
        listed = page(every, limit, cursor, "alerts", backwards=True, wanted=wanted)
        return answer(request, prepare(listed))

    return router
