"""The batch commands: `etl`, `rollback` and `worker`, wired from settings and clients."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from lake_core.errors import InputError, SettingsError
from lake_core.logs import configure_logging
from lake_core.names import BUCKET
from lake_core.settings import load
from lake_core.stopping import StopSignal
from lake_local import aws, etl
from lake_local.batch_worker import BatchWorker
from lake_local.directory import LakeDirectory
from lake_local.emulator import system_environment
from lake_local.http_client import HttpClient
from lake_local.java import find_java
from lake_local.running import require_running
from lake_local.settings import WORKER_PREFIX, WorkerSettings
from lake_local.step_programs import StepPrograms


def run_etl(directory: LakeDirectory, environment: Mapping[str, str]) -> int:
    """Run one execution on the lake of this checkout, or at `AWS_ENDPOINT_URL`; return 0.

    Raises:
        LakeError: no lake is running, or the execution failed.
    """
    console = Console()

    def say(text: str) -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    api: HttpClient | None = None
    endpoint = environment.get("AWS_ENDPOINT_URL")
    if not endpoint:
        facts = require_running(directory)
        endpoint, api = facts.aws, HttpClient(facts.api)
    states = aws.clients(emulated(endpoint, environment)).states
    steps = etl.run_execution(states, say, _moment)
    etl.show(steps, console)
    if api:
        freshness = etl.from_batch(api, _moment)
        say(
            f"GET {facts.api}{etl.INTEGRATED}: from {', '.join(freshness['sources'])}; through "
            f"{freshness['data_through']}, {freshness['lag_seconds']:.1f} s behind"
        )
    return 0


def _moment() -> None:
    time.sleep(0.1)


def emulated(endpoint: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the SDK's variables for an emulator, of which parts may live elsewhere."""
    elsewhere = {k: v for k, v in environment.items() if k.startswith("AWS_ENDPOINT_URL_")}
    return {**aws.credentials(endpoint), **elsewhere}


def roll_back(
    checkout: Path, directory: LakeDirectory, table: str, environment: Mapping[str, str]
) -> int:
    """Take a curated table of the running lake back to the snapshot before; return the exit code.

    Raises:
        InputError: no lake is running, or the jobs are not installed.
    """
    python = checkout / ".venvs" / "glue" / "bin" / "python"
    if not python.exists():
        raise InputError(f"{python} is missing; run `make setup`")
    command = [str(python), "-m", "lake_glue", "rollback", "--table", table]
    settings = {
        **system_environment(environment),
        **aws.credentials(require_running(directory).aws),
        "GLUE_BUCKET": BUCKET,
        "JAVA_HOME": str(find_java(environment).parents[1]),
    }
    return subprocess.run(command, env=settings, check=False).returncode  # noqa: S603 - our own part


def run_worker(environment: Mapping[str, str]) -> int:
    """Do the steps of the workflow at `AWS_ENDPOINT_URL` until SIGTERM; return 0.

    Raises:
        LakeError: a setting is missing, or there is no workflow.
    """
    configure_logging("batch-worker")
    settings = load(WorkerSettings, WORKER_PREFIX, environment)
    endpoint = environment.get("AWS_ENDPOINT_URL")
    if not endpoint:
        raise SettingsError("AWS_ENDPOINT_URL is missing: the URL of the emulator to work for")
    own = {k: v for k, v in environment.items() if not k.startswith(WORKER_PREFIX)}
    told = {
        **own,
        **emulated(endpoint, environment),
        "GLUE_BUCKET": BUCKET,
        "ANALYTICS_API_BUCKET": BUCKET,
        "ANALYTICS_API_RULE_SET": settings.rule_set,
    }
    programs = StepPrograms(
        settings.glue_python, settings.analytics_api_python, told, settings.logs
    )
    clients = aws.clients(emulated(endpoint, environment))
    with StopSignal() as stop:
        worker = BatchWorker(clients, programs, stop.event, at_once=settings.at_once)
        worker.run(settings.every_seconds)
    return 0
