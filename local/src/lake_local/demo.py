"""The data set through the whole lake once, batch included, checked to the last row."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from rich.console import Console
from rich.table import Table

from lake_core.errors import LakeError
from lake_core.names import Domain
from lake_local import aws, etl
from lake_local.http_client import HttpClient
from lake_local.lake_answers import producer_duplicates
from lake_local.runner import Lake

PAGE = 1000  # the largest page of the API's lists
INSIGHTS = ("/v1/insights/manufacturing", "/v1/insights/ecommerce", "/v1/insights/integrated")
SINGLE = ("/healthz", "/readyz", *INSIGHTS, "/v1/lake", "/v1/lake/integrity")
# A list's path, and the key of its items that names one of them.
LISTS = {"/v1/machines": "machine_id", "/v1/customers": "customer_id", "/v1/alerts": None}


class DemoFailed(LakeError):  # noqa: N818 - what happened, in the words of the message
    """The demo did not come to its right end."""


def run_demo(lake: Lake) -> int:
    """Wait for every row, check, run the batch workflow once, check again, keep the answers."""
    _wait_until_settled(lake)
    streamed = collect(lake.api)
    check_answers(lake, streamed)
    _run_batch(lake)
    answers = collect(lake.api)
    check_answers(lake, answers)
    check_same(streamed, answers)
    path = lake.parts.directory.answers
    path.write_bytes(msgspec.json.format(msgspec.json.encode(answers), indent=2) + b"\n")
    lake.screen.say(f"\n{summary(lake)}")
    return 0


def _run_batch(lake: Lake) -> None:
    """Run the workflow to its end, and wait until answers are made from what it published."""
    lake.screen.say("\nevery row has arrived; the batch workflow begins")
    etl.run_execution(aws.clients(lake.parts.environment).states, lake.screen.say, lake.tick)
    etl.from_batch(lake.api, lake.tick)


def check_same(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Compare the insights from the stream alone with those that batch has a part in.

    Raises:
        DemoFailed: a number has changed, though no event came.
    """
    for path in INSIGHTS:
        was, now = _without_freshness(before[path]), _without_freshness(after[path])
        if was != now:
            raise DemoFailed(f"the batch run changed {path}: {was} became {now}")


def _without_freshness(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {k: _without_freshness(v) for k, v in node.items() if k != "freshness"}
    return node


def _wait_until_settled(lake: Lake) -> None:
    """Tick until the lake holds what was sent.

    Raises:
        DemoFailed: it holds more, or nothing moved for long.
    """
    limit = lake.request.settings.stall_seconds
    moved, before = time.monotonic(), _position(lake)
    while not _settled(lake):
        lake.tick()
        now = _position(lake)
        if now != before:
            moved, before = time.monotonic(), now
        if time.monotonic() - moved > limit:
            raise DemoFailed(
                f"nothing moved for {limit:.0f} s: {progress(lake)}; "
                f"the logs are in {lake.parts.directory.logs}"
            )


def _position(lake: Lake) -> list[object]:
    return [
        (view.sent.value, view.refused, view.scored.value, view.unusable, lake.feeds[domain].name)
        for domain, view in lake.view.domains.items()
    ]


def progress(lake: Lake) -> str:
    """Return what was sent and what arrived, per domain."""
    return "; ".join(
        f"{domain}: {view.sent.value:,} events sent, {view.scored.value:,} in the lake, "
        f"{view.unusable:,} in quarantine"
        for domain, view in lake.view.domains.items()
    )


def _settled(lake: Lake) -> bool:
    if not all(feed.finished for feed in lake.feeds.values()):
        return False
    for domain, feed in lake.feeds.items():
        if feed.result is None:
            raise DemoFailed(f"the replay of {domain} ended without saying what it sent")
        view = lake.view.domains[domain]
        if not all_arrived(domain, feed.result.sent, view.scored.value + view.unusable, lake.api):
            return False
    return lake.view.first_insight_seconds is not None


def all_arrived(domain: Domain, sent: int, arrived: int, api: HttpClient) -> bool:
    """Say whether what was sent has arrived, once each but for what the producer sent twice.

    Raises:
        DemoFailed: more arrived than that.
    """
    if arrived < sent:
        return False
    twice = producer_duplicates(_get(api, "/v1/lake/integrity"), domain)
    if arrived - twice > sent:
        raise DemoFailed(
            f"{domain}: {arrived:,} events arrived, {twice:,} of them known as sent twice, "
            f"but only {sent:,} were sent"
        )
    return arrived - twice == sent


def collect(api: HttpClient) -> dict[str, Any]:
    """Return every answer of the API by its path; lists over all their pages."""
    answers = {path: _get(api, path) for path in SINGLE}
    for path, identity in LISTS.items():
        answers[path] = _whole_list(api, path)
        if identity:
            for item in answers[path]["items"]:
                one = f"{path}/{quote(str(item[identity]), safe='')}"
                answers[one] = _get(api, one)
    return answers


def _get(api: HttpClient, path: str) -> Any:
    answer = api.get(path)
    if not answer.ok:
        raise DemoFailed(f"GET {path} answered {answer.status} {answer.reason}: {answer.body}")
    return answer.body


def _pages(api: HttpClient, path: str) -> Iterator[Any]:
    query = {"limit": str(PAGE)}
    while True:
        page = _get(api, f"{path}?{urlencode(query)}")
        yield page
        if not page.get("next_cursor"):
            return
        query["cursor"] = page["next_cursor"]


def _whole_list(api: HttpClient, path: str) -> dict[str, Any]:
    pages = list(_pages(api, path))
    items = [item for page in pages for item in page["items"]]
    return {**pages[0], "items": items, "next_cursor": None}


def check_answers(lake: Lake, answers: Mapping[str, Any]) -> None:
    """Compare the answers with what was sent.

    Raises:
        DemoFailed: they do not fit.
    """
    if answers["/v1/lake/integrity"].get("verified") is not True:
        raise DemoFailed("the lake does not verify: see GET /v1/lake/integrity in demo.json")
    for domain, view in lake.view.domains.items():
        if view.rows is not None and view.sent.value + view.refused != view.rows:
            raise DemoFailed(
                f"{domain}: of {view.rows:,} rows {view.sent.value:,} were sent and "
                f"{view.refused:,} refused"
            )
    sent = {domain: feed.result.sent for domain, feed in lake.feeds.items() if feed.result}
    analyzed = answers["/v1/insights/manufacturing"]["records_analyzed"]
    usable = sent[Domain.MANUFACTURING] - lake.view.domains[Domain.MANUFACTURING].unusable
    if analyzed != usable:
        raise DemoFailed(f"{analyzed:,} readings analysed, but {usable:,} usable ones were sent")


def summary(lake: Lake) -> str:
    """Return what arrived, in a sentence."""
    total = sum(view.scored.value for view in lake.view.domains.values())
    quarantined = sum(view.quarantined for view in lake.view.domains.values())
    return (
        f"every row is accounted for: {total:,} in the lake, {quarantined:,} in quarantine, "
        f"none lost, none twice ({lake.view.seconds:.0f} s)"
    )


def print_insights(insights: Mapping[str, Any], console: Console) -> None:
    """Print the integrated insights as a table."""
    table = Table(title="Integrated insights", title_justify="left")
    table.add_column("insight")
    table.add_column("value", justify="right")
    for group in ("cross_domain_insights", "manufacturing", "ecommerce"):
        table.add_section()
        for name, value in insights[group].items():
            if not isinstance(value, Mapping):
                table.add_row(f"{group.split('_')[0]}: {name.replace('_', ' ')}", _shown(value))
    console.print(table)


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
