"""Ready answers, and errors, as the server gets them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from analytics_api.app import make_app
from analytics_api.snapshot import Snapshot
from tests.unit.analytics_api.expectations import purchase_rows, reading_rows
from tests.unit.analytics_api.lake_builder import Api, MemoryLake, filled


def ask(api: Api, method: str, path: str) -> tuple[int, dict[str, str], bytes, str]:
    """Return status, headers, body, and the method the server finds in its scope afterwards."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "path": path, "raw_path": path.encode(), "query_string": b"", "headers": [],
        "scheme": "http", "server": ("test", 80), "client": ("test", 1), "root_path": "",
    }  # fmt: skip
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    async def serve() -> None:
        try:
            await make_app(api.service)(scope, receive, send)
        except LookupError:  # a server logs what comes out after the answer
            assert sent

    asyncio.run(serve())
    headers = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], headers, body, str(scope["method"])


@pytest.fixture
def api() -> Api:
    return Api(filled(reading_rows(30), purchase_rows(30)).lake).poll()


@pytest.mark.parametrize("path", ["/v1/insights/integrated", "/v1/machines", "/v1/lake"])
def test_the_server_still_sees_that_it_is_a_head_request(api: Api, path: str) -> None:
    got, head = ask(api, "GET", path), ask(api, "HEAD", path)
    assert head[:2] == got[:2]
    assert head[3] == "HEAD"
    assert int(head[1]["content-length"]) == len(got[2])


@pytest.mark.parametrize("path", ["/v1/insights/integrated", "/v1/machines", "/nowhere", "/"])
def test_every_answer_has_the_headers_of_a_careful_server(api: Api, path: str) -> None:
    headers = ask(api, "GET", path)[1]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["content-length"]


@pytest.mark.parametrize("path", ["/v1/insights/integrated", "/v1/lake", "/v1/machines"])
def test_a_method_that_does_not_exist_is_a_problem(api: Api, path: str) -> None:
    status, headers, body, _ = ask(api, "DELETE", path)
    assert (status, headers["content-type"]) == (405, "application/problem+json")
    assert headers["allow"] == "GET"
    assert b'"status":405' in body


class _Broken(dict[Any, Any]):
    def get(self, key: Any, default: Any = None) -> Any:
        raise LookupError("broken on purpose")


def test_our_own_fault_is_a_problem_that_tells_nothing_of_the_inside(api: Api) -> None:
    api.service.snapshot = Snapshot(machine_lists=_Broken())
    status, headers, body, _ = ask(api, "GET", "/v1/machines")
    assert (status, headers["content-type"]) == (500, "application/problem+json")
    assert b"purpose" not in body


def test_every_status_is_counted(api: Api) -> None:
    for path in ("/v1/insights/integrated", "/v1/machines/0", "/nowhere"):
        api.get(path)
    text = api.get("/metrics")[2]
    for status in (200, 404, 422):
        assert f'api_responses_total{{status="{status}"}} 1' in text


def test_before_the_first_look_every_insight_is_unavailable() -> None:
    status, headers, _, _ = ask(Api(MemoryLake()), "GET", "/v1/lake/integrity")
    assert (status, headers["content-type"]) == (503, "application/problem+json")
