"""Runs the whole lake: starts its parts in order, watches them, and stops them in order.

Start order: emulator, provisioning, then processors and API at once, for a JVM needs ten seconds;
meanwhile the data set is written, uploaded and replayed, so that records wait for the processors
and not the other way round.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from lake_core.errors import InputError, LakeError
from lake_core.names import Domain
from lake_local import aws, emulator, parts
from lake_local.data_set import generated_file, require_readable
from lake_local.directory import LakeDirectory, link_objects, new_lake, require_space
from lake_local.feed import Feed
from lake_local.http_client import Answer, HttpClient
from lake_local.interrupts import Interrupted, Interrupts
from lake_local.java import find_java
from lake_local.lake_answers import lag_seconds, lake_figures
from lake_local.parts import Parts
from lake_local.ports import HOST, free_port, require_free
from lake_local.processes import Processes
from lake_local.provision import provision
from lake_local.screen import Screen, make_screen
from lake_local.settings import Settings
from lake_local.view import PartState, View

TICK_SECONDS: Final = 0.1
ASK_SECONDS: Final = 1.0  # between two looks at the API
ASK_SECONDS_BEFORE_INSIGHT: Final = 0.25
EMULATOR_WITHIN_SECONDS: Final = 20.0
SPACE_EVERY_SECONDS: Final = 10.0
SPACE_WHILE_RUNNING_BYTES: Final = 200_000_000  # enough to stop in good order


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asked for on the command line."""

    checkout: Path
    settings: Settings
    files: Mapping[Domain, Path | None]  # their own CSVs
    environment: Mapping[str, str]  # of this process


class Lake:
    """The parts of one run, and what is known of them."""

    def __init__(
        self,
        *,
        request: Request,
        made: Parts,
        processes: Processes,
        screen: Screen,
        interrupts: Interrupts,
        api_port: int,
        view: View,
    ) -> None:
        self.request = request
        self.parts = made
        self.view = view
        self.screen = screen
        self.api = HttpClient(f"http://{HOST}:{api_port}")
        self.feeds: dict[Domain, Feed] = {}
        self._api_port = api_port
        self._processes = processes
        self._interrupts = interrupts
        self._asked = 0.0
        self._space_looked_at = 0.0

    def start(self, *, trickle: bool) -> None:
        """Start everything; returns while the data set is still on its way."""
        for domain in Domain:
            self.view.set_part(f"{domain} processor", PartState.WAITING)
        self.view.set_part("api", PartState.WAITING)
        self.view.set_part("batch worker", PartState.WAITING)
        for domain in Domain:
            self._processes.start(self.parts.processor(domain))
            self.view.set_part(f"{domain} processor", PartState.STARTING)
        self._processes.start(self.parts.api(self._api_port))
        self.view.set_part("api", PartState.STARTING)
        for domain in Domain:
            self.feeds[domain] = self._feed(domain, trickle=trickle)
            self.feeds[domain].advance()
        self._processes.start(self.parts.batch_worker())
        self.view.set_part("batch worker", PartState.RUNNING, "`make etl` starts a run")

    def _feed(self, domain: Domain, *, trickle: bool) -> Feed:
        own = self.request.files[domain]
        generated = generated_file(domain, self.request.settings)
        programs = [] if own or generated.ready() else [self.parts.generation(domain)]
        programs += [self.parts.upload(domain, own or generated.path), self.parts.replay(domain)]
        programs += [self.parts.trickle(domain)] if trickle else []
        return Feed(domain, programs, self._processes, self.view)

    def tick(self) -> None:
        """Look at everything once, show it, and wait a moment.

        Raises:
            ChildFailed: a part ended.
            Interrupted: somebody asked for the end.
        """
        self._interrupts.check()
        for feed in self.feeds.values():
            feed.advance()
        self._processes.check()
        now = time.monotonic()
        known = self.view.first_insight_seconds is not None
        if now - self._asked >= (ASK_SECONDS if known else ASK_SECONDS_BEFORE_INSIGHT):
            self._asked = now
            self._ask()
        if now - self._space_looked_at >= SPACE_EVERY_SECONDS:
            self._space_looked_at = now
            require_space(self.parts.directory.root, SPACE_WHILE_RUNNING_BYTES)
        self.screen.show(self.view)
        time.sleep(TICK_SECONDS)

    def _ask(self) -> None:
        """Take the figures that the API gives."""
        lake = self.api.get("/v1/lake")
        if not lake.ok:
            return
        self.view.set_part("api", PartState.RUNNING, self.view.addresses.get("API", ""))
        for domain, figures in lake_figures(lake.body).items():
            view = self.view.domains[domain]
            view.scored.set(figures.rows)
            view.unusable = figures.unusable
            if figures.rows or figures.unusable:
                self.view.set_part(f"{domain} processor", PartState.RUNNING)
        self._take_insights(self.api.get("/v1/insights/integrated"))

    def _take_insights(self, answer: Answer) -> None:
        if not answer.ok:
            return
        self.view.lag_seconds = lag_seconds(answer.body)
        if self.view.first_insight_seconds is None:
            self.view.first_insight_seconds = self.view.seconds
            self.screen.show(self.view)
            self.screen.say(f"first insight after {self.view.seconds:.1f} s")

    def stop(self) -> None:
        """Stop the feeds, then what reads them, then what holds the data."""
        hurry = self._interrupts.again
        feeds = [name for feed in self.feeds.values() if (name := feed.name)]
        processors = [parts.processor_name(domain) for domain in Domain]
        services = [parts.BATCH_WORKER, *processors, parts.API]
        for names in (feeds, services, [emulator.NAME]):
            self._processes.stop(*names, hurry=hurry)
        for name in list(self.view.parts):
            self.view.set_part(name, PartState.STOPPED)
        link_objects(
            emulator.stored_objects(self.parts.directory.emulator), self.parts.directory.objects
        )


def run_lake(request: Request, work: Callable[[Lake], int], *, trickle: bool) -> int:
    """Check, start a new lake, do the work with it and stop it; return the exit code.

    Raises:
        LakeError: what cannot work is named with its cure, and nothing is left running.
    """
    settings = request.settings
    _check(request)
    with Interrupts() as interrupts, new_lake(settings.directory) as directory:
        emulator_port = settings.emulator_port or free_port()
        api_port = settings.api_port or free_port()
        view = View()
        view.addresses = _addresses(emulator_port, api_port, directory)
        _note_run(directory, view)
        system = emulator.system_environment(request.environment)
        environment = {**system, **aws.credentials(emulator.endpoint(emulator_port))}
        java = find_java(request.environment)
        made = Parts(request.checkout, directory, settings, environment, java)
        with Processes(directory.logs) as processes, make_screen() as screen:
            lake = Lake(
                request=request,
                made=made,
                processes=processes,
                screen=screen,
                interrupts=interrupts,
                api_port=api_port,
                view=view,
            )
            try:
                _foundation(lake, processes, interrupts, emulator_port, system)
                lake.start(trickle=trickle)
                return work(lake)
            except Interrupted as asked:
                screen.say(f"stopping ({asked})")
                return 128 + asked.number
            finally:
                lake.stop()
                screen.show(view)


def _check(request: Request) -> None:
    settings = request.settings
    for domain, file in request.files.items():
        if file:
            require_readable(file, f"{domain.upper()}_CSV")
    if settings.api_port:
        require_free(settings.api_port, "the API", "choose another: PORT=8001, or PORT=0 for any")
    if settings.emulator_port:
        require_free(settings.emulator_port, "the emulator", "choose another: LAKE_EMULATOR_PORT")
    parent = settings.directory.absolute().parent
    if not parent.is_dir():
        raise InputError(f"{parent} does not exist (LAKE_DIRECTORY)")
    require_space(parent)


def _foundation(
    lake: Lake,
    processes: Processes,
    interrupts: Interrupts,
    port: int,
    system: Mapping[str, str],
) -> None:
    """Start the emulator and make in it what the parts stand on."""
    view = lake.view
    view.set_part("emulator", PartState.STARTING)
    directory = lake.parts.directory
    processes.start(emulator.program(port, directory.emulator, system))
    deadline = time.monotonic() + EMULATOR_WITHIN_SECONDS
    while not emulator.answers(port):
        interrupts.check()
        processes.check()
        if time.monotonic() > deadline:
            raise LakeError(
                f"the emulator does not answer within {EMULATOR_WITHIN_SECONDS:.0f} s; "
                f"see {directory.logs / 'emulator.log'}"
            )
        time.sleep(TICK_SECONDS / 2)
    facts = provision(aws.clients(lake.parts.environment), lake.request.settings)
    view.set_part("emulator", PartState.RUNNING, "; ".join(facts[1:3]))
    lake.screen.show(view)


def _addresses(emulator_port: int, api_port: int, directory: LakeDirectory) -> dict[str, str]:
    api = f"http://{HOST}:{api_port}"
    return {
        "API": api,
        "documents": f"{api}/docs",
        "insights": f"{api}/v1/insights/integrated",
        "AWS": emulator.endpoint(emulator_port),
        "logs": str(directory.logs),
    }


def _note_run(directory: LakeDirectory, view: View) -> None:
    """Write down who runs here, for a second start to name and for tools to find."""
    facts: dict[str, Any] = {
        "process": os.getpid(),
        "api": view.addresses["API"],
        "aws": view.addresses["AWS"],
    }
    # Whole or not at all: somebody may be looking for it at this very moment.
    written = directory.run_facts.with_suffix(".new")
    written.write_bytes(msgspec.json.encode(facts))
    written.replace(directory.run_facts)


def run_forever(lake: Lake) -> int:
    """Watch until somebody asks for the end."""
    while True:
        lake.tick()
