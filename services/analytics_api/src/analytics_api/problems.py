"""Errors as problem documents (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from analytics_api.prepared import encode

MEDIA_TYPE = "application/problem+json"


class Problem(HTTPException):
    """A problem with members of its own."""

    def __init__(
        self,
        status: int,
        detail: str,
        headers: dict[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(status, detail, headers)
        self.members = members


def field_problem(field: str, reason: str) -> Problem:
    """Return the problem of one parameter."""
    errors = [{"field": field, "reason": reason}]
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{field}: {reason}", errors=errors)


def response(
    status: int, detail: str, headers: dict[str, str] | None = None, **members: Any
) -> Response:
    """Return a problem document."""
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **members,
    }
    return Response(encode(content), status, headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make every error of an application a problem document."""

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> Response:
        members = error.members if isinstance(error, Problem) else {}
        headers = dict(error.headers) if error.headers else None
        if error.status_code == HTTPStatus.NOT_FOUND and not isinstance(error, Problem):
            return response(404, f"there is nothing at {request.url.path}; see /docs")
        return response(error.status_code, error.detail, headers, **members)

    @app.exception_handler(RequestValidationError)
    async def on_validation(_: Request, error: RequestValidationError) -> Response:
        errors = [
            {"field": str(one["loc"][-1]), "reason": str(one["msg"])} for one in error.errors()
        ]
        detail = "; ".join(f"{one['field']}: {one['reason']}" for one in errors)
        return response(422, detail, errors=errors)

    @app.exception_handler(Exception)
    async def on_error(_: Request, __: Exception) -> Response:
        return response(500, "this is our fault; the log has the cause")
