"""One source's way onto its stream, a program after the other: data, upload, replay, trickle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lake_core.names import Domain
from lake_local.log_lines import LogTail
from lake_local.processes import Child, Processes, Program
from lake_local.view import PartState, View


@dataclass(frozen=True, slots=True)
class Sent:
    """What a `replayed` line says: the end of a replay."""

    sent: int
    refused: int


class Feed:
    """Starts the next program when the one before has ended well; reads what they say."""

    def __init__(
        self, domain: Domain, programs: Sequence[Program], processes: Processes, view: View
    ) -> None:
        self._domain = domain
        self._waiting = list(programs)
        self._processes = processes
        self._view = view
        self._child: Child | None = None
        self._tail: LogTail | None = None
        self.result: Sent | None = None

    @property
    def name(self) -> str | None:
        """The name of the program that runs now."""
        return self._child.program.name if self._child and self._child.running else None

    @property
    def finished(self) -> bool:
        """Every program has ended well."""
        return not self._waiting and (self._child is None or self._child.succeeded)

    def advance(self) -> None:
        """Read what was said, and start the next program if it is its turn."""
        ended = self._child is not None and not self._child.running
        self._read()
        if self._child is None or (ended and self._child.succeeded):
            if self._child is not None:
                self._view.set_part(self._label, PartState.DONE, self._detail())
            if self._waiting:
                self._start(self._waiting.pop(0))

    @property
    def _label(self) -> str:
        return f"{self._domain} feed"

    def _start(self, program: Program) -> None:
        self._child = self._processes.start(program)
        self._tail = LogTail(self._child.log)
        self._view.set_part(self._label, PartState.RUNNING, program.name.split("-")[0])

    def _read(self) -> None:
        for entry in self._tail.new_lines() if self._tail else ():
            self._take(entry)

    def _take(self, entry: dict[str, Any]) -> None:
        figures = self._view.domains[self._domain]
        if isinstance(rows := entry.get("rows"), int):
            figures.rows = rows
        sent, refused = entry.get("sent"), entry.get("quarantined")
        if not isinstance(sent, int) or not isinstance(refused, int):
            return
        if self._child and not self._child.program.ends:
            figures.trickle, figures.trickle_refused = sent, refused
            return
        figures.sent.set(sent)
        figures.refused = refused
        if entry.get("message") == "replayed":
            self.result = Sent(sent, refused)

    def _detail(self) -> str:
        return f"{self._view.domains[self._domain].sent.value:,} events sent"
