"""What schemathesis cannot know by itself: which cursors there are.

A cursor is opaque: no schema says which text is one, and all others are refused. So where a
request is to be a valid one, its cursor becomes the one that the API gives for the same question.
"""

from __future__ import annotations

from typing import Any

import httpx
import schemathesis


@schemathesis.hook
def before_call(
    context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]
) -> None:
    """Replace an invented cursor."""
    del context, kwargs
    query = case.query
    if not query or "cursor" not in query or case.meta is None:
        return
    if case.meta.generation.mode is schemathesis.GenerationMode.POSITIVE:
        del query["cursor"]
        if known := _next_cursor(f"{case.operation.base_url}".rstrip("/") + case.path, dict(query)):
            query["cursor"] = known


def _next_cursor(url: str, asked: dict[str, Any]) -> str | None:
    """Return the cursor behind the first item of a list; None: it has no more."""
    answer = httpx.get(url, params={**asked, "limit": 1}, trust_env=False)
    cursor: str | None = answer.raise_for_status().json()["next_cursor"]
    return cursor
