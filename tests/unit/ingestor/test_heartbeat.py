"""A replay that gets on is alive, one that does not is named, and one that ended is no problem."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ingestor.heartbeat import STALE_SECONDS, Heartbeat, problem


def test_a_replay_that_gets_on_is_well(tmp_path: Path) -> None:
    Heartbeat(tmp_path / "beats", "a-stream").beat()
    assert problem(tmp_path / "beats", time.time()) is None


def test_a_replay_that_hangs_is_named(tmp_path: Path) -> None:
    Heartbeat(tmp_path, "a-stream").beat()
    long_ago = time.time() - STALE_SECONDS - 1
    os.utime(tmp_path / "a-stream", (long_ago, long_ago))
    assert "a-stream" in (problem(tmp_path, time.time()) or "")


def test_a_replay_that_ended_leaves_no_heartbeat(tmp_path: Path) -> None:
    beat = Heartbeat(tmp_path, "a-stream")
    beat.beat()
    beat.end()
    assert not list(tmp_path.iterdir())


def test_before_the_first_replay_all_is_well(tmp_path: Path) -> None:
    assert problem(tmp_path / "not-there-yet", time.time()) is None


def test_without_a_directory_there_is_no_heartbeat(tmp_path: Path) -> None:
    Heartbeat(None, "a-stream").beat()
    assert problem(None, time.time()) is None
    assert not list(tmp_path.iterdir())
