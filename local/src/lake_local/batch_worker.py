"""Serves the activities of the workflow: does on this machine what Glue and ECS do on AWS.

One thread a step waits for its tasks and has them done by `step_programs`. While a program runs,
its task's heartbeat is sent, so that the engine notices a worker that is gone.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from lake_core.errors import LakeError
from lake_core.orchestration import STEPS
from lake_local.aws import Clients, ServiceError, UnreachableError
from lake_local.step_programs import TERMINATE_SECONDS, Outcome, StepPrograms
from lake_local.workflow import (
    HEARTBEAT_SECONDS,
    activities,
    require_workflow,
    running_execution,
    start_execution,
)

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

log = logging.getLogger(__name__)
BEAT_EVERY_SECONDS: Final = HEARTBEAT_SECONDS / 4
PAUSE_SECONDS: Final = 2.0  # after the engine could not be reached
POLL_SECONDS: Final = 0.1


class BatchWorker:
    """Works until `stop` is set."""

    def __init__(
        self, clients: Clients, programs: StepPrograms, stop: threading.Event, *, at_once: int
    ) -> None:
        self._clients = clients
        self._programs = programs
        self._stop = stop
        self._slots = threading.Semaphore(at_once)
        self._under_way: set[str] = set()  # steps; each has one thread

    def run(self, every_seconds: float) -> None:
        """Serve every step, and start an execution that often; returns when `stop` is set.

        Raises:
            InputError: there is no workflow to serve.
        """
        machine = require_workflow(self._clients.states)
        known = activities(self._clients.states)
        for name in STEPS:
            wait = threading.Thread(
                target=self._wait_for_tasks, args=(name, known[name]), daemon=True
            )
            wait.start()  # never joined: a request that waits for a task ends with the process
        log.info("waiting for tasks", extra={"steps": len(STEPS), "every_seconds": every_seconds})
        while not self._stop.wait(every_seconds):
            self._start_execution(machine)
        deadline = time.monotonic() + TERMINATE_SECONDS + 1
        while self._under_way and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)

    def _start_execution(self, machine: str) -> None:
        states = self._clients.states
        try:
            if running_execution(states, machine) is None:
                name = execution_name("scheduled", dt.datetime.now(dt.UTC))
                start_execution(states, machine, name)
                log.info("scheduled execution started", extra={"execution": name})
        except (ServiceError, UnreachableError) as error:
            log.warning("no execution could be started", extra={"reason": str(error)})

    def _wait_for_tasks(self, name: str, activity: str) -> None:
        while not self._stop.is_set():
            try:
                task = self._clients.activities.get_activity_task(
                    activityArn=activity, workerName=name
                )
            except (ServiceError, UnreachableError) as error:
                log.warning("no task to be had", extra={"step": name, "reason": str(error)})
                self._stop.wait(PAUSE_SECONDS)
                continue
            if token := task.get("taskToken"):
                self._under_way.add(name)
                try:
                    self._work(name, token, task["input"])
                finally:
                    self._under_way.discard(name)

    def _work(self, name: str, token: str, told: str) -> None:
        states = self._clients.states
        log.info("step begins", extra={"step": name})
        with _Heartbeat(states, token), self._slots:
            outcome = self._outcome(name, told)
        log.info(
            "step ended",
            extra={"step": name, "code": outcome.code, "seconds": round(outcome.seconds, 1)},
        )
        try:
            if outcome.code == 0:
                states.send_task_success(taskToken=token, output=outcome.output)
            else:
                states.send_task_failure(taskToken=token, error=outcome.error, cause=outcome.cause)
        except (ServiceError, UnreachableError) as error:
            # It timed out, or its execution was stopped: whoever is there tries again.
            log.warning("the outcome was not taken", extra={"step": name, "reason": str(error)})

    def _outcome(self, name: str, told: str) -> Outcome:
        try:
            return self._programs.run(name, json.loads(told), self._stop)
        except LakeError as error:
            log.exception("the step cannot be done", extra={"step": name})
            return Outcome(2, 0.0, {"message": str(error)}, ())


class _Heartbeat:
    """Sends a task's heartbeat while the block runs."""

    def __init__(self, states: SFNClient, token: str) -> None:
        self._states = states
        self._token = token
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_EVERY_SECONDS):
            try:
                self._states.send_task_heartbeat(taskToken=self._token)
            except (ServiceError, UnreachableError) as error:
                log.warning("a heartbeat was not taken", extra={"reason": str(error)})


def execution_name(why: str, moment: dt.datetime) -> str:
    """Return a name no other execution has: Step Functions refuses one used before."""
    return f"{why}-{moment.astimezone(dt.UTC):%Y%m%dT%H%M%S%f}Z"
