"""`make run` as a person meets it: what cannot work is named, and a stop leaves nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from lake_local.http_client import HttpClient
from tests.integration.local_run import Place, alive, descendants
from tests.integration.waiting import eventually

STOP_SECONDS = 15


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def parts_are_up(place: Place, process: subprocess.Popen[str]) -> bool:
    """The daemons' JVMs, the API and the emulator run."""
    assert process.poll() is None, process.communicate()
    names = {path.stem for path in (place.lake / "logs").glob("*.log")}
    wanted = {"emulator", "api", "processor-manufacturing", "processor-ecommerce"}
    return wanted <= names and HttpClient(place.api()).get("/healthz").ok


def insight_is_there(place: Place, process: subprocess.Popen[str]) -> bool:
    assert process.poll() is None, process.communicate()
    return (place.lake / "run.json").exists() and HttpClient(place.api()).get(
        "/v1/insights/integrated"
    ).ok


def test_a_missing_file_is_named_and_nothing_is_started(place: Place) -> None:
    answer = place.call("run", "--manufacturing-csv", "/no/such.csv", "--port", "0")
    assert answer.returncode == 1
    assert answer.stderr.startswith("error: /no/such.csv does not exist (MANUFACTURING_CSV)")
    assert not place.lake.exists()


def test_a_busy_port_is_named_with_its_cure(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        answer = place.call("run", "--port", str(port))
    assert answer.returncode == 1
    assert f"port {port} for the API is not free" in answer.stderr
    assert "PORT=" in answer.stderr


def test_a_setting_that_does_not_exist_is_named(place: Place) -> None:
    answer = place.call("run", LAKE_SHARDS="3")
    assert answer.returncode == 2
    assert "LAKE_SHARDS is not a setting" in answer.stderr


def test_a_file_that_is_not_the_csv_ends_the_run_with_its_reason(
    place: Place, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("a,b\n1,2\n")
    answer = place.call("run", "--manufacturing-csv", str(wrong), "--port", "0")
    assert answer.returncode == 1
    assert "upload-manufacturing ended with code" in answer.stderr
    assert f"critical: {wrong}" in answer.stderr  # the reason names the file


def test_a_run_answers_goes_on_refuses_a_second_and_ctrl_c_leaves_nothing(place: Place) -> None:
    with place.started("run", "--port", "0") as process:
        assert eventually(lambda: insight_is_there(place, process), 90)
        api = HttpClient(place.api())

        second = place.call("run", "--port", "0")
        assert second.returncode == 1
        assert f"a lake is running in {place.lake} already (process {process.pid}" in second.stderr

        def analyzed() -> int:
            return int(api.get("/v1/insights/manufacturing").body["records_analyzed"])

        assert eventually(lambda: analyzed() > 2000, 60), "the trickle does not arrive"

        family = descendants(process.pid)
        assert len(family) >= 9  # watchdog, emulator, API, 2 JVMs, 3 children, 2 trickles
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
        assert time.monotonic() - asked < STOP_SECONDS
        assert process.returncode == 0, errors
        assert "nothing is left running" in output
        assert alive(family) == set()
    objects = list((place.lake / "s3" / "multi-source-data-lake").rglob("*.parquet"))
    assert objects


def test_a_dead_part_is_named_and_ends_the_run(place: Place) -> None:
    with place.started("run", "--port", "0") as process:
        assert eventually((place.lake / "logs" / "api.log").exists, 30)
        assert eventually(lambda: parts_are_up(place, process), 30)
        (victim,) = [pid for pid in descendants(process.pid) if "analytics_api" in command(pid)]
        family = descendants(process.pid)
        os.kill(victim, signal.SIGKILL)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "error: api was ended by SIGKILL" in errors
    assert "cure: " in errors
    assert alive(family) == set()


def test_kill_9_of_the_runner_leaves_nothing(place: Place) -> None:
    with place.started("run", "--port", "0") as process:
        assert eventually((place.lake / "logs" / "api.log").exists, 30)
        assert eventually(lambda: parts_are_up(place, process), 30)
        family = descendants(process.pid)
        process.kill()
        process.communicate(timeout=30)
        assert eventually(lambda: alive(family) == set(), 10)


def command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
