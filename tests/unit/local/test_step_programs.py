"""A step is a program, told what AWS would tell it, and its last word is its result."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from lake_core.errors import InputError
from lake_local.step_programs import Outcome, StepPrograms


def programs(directory: Path, script: str) -> StepPrograms:
    path = directory / "program"
    path.write_text(f"#!{sys.executable} -S\n{script}")
    path.chmod(0o755)
    return StepPrograms(path, path, {}, directory)


JOB = "manufacturing_etl_job"
TOLD = {"JobName": JOB, "Arguments": {"--run_id": "r1"}}


def test_a_job_and_a_task_get_what_the_workflow_tells_them(tmp_path: Path) -> None:
    made = StepPrograms(Path("/glue"), Path("/api"), {}, tmp_path)
    assert made.command(JOB, TOLD) == [
        "/glue", "-m", "lake_glue", "etl", "--domain", "manufacturing", "--run_id", "r1",
    ]  # fmt: skip
    told = {"Overrides": {"ContainerOverrides": [{"Command": ["integrate", "--run-id", "r1"]}]}}
    assert made.command("data-integration", told)[-3:] == ["integrate", "--run-id", "r1"]


@pytest.mark.parametrize("told", [{}, {"JobName": "another"}, {"Overrides": {}}, []])
def test_what_is_not_agreed_is_named(told: Any, tmp_path: Path) -> None:
    made = StepPrograms(Path("/glue"), Path("/api"), {}, tmp_path)
    for step in (JOB, "data-integration"):
        with pytest.raises(InputError, match=f"{step} does not understand"):
            made.command(step, told)


def test_the_last_json_line_of_this_run_is_the_result(tmp_path: Path) -> None:
    (tmp_path / f"{JOB}.log").write_text('{"message": "of another run"}\n')
    made = programs(tmp_path, 'print(\'{"level": "info", "message": "done", "rows": 3}\\nnoise\')')
    outcome = made.run(JOB, TOLD, threading.Event())
    assert outcome.code == 0
    assert json.loads(outcome.output) | {"seconds": 0} == {
        "message": "done", "rows": 3, "seconds": 0,
    }  # fmt: skip


def test_a_program_that_dies_without_a_word_says_how(tmp_path: Path) -> None:
    outcome = programs(tmp_path, "import os; os.abort()").run(JOB, TOLD, threading.Event())
    assert outcome.error == "StepFailed"
    assert outcome.cause.startswith("exit code -6: it said nothing")


def test_a_transient_failure_is_told_apart() -> None:
    assert Outcome(75, 1.0, {}, ()).error == "TransientError"
    assert Outcome(1, 1.0, {}, ()).error == "StepFailed"


def test_a_program_is_ended_when_the_worker_is_asked_to_stop(tmp_path: Path) -> None:
    made, stop, began = (
        programs(tmp_path, "import time; time.sleep(60)"),
        threading.Event(),
        time.monotonic(),
    )
    threading.Timer(0.5, stop.set).start()
    assert made.run(JOB, TOLD, stop).code == -15
    assert time.monotonic() - began < 20


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    made = StepPrograms(tmp_path / "no-python", tmp_path / "no-python", {}, tmp_path)
    with pytest.raises(InputError, match="no-python cannot be started"):
        made.run(JOB, TOLD, threading.Event())
