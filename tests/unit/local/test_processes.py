"""Supervision, tried on tiny children: none is left behind, and a death is told plainly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lake_local.processes import ChildFailed, Processes, Program

SLEEP = "import time; time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('ready', flush=True); time.sleep(60)"
)
WITH_CHILD = (
    "import subprocess, sys, time; "
    "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
    "print(p.pid, flush=True); time.sleep(60)"
)


def program(name: str, code: str, *, ends: bool = False, grace_seconds: float = 2.0) -> Program:
    command = [sys.executable, "-S", "-c", code]
    environment = {"PATH": os.environ["PATH"]}
    return Program(name, command, environment, "the cure", ends=ends, grace_seconds=grace_seconds)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] == "Z")


def eventually(true: Callable[[], bool], seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.01)
    return true()


def test_at_the_end_no_child_is_left(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        child = processes.start(program("sleeper", SLEEP))
        assert child.running
    assert not alive(child.process.pid)


def test_a_grandchild_ends_with_its_parent(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        child = processes.start(program("parent", WITH_CHILD))
        assert eventually(lambda: child.log.read_text().strip() != "")
        grandchild = int(child.log.read_text())
        processes.stop("parent")
    assert eventually(lambda: not alive(grandchild))


def test_who_ignores_sigterm_is_killed_after_its_grace(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        child = processes.start(program("stubborn", STUBBORN, grace_seconds=0.2))
        assert eventually(lambda: "ready" in child.log.read_text())
        processes.stop("stubborn")
        assert child.process.returncode == -signal.SIGKILL


def test_a_hurry_ends_the_grace(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        child = processes.start(program("stubborn", STUBBORN, grace_seconds=60))
        assert eventually(lambda: "ready" in child.log.read_text())
        started = time.monotonic()
        processes.stop("stubborn", hurry=lambda: True)
        assert time.monotonic() - started < 5


def test_a_dead_service_is_named_with_its_last_words_and_its_cure(tmp_path: Path) -> None:
    line = '{"level":"critical","message":"no such table"}'
    code = f"import sys; sys.stderr.write({line!r}); sys.exit(3)"
    with Processes(tmp_path) as processes:
        child = processes.start(program("api", code))
        assert eventually(lambda: not child.running)
        with pytest.raises(ChildFailed) as failure:
            processes.check()
    text = str(failure.value)
    assert "api ended with code 3" in text
    assert "critical: no such table" in text
    assert "cure: the cure" in text


def test_a_killed_child_is_told_by_the_signal(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        child = processes.start(program("sleeper", SLEEP))
        child.process.kill()
        assert eventually(lambda: not child.running)
        with pytest.raises(ChildFailed, match="was ended by SIGKILL"):
            processes.check()


def test_a_service_that_ends_well_is_a_failure_and_a_task_is_not(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        task = processes.start(program("task", "pass", ends=True))
        assert eventually(lambda: not task.running)
        processes.check()
        assert task.succeeded
        service = processes.start(program("service", "pass"))
        assert eventually(lambda: not service.running)
        with pytest.raises(ChildFailed, match="service ended with code 0"):
            processes.check()


def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    nowhere = Program("part", [str(tmp_path / "nothing")], {}, "install it")
    with Processes(tmp_path) as processes, pytest.raises(ChildFailed, match="install it"):
        processes.start(nowhere)


def test_a_child_gets_no_variable_that_was_not_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROCESSOR_STRAY", "1")
    with Processes(tmp_path) as processes:
        child = processes.start(program("env", "import os; print(dict(os.environ))", ends=True))
        assert eventually(lambda: not child.running)
    assert "PROCESSOR_STRAY" not in child.log.read_text()


def test_kill_9_of_the_runner_leaves_nothing(tmp_path: Path) -> None:
    runner = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from lake_local.processes import Processes, Program\n"
        f"with Processes(Path({str(tmp_path)!r})) as processes:\n"
        f"    command = [sys.executable, '-S', '-c', {WITH_CHILD!r}]\n"
        "    child = processes.start(Program('part', command, {}, 'none'))\n"
        "    print(child.process.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", runner], stdout=subprocess.PIPE)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    log = tmp_path / "part.log"
    assert eventually(lambda: log.exists() and log.read_text().strip() != "")
    process.kill()
    process.wait()
    process.stdout.close()
    assert eventually(lambda: not alive(child))
    assert eventually(lambda: not alive(int(log.read_text())))
