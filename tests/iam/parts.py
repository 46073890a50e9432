"""The parts as the templates start them: their commands and variables, on this machine.

Only what a machine without containers needs is put in another's place: directories, Java, ports.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lake_core.names import API_SERVICE, ETL_JOBS, INGESTOR, PROCESSORS, Domain
from lake_local.emulator import system_environment
from lake_local.processes import Program
from tests.iam.deployed import CHECKOUT
from tests.templates import REGION, filled, of_type, text

CURE = "the log of the part names the cause"


def access_key(role: str) -> str:
    """Return the key by which the recorder knows a role's part; no number, those are accounts."""
    return f"key-{role}"


@dataclass(frozen=True)
class Parts:
    """Makes the programs."""

    templates: Mapping[str, Mapping[str, Any]]
    endpoint: str
    directory: Path
    java: Path

    def processor(self, domain: Domain) -> Program:
        """The KCL daemon with its children."""
        name = PROCESSORS[domain]
        state = self.directory / "state" / domain
        state.mkdir(parents=True, exist_ok=True)
        here = {
            "PROCESSOR_STATE_DIRECTORY": str(state),
            "PROCESSOR_JAVA": str(self.java),
            "PROCESSOR_MAX_AGE_SECONDS": "1",
            "PROCESSOR_SHUTDOWN_GRACE_MILLISECONDS": "6000",
        }
        return self._service(name, "processor", here, grace_seconds=10.0)

    def api(self, port: int) -> Program:
        """The analytics API."""
        here = {
            "ANALYTICS_API_HOST": "127.0.0.1",
            "ANALYTICS_API_PORT": str(port),
            "ANALYTICS_API_POLL_SECONDS": "1",
        }
        return self._service(API_SERVICE, "analytics_api", here)

    def ingestor(self, name: str, *command: str) -> Program:
        """A task of the ingestor with a command of its own."""
        return self._task(name, "ingestor", self._container(INGESTOR), f"{INGESTOR}-role", command)

    def scheduled_ingestor(self, domain: Domain) -> Program:
        """The ingestor as the scheduler starts it."""
        schedules = of_type(self.templates["data-lake-services"], "AWS::Scheduler::Schedule")
        target = next(
            s["Target"] for s in schedules.values() if s["Name"] == f"{INGESTOR}-{domain}"
        )
        (override,) = json.loads(text(target["Input"]))["containerOverrides"]
        return self.ingestor(f"ingest-{domain}", *override["command"])

    def task(self, family: str, *more: str) -> Program:
        """A task of the workflow, with what the workflow tells it besides."""
        container = self._container(family)
        command = [*container["Command"], *more]
        return self._task(family, "analytics_api", container, f"{family}-role", command)

    def job(self, domain: Domain, run_id: str) -> Program:
        """A Glue job: its script, with the arguments that Glue would give it."""
        name = ETL_JOBS[domain]
        jobs = of_type(self.templates["data-lake-batch"], "AWS::Glue::Job").values()
        told = filled(next(job for job in jobs if job["Name"] == name)["DefaultArguments"])
        words = [word for pair in {**told, "--run_id": run_id}.items() for word in pair]
        script = CHECKOUT / "glue" / "jobs" / f"{name}.py"
        return Program(
            name,
            [_python("glue"), str(script), *words],
            self._environment("glue-etl-role"),
            CURE,
            ends=True,
        )

    def _service(
        self, name: str, member: str, here: Mapping[str, str], grace_seconds: float = 5.0
    ) -> Program:
        container = self._container(name)
        return Program(
            name,
            [_python(member), "-m", member, *container["Command"]],
            {**self._environment(f"{name}-role"), **_variables(container), **here},
            CURE,
            grace_seconds=grace_seconds,
        )

    def _task(
        self,
        name: str,
        member: str,
        container: Mapping[str, Any],
        role: str,
        command: tuple[str, ...] | list[str],
    ) -> Program:
        environment = {**self._environment(role), **_variables(container)}
        return Program(
            name, [_python(member), "-m", member, *command], environment, CURE, ends=True
        )

    def _environment(self, role: str) -> dict[str, str]:
        return {
            **system_environment(),
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": access_key(role),
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def _container(self, family: str) -> dict[str, Any]:
        for template in self.templates.values():
            for task in of_type(template, "AWS::ECS::TaskDefinition").values():
                if task["Family"] == family:
                    (container,) = task["ContainerDefinitions"]
                    return dict(container)
        raise LookupError(f"no task definition {family}")


def _python(member: str) -> str:
    return str(CHECKOUT / ".venvs" / member / "bin" / "python")


def _variables(container: Mapping[str, Any]) -> dict[str, str]:
    return {pair["Name"]: filled(pair["Value"]) for pair in container["Environment"]}
