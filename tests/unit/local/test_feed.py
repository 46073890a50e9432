"""A source's programs run one after the other, and what they say becomes figures."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lake_core.names import Domain
from lake_local.feed import Feed
from lake_local.processes import ChildFailed, Processes, Program
from lake_local.view import PartState, View


def says(name: str, *lines: str, code: int = 0, ends: bool = True) -> Program:
    """A program that logs lines and ends."""
    script = f"import sys; print({os.linesep.join(lines)!r}); sys.exit({code})"
    return Program(name, [sys.executable, "-S", "-c", script], {}, "none", ends=ends)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    with Processes(tmp_path) as running:
        yield running


def run(feed: Feed, processes: Processes) -> None:
    deadline = time.monotonic() + 5
    while not feed.finished and time.monotonic() < deadline:
        feed.advance()
        processes.check()
        time.sleep(0.01)
    feed.advance()


def test_programs_follow_each_other_and_the_last_word_is_the_result(processes: Processes) -> None:
    view = View()
    programs = [
        says("upload-manufacturing", '{"message":"uploaded","rows":10}'),
        says(
            "replay-manufacturing",
            '{"message":"replaying","sent":4,"quarantined":1}',
            '{"message":"replayed","sent":8,"quarantined":2}',
        ),
    ]
    feed = Feed(Domain.MANUFACTURING, programs, processes, view)
    run(feed, processes)
    figures = view.domains[Domain.MANUFACTURING]
    assert feed.result is not None
    assert (feed.result.sent, feed.result.refused) == (8, 2)
    assert (figures.rows, figures.sent.value, figures.refused) == (10, 8, 2)
    assert view.parts["manufacturing feed"][0] == PartState.DONE


def test_after_a_failure_nothing_follows(processes: Processes, tmp_path: Path) -> None:
    programs = [says("upload-ecommerce", "no column Age", code=1), says("replay-ecommerce")]
    feed = Feed(Domain.ECOMMERCE, programs, processes, View())
    with pytest.raises(ChildFailed, match="no column Age"):
        run(feed, processes)
    assert not (tmp_path / "replay-ecommerce.log").exists()
    assert not feed.finished
