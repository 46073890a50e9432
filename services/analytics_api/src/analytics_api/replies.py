"""From a prepared answer to a response, and what the OpenAPI document says of errors."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from fastapi import Request
from starlette.responses import Response

from analytics_api import models
from analytics_api.prepared import Prepared
from analytics_api.problems import MEDIA_TYPE, Problem
from analytics_api.service import LakeService

RETRY_SECONDS: Final = "2"
Responses = dict[int | str, dict[str, Any]]
PROBLEM: Final[dict[str, Any]] = {
    "model": models.ProblemDocument,
    "content": {MEDIA_TYPE: {}},
}
_NOT_MODIFIED: Final[Responses] = {304: {"description": "`If-None-Match` names this content"}}
NOT_YET: Final[Responses] = {
    503: {**PROBLEM, "description": "no data yet; `missing` says what"},
    **_NOT_MODIFIED,
}
WRONG: Final[Responses] = {
    422: {**PROBLEM, "description": "a parameter is wrong"},
    **_NOT_MODIFIED,
}
UNKNOWN: Final[Responses] = {404: {**PROBLEM, "description": "there is none"}, **WRONG}


def answer(request: Request, prepared: Prepared) -> Response:
    """Return a prepared answer, or 304 where the client has it."""
    etag = prepared.etag.decode()
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    given = request.headers.get("if-none-match")
    if given is not None and is_named(given, etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(prepared.body, headers=headers, media_type="application/json")


def is_named(given: str, etag: str) -> bool:
    """Whether an `If-None-Match` names a tag."""
    tags = [tag.strip().removeprefix("W/") for tag in given.split(",")]
    return etag in tags or "*" in tags


def ready_made(service: LakeService, request: Request, path: str) -> Response:
    """Return a prepared answer.

    Raises:
        Problem: 503, there is none yet; `missing` says why.
    """
    prepared = service.snapshot.prepared.get(path)
    if prepared is None:
        missing = service.snapshot.missing
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "; ".join(missing) or "no data yet",
            {"Retry-After": RETRY_SECONDS},
            missing=missing,
        )
    return answer(request, prepared)
