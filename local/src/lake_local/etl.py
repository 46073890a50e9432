"""One execution of the workflow, before a person's eyes: state by state, then what it brought."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.table import Table

from lake_core.errors import LakeError
from lake_local import workflow
from lake_local.batch_worker import execution_name
from lake_local.http_client import HttpClient
from lake_local.workflow import StepProgress, StepState

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

LOOK_EVERY_SECONDS: Final = 0.5
ANSWER_WITHIN_SECONDS: Final = 30.0
INTEGRATED: Final = "/v1/insights/integrated"
SAID_AGAIN_SECONDS: Final = 15.0  # a long step is seen to be alive
_MARKS: Final = {StepState.RUNNING: "…", StepState.FAILED: "✗", StepState.DONE: "✓"}
# The API names the version, and a version says where its insights are.
_UNTOLD: Final = {"message", "seconds", "insights"}


class ExecutionFailed(LakeError):  # noqa: N818 - what happened, in the words of the message
    """An execution did not succeed."""


class Storyteller:
    """Says what has changed since it last looked, a line a change."""

    def __init__(self, say: Callable[[str], None], began: float) -> None:
        self._say = say
        self._began = began
        self._told: dict[str, tuple[StepState, int]] = {}
        self._spoke = began

    def tell(self, steps: Mapping[str, StepProgress], now: float) -> None:
        """Tell of each step that is in another state than before."""
        for step in steps.values():
            if self._told.get(step.name, (StepState.WAITING, 0)) != (step.state, step.attempts):
                self._told[step.name] = (step.state, step.attempts)
                self._line(now, step.name, step_line(step))
        running = [step.name for step in steps.values() if step.state is StepState.RUNNING]
        if running and now - self._spoke >= SAID_AGAIN_SECONDS:
            self._line(now, ", ".join(running), "… still running")

    def _line(self, now: float, name: str, text: str) -> None:
        self._spoke = now
        self._say(f"{now - self._began:6.1f} s  {name:<24} {text}")


def step_line(step: StepProgress) -> str:
    """Return the state of a step in words."""
    attempt = f" (attempt {step.attempts})" if step.attempts > 1 else ""
    mark = _MARKS.get(step.state, "·")
    match step.state:
        case StepState.DONE:
            return f"{mark} done{attempt}  {brought(step.output)}".rstrip()
        case StepState.FAILED:
            return f"{mark} failed{attempt}: {step.error}"
    return f"{mark} {step.state}{attempt}"


def brought(output: Mapping[str, Any]) -> str:
    """Return what a step says it did: the plain values of its last log line."""
    words = []
    for key, value in output.items():
        if key in _UNTOLD or isinstance(value, dict | list) or value is None:
            continue
        shown = f"{value:,}" if isinstance(value, int | float) else str(value)
        words.append(f"{key.replace('_', ' ')} {shown}")
    return ", ".join(words)


def run_execution(
    states: SFNClient, say: Callable[[str], None], tick: Callable[[], None]
) -> dict[str, StepProgress]:
    """Start an execution, or follow the one under way, to its end; return its steps.

    `tick` is called all along: it waits a moment, and raises to give up looking.

    Raises:
        ExecutionFailed: with the cause.
    """
    machine = workflow.require_workflow(states)
    execution = workflow.running_execution(states, machine)
    if execution:
        say(f"an execution is under way: following {execution.rsplit(':', 1)[-1]}")
    else:
        name = execution_name("asked", dt.datetime.now(dt.UTC))
        execution = workflow.start_execution(states, machine, name)
        say(f"execution {name} of {machine.rsplit(':', 1)[-1]}")
    teller = Storyteller(say, time.monotonic())
    while True:
        # In this order: what the history holds when the execution has ended is all there is.
        found = states.describe_execution(executionArn=execution)
        steps = workflow.progress(states, execution)
        teller.tell(steps, time.monotonic())
        if found["status"] != "RUNNING":
            break
        due = time.monotonic() + LOOK_EVERY_SECONDS
        while time.monotonic() < due:
            tick()
    if found["status"] != "SUCCEEDED":
        raise ExecutionFailed(
            f"the execution {found['status']}: {found.get('error', '')}: {found.get('cause', '')}"
        )
    return steps


def from_batch(api: HttpClient, tick: Callable[[], None]) -> dict[str, Any]:
    """Wait until the API answers from what was published; return the freshness it gives.

    Raises:
        LakeError: it does not.
    """
    deadline = time.monotonic() + ANSWER_WITHIN_SECONDS
    while time.monotonic() < deadline:
        answer = api.get(INTEGRATED)
        if answer.ok and "analytics" in answer.body["freshness"]["sources"]:
            freshness: dict[str, Any] = answer.body["freshness"]
            return freshness
        tick()
    raise LakeError(
        "the workflow succeeded, but the API does not answer from what it published within "
        f"{ANSWER_WITHIN_SECONDS:.0f} s; see logs/api.log"
    )


def steps_table(steps: Mapping[str, StepProgress]) -> Table:
    """Return the steps of an execution that has ended, as a table."""
    table = Table(title="data-lake-orchestration: SUCCEEDED", title_justify="left")
    table.add_column("step")
    table.add_column("seconds", justify="right")
    table.add_column("brought")
    for step in steps.values():
        seconds = step.ended - step.began if step.ended and step.began else 0.0
        table.add_row(step.name, f"{seconds:.1f}", brought(step.output))
    return table


def show(steps: Mapping[str, StepProgress], console: Console) -> None:
    """Print what an execution brought."""
    console.print(steps_table(steps))
