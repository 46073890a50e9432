"""Figures and how they are shown."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from lake_core.names import Domain
from lake_local.screen import PlainScreen, figures_line, render
from lake_local.view import Counter, PartState, View


def test_a_rate_is_growth_over_the_last_seconds() -> None:
    counter = Counter()
    assert counter.per_second == 0
    for second in range(11):
        counter.set(second * 100, now=float(second))
    assert counter.per_second == pytest.approx(100)
    counter.set(1000, now=100.0)
    assert counter.per_second == pytest.approx(0)


def test_the_screen_shows_parts_figures_and_addresses() -> None:
    view = View()
    view.addresses = {"API": "http://127.0.0.1:8000"}
    view.set_part("emulator", PartState.RUNNING, "two streams")
    view.domains[Domain.MANUFACTURING].rows = 100_000
    view.domains[Domain.MANUFACTURING].sent.set(51_200)
    view.domains[Domain.MANUFACTURING].unusable = 7
    console = Console(file=io.StringIO(), width=120, force_terminal=False)
    console.print(render(view))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for wanted in (
        "emulator",
        "running",
        "51,200",
        " 7",
        "http://127.0.0.1:8000",
        "no insight yet",
    ):
        assert wanted in text


def test_plain_lines_come_when_a_part_changes_and_not_twice() -> None:
    stream = io.StringIO()
    screen, view = PlainScreen(stream), View()
    view.set_part("api", PartState.WAITING)
    screen.show(view)
    view.set_part("api", PartState.RUNNING, "there")
    screen.show(view)
    screen.show(view)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 1
    assert lines[0].endswith("api: running (there)")


def test_a_closed_output_does_not_stop_the_run() -> None:
    stream = io.StringIO()
    stream.close()
    PlainScreen(stream).say("nobody reads this")


def test_the_figures_line_names_both_domains() -> None:
    view = View()
    view.domains[Domain.ECOMMERCE].rows = 1000
    view.domains[Domain.ECOMMERCE].sent.set(998)
    view.domains[Domain.ECOMMERCE].refused = 2
    line = figures_line(view)
    assert "ecommerce: 998 of 1,000 sent" in line
    assert "2 quarantined" in line
