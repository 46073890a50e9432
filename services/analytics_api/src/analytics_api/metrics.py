"""Figures of the API in Prometheus' text exposition format."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Mapping
from typing import Final

from analytics_api.follower import Follower
from lake_core.layout import Chain

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_BEGAN: Final = time.time()
KIBIBYTE: Final = 1024  # ru_maxrss' unit on Linux


def lake_metrics(follower: Follower) -> str:
    """Return the figures of the lake; for the follower's own thread, which owns them."""
    return "".join(_lake_lines(follower))


def process_metrics(responses: Mapping[int, int]) -> str:
    """Return the figures of this process; `responses` counts answers by status."""
    return "".join(_process_lines(responses))


def _lake_lines(follower: Follower) -> Iterator[str]:
    domains = follower.domains.items()
    yield from _metric(
        "lake_rows", "gauge", "Rows in processed/.",
        ((f'domain="{name}"', domain.rows) for name, domain in domains),
    )  # fmt: skip
    yield from _metric(
        "lake_unusable_entries", "gauge", "Entries in quarantine.",
        ((f'domain="{name}"', domain.unusable) for name, domain in domains),
    )  # fmt: skip
    yield from _metric(
        "lake_objects", "gauge", "Objects in processed/.",
        ((f'domain="{name}"', domain.processed.objects) for name, domain in domains),
    )  # fmt: skip
    yield from _metric(
        "lake_bytes", "gauge", "Bytes in processed/.",
        ((f'domain="{name}"', domain.processed.bytes) for name, domain in domains),
    )  # fmt: skip
    yield from _metric(
        "lake_tail_objects", "gauge", "Objects counted behind the curated table's positions.",
        ((f'domain="{name}"', domain.tail_objects) for name, domain in domains),
    )  # fmt: skip
    yield from _metric(
        "lake_live_rows", "gauge", "Rows counted from the live view that processed/ has not yet.",
        ((f'domain="{name}"', domain.live_rows) for name, domain in domains),
    )  # fmt: skip
    yield from _metric(
        "lake_data_through_seconds", "gauge", "Arrival up to which everything is counted.",
        (
            (f'domain="{name}"', (domain.data_through or 0) / 1000)
            for name, domain in domains
        ),
    )  # fmt: skip
    yield from _metric(
        "lake_shard_verified", "gauge", "1 where a shard's delivery proof holds.",
        (
            (_shard_labels(proof.chain), int(not proof.problems))
            for _, domain in domains
            for proof in domain.proofs
        ),
    )  # fmt: skip
    yield from _metric(
        "lake_unreadable_object", "gauge", "1 for each object that stops its chain.",
        (
            (f'domain="{name}",key="{_escaped(key)}"', 1)
            for name, domain in domains
            for _, proof in sorted(domain.shards.items())
            for key in sorted(proof.unreadable)
        ),
    )  # fmt: skip
    yield from _metric(
        "lake_waiting_objects", "gauge", "Objects whose predecessor has not been seen yet.",
        (
            (f'domain="{name}"', sum(proof.reader.waiting for proof in domain.shards.values()))
            for name, domain in domains
        ),
    )  # fmt: skip
    yield from _metric(
        "lake_reachable", "gauge", "1 if the last look at the lake worked.",
        [("", int(follower.problem is None))],
    )  # fmt: skip
    yield from _metric("api_polls_total", "counter", "Looks at the lake.", [("", follower.polls)])
    yield from _metric(
        "api_failed_polls_total", "counter", "Looks that failed.", [("", follower.failed_polls)]
    )


def _process_lines(responses: Mapping[int, int]) -> Iterator[str]:
    yield from _metric(
        "api_responses_total", "counter", "Answers by status.",
        ((f'status="{status}"', count) for status, count in sorted(responses.items())),
    )  # fmt: skip
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIBIBYTE
    yield from _metric("api_peak_memory_bytes", "gauge", "Largest resident size.", [("", peak)])
    yield from _metric("api_start_time_seconds", "gauge", "Start of the process.", [("", _BEGAN)])


def _metric(
    name: str,
    kind: str,
    help_text: str,
    values: Iterator[tuple[str, float]] | list[tuple[str, float]],
) -> Iterator[str]:
    yield f"# HELP {name} {help_text}\n# TYPE {name} {kind}\n"
    for labels, value in values:
        yield f"{name}{{{labels}}} {value}\n" if labels else f"{name} {value}\n"


def _shard_labels(chain: Chain) -> str:
    return f'domain="{chain.domain}",shard="{chain.shard}",incarnation="{chain.incarnation}"'


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
