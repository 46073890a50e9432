"""Routes of what people look at: the dashboard, the documentation of the routes, their files."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from analytics_api.page_files import PageFile, page_files
from analytics_api.problems import Problem
from analytics_api.replies import is_named

# The pages ask this server and nobody else, and run no script but its files. Styles may stand in
# the page: plotly adds a style sheet of its own while it runs, and Swagger UI style attributes.
PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
PAGES: Final = {"/": "index.html", "/docs": "docs.html"}


def page_routes() -> APIRouter:
    """Return the routes over the files, which are read and compressed here, once."""
    router = APIRouter()
    held = page_files()

    def add_page(path: str, name: str) -> None:
        @router.get(path, include_in_schema=False)
        async def page(request: Request) -> Any:
            return file_answer(request, held[name])

    for path, name in PAGES.items():
        add_page(path, name)

    @router.get("/assets/{name}", include_in_schema=False)
    async def asset(request: Request, name: str) -> Any:
        if name not in held or name in PAGES.values():
            raise Problem(HTTPStatus.NOT_FOUND, f"the page has no file {name}")
        return file_answer(request, held[name])

    return router


def file_answer(request: Request, file: PageFile) -> Response:
    """Return a file, compressed if the browser says that it can unpack it, or 304 if it has it."""
    packs = accepts_gzip(request.headers.get("accept-encoding", ""))
    # Two forms of one content are two things to a cache: a tag for each (RFC 9110, 8.8.3.3).
    etag = f'{file.etag[:-1]}-gzip"' if packs else file.etag
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    given = request.headers.get("if-none-match")
    if given is not None and is_named(given, etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    headers["Content-Security-Policy"] = PAGE_POLICY
    if packs:
        headers["Content-Encoding"] = "gzip"
    body = file.packed if packs else file.body
    return Response(body, headers=headers, media_type=file.media_type)


def accepts_gzip(accepted: str) -> bool:
    """Whether an `Accept-Encoding` names gzip and does not refuse it."""
    for one in accepted.lower().split(","):
        coding, _, weight = one.partition(";")
        if coding.strip() == "gzip":
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
