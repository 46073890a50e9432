"""Logs are followed by whole lines and told in a person's form."""

from __future__ import annotations

from pathlib import Path

from lake_local.log_lines import LogTail, last_lines, readable


def test_a_tail_gives_each_line_once_and_half_a_line_later(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    tail = LogTail(log)
    assert list(tail.new_lines()) == []
    log.write_bytes(b'{"sent":1}\n{"se')
    assert list(tail.new_lines()) == [{"sent": 1}]
    with log.open("ab") as file:
        file.write(b'nt":2}\n')
    assert list(tail.new_lines()) == [{"sent": 2}]


def test_lines_that_are_no_objects_are_passed_over(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    log.write_bytes(b'plain\n[1]\n\xff\n{"sent":3}\n')
    assert list(LogTail(log).new_lines()) == [{"sent": 3}]


def test_the_last_lines_are_readable(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    log.write_bytes(b'first\n{"level":"error","message":"lost","shard":"s-1","time":"x"}\n')
    assert last_lines(log, 5) == ["first", "error: lost (shard=s-1)"]


def test_of_an_exception_the_last_line_is_told() -> None:
    line = b'{"level":"error","message":"stopped","exception":"Traceback\\n  x\\nOSError: gone"}'
    assert readable(line) == "error: stopped OSError: gone"


def test_a_log_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    assert last_lines(tmp_path / "none.log", 5) == []
