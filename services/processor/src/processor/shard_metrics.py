"""What is measured of a shard. Counted once a message, a range or a live chunk."""

from __future__ import annotations

from typing import Final

from lake_core.metrics import Metrics, Unit

_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_ROWS: Final = (10, 100, 1_000, 5_000, 10_000, 25_000, 50_000, 100_000)
_RECORDS: Final = (0, 1, 5, 10, 50, 100, 250, 500)  # KCL reads no more than 500 at once


class ShardMetrics:
    """The metrics of one child."""

    def __init__(self, stream: str, shard: str) -> None:
        self.all = Metrics("processor", {"stream": stream}, {"shard": shard})
        counter, gauge, histogram = self.all.counter, self.all.gauge, self.all.histogram
        self.records = counter("records", "Kinesis records received.")
        self.stream_bytes = counter("stream_bytes", "Bytes of them.")
        self.events = counter("events", "Entries received, usable or not.")
        self.batch_records = histogram("batch_records", "Records a read has brought.", _RECORDS)
        self.ranges = counter("ranges", "Ranges written.")
        self.rows = counter("rows", "Rows written.", Unit.COUNT)
        self.unusable = counter("unusable", "Entries put into quarantine.", Unit.COUNT)
        self.bytes = counter("bytes", "Bytes of Parquet written.")
        self.range_rows = histogram("range_rows", "Rows of a range.", _ROWS)
        self.flush_seconds = histogram(
            "flush_seconds", "Scoring, encoding and putting a range.", _SECONDS
        )
        self.last_range_seconds = gauge(
            "last_range_timestamp_seconds", "When a range was last written, since 1970."
        )
        self.held_seconds = gauge("held_seconds", "Age of the oldest record held.", Unit.SECONDS)
        self.held_events = gauge("held_events", "Entries received and not written yet.")
        self.behind_seconds = gauge(
            "behind_seconds", "How far reading is behind the stream.", Unit.SECONDS
        )
        self.store_retries = counter(
            "store_retries", "Calls of S3 made again after the SDK's own tries.", Unit.COUNT
        )
        self.live_chunks = counter("live_chunks", "Live chunks written.")
        self.live_refused = counter("live_refused", "Live chunks another writer was first with.")
        self.live_failed = counter(
            "live_failed", "Live chunks or alerts that were not taken.", Unit.COUNT
        )
