"""The workflow in a real Step Functions engine, served by the real worker process.

The programs of the steps are scripts that do as a file tells them, so that each can be made to
fail; the real jobs go the same way in `make demo` (test_local_demo).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lake_core.names import CRAWLERS, GLUE_DATABASE
from lake_local import aws, emulator, etl
from lake_local.etl import ExecutionFailed
from lake_local.glue_catalog import make_catalog
from lake_local.ports import free_port
from lake_local.processes import Processes
from lake_local.workflow import StepProgress, StepState, make_workflow
from tests.integration.waiting import eventually

ETL, ANALYTICS, INTEGRATION = "manufacturing_etl_job", "ecommerce-analytics", "data-integration"
# Writes down what it was told; then fails as often as `orders` says, with that exit code.
SCRIPT = """#!{python} -S
import json, os, sys, time
words = sys.argv[3:]
names = {{"etl": "{{}}_etl_job", "analyze": "{{}}-analytics", "integrate": "data-integration"}}
step = names[words[0]].format(words[2] if words[0] == "etl" else words[1])
with open({told!r}, "a") as file:
    file.write(json.dumps([step, sys.argv[2], words]) + "\\n")
orders = json.load(open({orders!r}))
time.sleep(orders.get("seconds", 0))
if orders.get(step, {{}}).get("times", 0) > 0:
    orders[step]["times"] -= 1
    json.dump(orders, open({orders!r}, "w"))
    print(json.dumps({{"level": "critical", "message": "the roof came down"}}))
    sys.exit(orders[step]["code"])
print("a line that is no JSON")
print(json.dumps({{"level": "info", "message": "done", "rows": 1440}}))
"""


@dataclass
class Batch:
    """An engine with a worker, and what the steps are to do."""

    clients: aws.Clients
    directory: Path
    said: list[str] = field(default_factory=list)

    def order(self, **orders: Any) -> None:
        (self.directory / "orders.json").write_text(json.dumps(orders))

    def run(self) -> dict[str, StepProgress]:
        return etl.run_execution(self.clients.states, self.said.append, lambda: time.sleep(0.1))

    @property
    def told(self) -> list[tuple[str, str, list[str]]]:
        path = self.directory / "told.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [tuple(json.loads(line)) for line in lines]


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("emulator")
    port = free_port()
    with Processes(directory / "logs") as processes:
        processes.start(emulator.program(port, directory, emulator.system_environment()))
        assert eventually(lambda: emulator.answers(port), 20)
        yield emulator.endpoint(port)


@pytest.fixture(scope="module")
def clients(endpoint: str) -> aws.Clients:
    made = aws.clients(aws.credentials(endpoint))
    make_workflow(made.states)
    return made


@pytest.fixture(scope="module")
def worker(
    endpoint: str, clients: aws.Clients, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("worker")
    script = directory / "python"
    script.write_text(
        SCRIPT.format(
            python=sys.executable,
            told=str(directory / "told.jsonl"),
            orders=str(directory / "orders.json"),
        )
    )
    script.chmod(0o755)
    environment = {
        **emulator.system_environment(),
        **aws.credentials(endpoint),
        "BATCH_WORKER_GLUE_PYTHON": str(script),
        "BATCH_WORKER_ANALYTICS_API_PYTHON": str(script),
        "BATCH_WORKER_LOGS": str(directory),
    }
    command = [sys.executable, "-m", "lake_local", "worker"]
    with (directory / "worker.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stderr=log, cwd=directory)
    yield directory
    (directory / "orders.json").write_text(json.dumps({"seconds": 60}))
    machine = clients.states.list_state_machines()["stateMachines"][0]["stateMachineArn"]
    clients.states.start_execution(stateMachineArn=machine, name="last", input="{}")
    assert eventually(lambda: "step begins" in _last_log(directory), 20)
    asked = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    assert time.monotonic() - asked < 15
    assert not _scripts_left(script)


def _last_log(directory: Path) -> str:
    return (directory / "worker.log").read_text().splitlines()[-1]


def _scripts_left(script: Path) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                if str(script) in (entry / "cmdline").read_text():
                    found.append(entry.name)
            except OSError:
                continue  # it has just ended
    return found


@pytest.fixture
def batch(clients: aws.Clients, worker: Path) -> Batch:
    (worker / "told.jsonl").unlink(missing_ok=True)
    made = Batch(clients, worker)
    made.order()
    return made


def test_every_step_is_done_with_the_arguments_that_aws_would_give(batch: Batch) -> None:
    steps = batch.run()
    assert {step.state for step in steps.values()} == {StepState.DONE}
    assert {step.output["rows"] for step in steps.values()} == {1440}
    told = {step: (module, words) for step, module, words in batch.told}
    run = told[ETL][1][-1]
    assert run.startswith("asked-")
    assert told == {
        "manufacturing_etl_job": (
            "lake_glue",
            ["etl", "--domain", "manufacturing", "--run_id", run],
        ),
        "ecommerce_etl_job": ("lake_glue", ["etl", "--domain", "ecommerce", "--run_id", run]),
        "manufacturing-analytics": ("analytics_api", ["analyze", "manufacturing", "--run-id", run]),
        "ecommerce-analytics": ("analytics_api", ["analyze", "ecommerce", "--run-id", run]),
        "data-integration": ("analytics_api", ["integrate", "--run-id", run]),
    }
    assert [step for step, _, _ in batch.told][-1] == INTEGRATION
    assert any("data-integration" in line and "✓ done" in line for line in batch.said)


def test_a_step_that_raises_fails_the_execution_with_its_cause(batch: Batch) -> None:
    batch.order(**{ETL: {"times": 9, "code": 1}})
    with pytest.raises(
        ExecutionFailed, match=r"(?s)FAILED.*StepFailed.*exit code 1: the roof came"
    ):
        batch.run()
    done = [step for step, _, _ in batch.told]
    assert done.count(ETL) == 2  # once more, whatever it said
    assert ANALYTICS in done  # the other domain is done all the same
    assert INTEGRATION not in done
    assert "manufacturing-analytics" not in done
    assert any("✗ failed" in line and "the roof came down" in line for line in batch.said)


def test_a_transient_failure_is_tried_again_and_forgotten(batch: Batch) -> None:
    batch.order(**{ANALYTICS: {"times": 2, "code": 75}})
    steps = batch.run()
    assert steps[ANALYTICS].attempts == 3
    assert steps[ANALYTICS].state is StepState.DONE
    assert steps[ANALYTICS].error is None


def test_after_a_failure_the_next_execution_does_what_is_left(batch: Batch) -> None:
    batch.order(**{INTEGRATION: {"times": 2, "code": 1}})
    with pytest.raises(ExecutionFailed):
        batch.run()
    assert batch.run()[INTEGRATION].state is StepState.DONE


def test_a_failure_is_told_as_an_event(batch: Batch, clients: aws.Clients) -> None:
    batch.order(**{INTEGRATION: {"times": 9, "code": 1}})
    with pytest.raises(ExecutionFailed):
        batch.run()
    machine = clients.states.list_state_machines()["stateMachines"][0]["stateMachineArn"]
    execution = clients.states.list_executions(stateMachineArn=machine)["executions"][0]
    history = clients.states.get_execution_history(
        executionArn=execution["executionArn"], maxResults=1000
    )["events"]
    (told,) = [
        event["taskSucceededEventDetails"]
        for event in history
        if "putEvents" in event.get("taskSucceededEventDetails", {}).get("resource", "")
    ]
    assert json.loads(told["output"])["FailedEntryCount"] == 0


def test_the_catalog_holds_what_core_declares_and_a_second_time_changes_nothing(
    clients: aws.Clients,
) -> None:
    assert make_catalog(clients.glue) == make_catalog(clients.glue)
    tables = clients.glue.get_tables(DatabaseName=GLUE_DATABASE)["TableList"]
    assert {table["Name"] for table in tables} == {"manufacturing_processed", "ecommerce_processed"}
    assert CRAWLERS  # on AWS alone: the emulator's would report success without looking
