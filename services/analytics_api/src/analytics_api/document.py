"""The OpenAPI document, with what the framework cannot see in the routes: of what type problems
are, and how answers are cached."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI

from analytics_api import problems

_TAG: Final = {"description": "of the content, without `as_of` and `lag_seconds`"}
_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "ETag": {**_TAG, "required": True, "schema": {"type": "string", "pattern": '^"[0-9a-f]+"$'}},
    "Cache-Control": {"required": True, "schema": {"const": "no-cache"}},
}
_IF_NONE_MATCH: Final = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "the `ETag` of an answer that the client has",
    "schema": {"type": "string"},
}
_RETRY_AFTER: Final = {
    "description": "seconds", "required": True, "schema": {"type": "string", "pattern": "^[0-9]+$"},
}  # fmt: skip
NOT_MODIFIED: Final = "304"


class Documented(FastAPI):
    """An application whose document is complete."""

    def openapi(self) -> dict[str, Any]:
        """Return the document; made once."""
        if self.openapi_schema is None:
            for operations in super().openapi()["paths"].values():
                for operation in operations.values():
                    _complete(operation)
        return super().openapi()


def _complete(operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    for response in responses.values():
        content = response.get("content", {})
        if problems.MEDIA_TYPE in content:  # the framework puts every model under JSON
            content[problems.MEDIA_TYPE] = content.pop("application/json")
    if NOT_MODIFIED in responses:
        operation.setdefault("parameters", []).append(_IF_NONE_MATCH)
        for status in ("200", NOT_MODIFIED):
            responses[status]["headers"] = _HEADERS
    if "503" in responses:
        responses["503"]["headers"] = {"Retry-After": _RETRY_AFTER}
