"""The watchdog kills what a dead runner left, and only that."""

from __future__ import annotations

from lake_local.watchdog import groups_left


def test_groups_that_did_not_end_are_left() -> None:
    assert groups_left(["+10\n", "+11\n", "-10\n"]) == {11}


def test_nothing_is_left_after_a_good_end() -> None:
    assert groups_left(["+10\n", "done\n"]) == set()
