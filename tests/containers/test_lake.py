"""`docker compose up`: numbers, a processor killed and one stopped, nothing lost, nothing left.

The tests follow one lake through its life; each takes it as the one before left it.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import pytest

from tests.containers.compose import ARRIVAL_SECONDS, Compose, docker, lake
from tests.integration.waiting import eventually

ROWS = {"MANUFACTURING_ROWS": "20000", "ECOMMERCE_ROWS": "1000"}
PROCESSOR = "manufacturing-processor"
SHARDS = 2
GRACE_SECONDS = 30  # stop_grace_period: after it comes SIGKILL
KILLED, TERMINATED = 137, 143
UNWRITTEN_EVENTS = 60  # of the trickle, held in memory by a processor
# The main process's parent is the init, which passes signals to it alone.
MAIN_PROCESS = """
import pathlib
for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
    pid, name, _, parent = stat.read_text().replace("(", "").replace(")", "").split()[:4]
    if parent == "1" and name == "java":
        print(pid)
"""

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def project() -> Iterator[Compose]:
    with lake("lake-test", **ROWS) as project:
        project.up()
        yield project


def test_up_ends_when_the_api_answers_with_numbers(project: Compose) -> None:
    answer = project.get("/v1/insights/integrated")
    assert answer.status == 200
    assert answer.body["manufacturing"]["total_machines_analyzed"] == 50
    assert answer.body["ecommerce"]["total_customers_analyzed"] == 1000


def test_ports_are_bound_to_this_machine_alone(project: Compose) -> None:
    services = project.run("config", "--services").stdout.split()
    bound = [
        binding["HostIp"]
        for service in services
        for bindings in (project.inspect(service)["NetworkSettings"]["Ports"] or {}).values()
        for binding in bindings or ()
    ]
    assert bound
    assert set(bound) == {"127.0.0.1"}


def test_our_containers_can_do_little(project: Compose) -> None:
    for service in project.run("config", "--services").stdout.split():
        if service == "localstack":
            continue
        host = project.inspect(service)["HostConfig"]
        assert host["ReadonlyRootfs"], service
        assert host["CapDrop"] == ["ALL"], service
        assert host["Init"], service
        assert 0 < host["Memory"] <= 4 * 2**30, service


def test_the_trickle_goes_on_after_the_data_set(project: Compose) -> None:
    project.wait_for_readings(int(ROWS["MANUFACTURING_ROWS"]))
    project.wait_for_readings(int(ROWS["MANUFACTURING_ROWS"]) + 50)


def main_process(project: Compose) -> str:
    return project.execute(PROCESSOR, "python", "-c", MAIN_PROCESS).stdout.strip()


def test_a_killed_processor_comes_back_and_nothing_is_lost(project: Compose) -> None:
    started = project.inspect(PROCESSOR)["State"]["StartedAt"]
    pid = main_process(project)
    assert pid
    project.execute(PROCESSOR, "python", "-c", f"import os; os.kill({pid}, 9)")
    assert eventually(
        lambda: project.inspect(PROCESSOR)["State"]["StartedAt"] != started, ARRIVAL_SECONDS
    )
    assert project.inspect(PROCESSOR)["RestartCount"] == 1
    project.wait_for_readings(project.readings() + 100)


def sent_readings(project: Compose) -> int:
    """Return how many readings of the trickle the ingestor says it has sent."""
    lines = [json.loads(line) for line in project.logs("ingestor").splitlines()]
    told = [
        line["sent"]
        for line in lines
        if line["message"] == "progress" and line["stream"].startswith("manufacturing")
        and line["total"] is None
    ]  # fmt: skip
    return int(told[-1])


def test_a_stopped_processor_writes_what_it_holds_within_the_grace(project: Compose) -> None:
    # Nothing is due by age for ten minutes: what is written now is written because of the stop.
    recreated = project.run(
        "up", "--detach", "--no-deps", "--no-build", PROCESSOR, seconds=120, MAX_AGE_SECONDS="600"
    )
    assert recreated.returncode == 0, recreated.stderr
    taken = '"message":"shard taken"'
    assert eventually(lambda: project.logs(PROCESSOR).count(taken) == SHARDS, ARRIVAL_SECONDS)
    before, sent = project.readings(), sent_readings(project)
    assert eventually(lambda: sent_readings(project) >= sent + UNWRITTEN_EVENTS, ARRIVAL_SECONDS)
    time.sleep(3)  # the records are with the children now
    held = project.readings()

    began = time.monotonic()
    stopped = project.run("stop", PROCESSOR, seconds=120)
    assert stopped.returncode == 0, stopped.stderr
    assert time.monotonic() - began < GRACE_SECONDS
    assert project.inspect(PROCESSOR)["State"]["ExitCode"] == TERMINATED
    project.wait_for_readings(max(before, held) + UNWRITTEN_EVENTS)


def test_every_row_is_proven(project: Compose) -> None:
    project.up(PROCESSOR)
    assert project.run("stop", "ingestor").returncode == 0
    proof = project.execute(
        "analytics-api", "python", "-m", "analytics_api", "verify", "--raw", "--wait-seconds", "120"
    )
    assert proof.returncode == 0, proof.stdout + proof.stderr
    assert "verified: true" in proof.stdout


def test_a_port_that_is_taken_is_named(project: Compose) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = project.run("up", "--detach", "--no-deps", "--no-build", "analytics-api", PORT=port)
    assert done.returncode != 0
    assert port in done.stderr
    assert "address already in use" in done.stderr


def test_down_leaves_nothing(project: Compose) -> None:
    project.down()
    label = f"label=com.docker.compose.project={project.name}"
    for kind in ("container", "volume", "network"):
        everything = ["--all"] if kind == "container" else []
        assert docker(kind, "ls", *everything, "--quiet", "--filter", label) == "", kind
