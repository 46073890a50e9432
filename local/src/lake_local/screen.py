"""Shows a run: one tidy screen on a terminal, plain lines every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from types import TracebackType
from typing import Final, Protocol, Self, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from lake_local.view import DomainView, PartState, View

LINE_EVERY_SECONDS: Final = 5.0
BAR_WIDTH: Final = 12
_MARKS: Final = {
    PartState.WAITING: ("·", "dim"),
    PartState.STARTING: ("◌", "yellow"),
    PartState.RUNNING: ("●", "green"),
    PartState.DONE: ("✓", "green"),
    PartState.STOPPED: ("■", "dim"),
}


class Screen(Protocol):
    """Where a run is shown."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def show(self, view: View) -> None:
        """Show the state of things; called several times a second."""

    def say(self, text: str) -> None:
        """Print a line that stays."""


class LiveScreen:
    """A screen that redraws itself in place."""

    def __init__(self, console: Console) -> None:
        # Drawn by the runner's own loop: no second thread, so a stop cannot meet it half-way.
        self._live = Live(console=console, auto_refresh=False, transient=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):  # the terminal may be gone: that must not keep processes alive
            self._live.stop()

    def show(self, view: View) -> None:
        """Redraw."""
        with suppress(OSError):
            self._live.update(render(view), refresh=True)

    def say(self, text: str) -> None:
        """Print above the live part."""
        with suppress(OSError):
            self._live.console.print(text, highlight=False, markup=False)


class PlainScreen:
    """Lines for a log file or a pipe: one when something changed, one every few seconds."""

    def __init__(self, stream: TextIO = sys.stdout) -> None:
        self._stream = stream
        self._parts: dict[str, PartState] = {}
        self._shown = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def show(self, view: View) -> None:
        """Print what changed, and the figures when they are due."""
        for name, (state, detail) in view.parts.items():
            if self._parts.get(name) != state and state != PartState.WAITING:
                self.say(
                    f"{view.seconds:6.1f} s  {name}: {state}{f' ({detail})' if detail else ''}"
                )
            self._parts[name] = state
        if time.monotonic() - self._shown >= LINE_EVERY_SECONDS:
            self._shown = time.monotonic()
            self.say(figures_line(view))

    def say(self, text: str) -> None:
        """Print a line."""
        with suppress(OSError, ValueError):
            self._stream.write(text + "\n")
            self._stream.flush()


def make_screen() -> Screen:
    """Return the screen that fits where stdout goes."""
    return LiveScreen(Console()) if sys.stdout.isatty() else PlainScreen()


def figures_line(view: View) -> str:
    """Return the figures of both domains in one line."""
    domains = "; ".join(
        f"{domain}: {_sent(figures)} sent, {figures.scored.value:,} scored "
        f"({figures.scored.per_second:,.0f}/s), {figures.quarantined:,} quarantined"
        for domain, figures in view.domains.items()
    )
    lag = f"; {view.lag_seconds:.1f} s behind" if view.lag_seconds is not None else ""
    return f"{view.seconds:6.1f} s  {domains}{lag}"


def _sent(figures: DomainView) -> str:
    total = f" of {figures.rows:,}" if figures.rows is not None and not figures.trickle else ""
    return f"{figures.sent.value + figures.trickle:,}{total}"


def render(view: View) -> Group:
    """Return the whole screen."""
    first = view.first_insight_seconds
    insight = f"first insight after {first:.0f} s" if first is not None else "no insight yet"
    lag = f" · {view.lag_seconds:.1f} s behind" if view.lag_seconds is not None else ""
    title = Text.assemble(
        ("Multi-Source Data Lake", "bold"), f"   {view.seconds:.0f} s · {insight}{lag}"
    )
    addresses = Table.grid(padding=(0, 2))
    for name, address in view.addresses.items():
        addresses.add_row(Text(name, style="dim"), Text(address, style="cyan"))
    hint = Text("Ctrl-C stops everything", style="dim")
    blank = Text("")
    return Group(title, blank, _domains(view), blank, _parts(view), blank, addresses, hint)


def _domains(view: View) -> Table:
    # 80 columns wide, the narrowest terminal that is usual.
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column("source", no_wrap=True, min_width=13)
    table.add_column("", width=BAR_WIDTH)
    for heading in ("sent", "per s", "scored", "per s", "quarantined"):
        table.add_column(heading, justify="right", no_wrap=True)
    for domain, figures in view.domains.items():
        total = figures.rows or 1
        done = figures.sent.value + figures.refused if figures.rows else 0
        table.add_row(
            domain,
            ProgressBar(total=total, completed=min(done, total), width=BAR_WIDTH),
            f"{figures.sent.value + figures.trickle:,}",
            f"{figures.sent.per_second:,.0f}",
            f"{figures.scored.value:,}",
            f"{figures.scored.per_second:,.0f}",
            f"{figures.quarantined:,}",
        )
    return table


def _parts(view: View) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, (state, detail) in view.parts.items():
        mark, style = _MARKS[state]
        table.add_row(Text(mark, style=style), name, Text(state, style=style), Text(detail, "dim"))
    return table
