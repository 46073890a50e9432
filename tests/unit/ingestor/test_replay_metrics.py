"""What a replay tells of itself is what its putter has counted."""

from __future__ import annotations

from ingestor.pace import Pace
from ingestor.putter import Totals
from ingestor.replay_metrics import ReplayMetrics


def test_the_putter_s_totals_are_told_as_they_grow() -> None:
    totals, pace, now = Totals(), Pace(10.0), [100.0]
    metrics = ReplayMetrics("manufacturing-data-stream", totals, pace, lambda: now[0])
    totals.events, totals.bytes, totals.throttled = 50, 5000, 3
    now[0] = 102.0
    metrics.look()
    first = metrics.all.emf(0.0)
    assert (first["Events"], first["Bytes"], first["Throttled"]) == (50, 5000, 3)
    assert first["EventsPerSecond"] == 25
    assert "PaceBehindSeconds" not in first  # nothing sent yet: not known
    pace.wait_seconds(102.0)
    totals.events = 60
    now[0] = 104.1
    metrics.look()
    second = metrics.all.emf(0.0)
    assert (second["Events"], second["Bytes"]) == (10, 0)
    assert round(second["PaceBehindSeconds"], 6) == 2.0
