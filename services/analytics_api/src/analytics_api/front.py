"""What stands before the framework: answers that are ready as bytes go out here, at once.

Routing and parameters cost FastAPI ten times what it takes to send prepared bytes. Its routes of
the same paths stay: they answer 503 while there is no data, and describe the answers.
"""

from __future__ import annotations

from collections import Counter
from http import HTTPStatus
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from analytics_api.contents import WITH_PARAMETERS
from analytics_api.prepared import Prepared
from analytics_api.replies import is_named
from analytics_api.service import LakeService

SECURITY_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)
ENDLESS: Final = frozenset({"/v1/alerts/stream"})  # of which there is no HEAD
_CACHE: Final = (b"cache-control", b"no-cache")
_JSON: Final = (b"content-type", b"application/json")


class Front:
    """The outermost application: ready answers, counts by status, headers of every answer."""

    def __init__(self, app: ASGIApp, service: LakeService, counts: Counter[int]) -> None:
        self._app = app
        self._service = service
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] in ("GET", "HEAD"):
            prepared = self._service.snapshot.prepared.get(scope["path"])
            asked = scope["query_string"] and scope["path"] in WITH_PARAMETERS
            if prepared is not None and not asked:
                await self._send_ready(prepared, scope, send)
                return
            if scope["path"] not in ENDLESS:
                # A copy: the server looks at its own to leave the body of a HEAD out.
                scope = {**scope, "method": "GET"}
        await self._pass_on(scope, receive, send)

    async def _send_ready(self, prepared: Prepared, scope: Scope, send: Send) -> None:
        headers = [(b"etag", prepared.etag), _CACHE, *SECURITY_HEADERS]
        status, body = HTTPStatus.OK, prepared.body
        if _client_has(prepared.etag, scope):
            status, body = HTTPStatus.NOT_MODIFIED, b""
        else:
            headers += [_JSON, (b"content-length", b"%d" % len(body))]
        self._counts[status] += 1
        await send({"type": "http.response.start", "status": int(status), "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._counts[message["status"]] += 1
                message["headers"] = [*message.get("headers", ()), *SECURITY_HEADERS]
            await send(message)

        await self._app(scope, receive, counting)


def _client_has(etag: bytes, scope: Scope) -> bool:
    given = [value for name, value in scope["headers"] if name == b"if-none-match"]
    return bool(given) and is_named(b",".join(given).decode("latin-1"), etag.decode())
