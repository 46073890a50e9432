"""What the lake is made of on this machine: each part's command line, environment and cure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lake_core.errors import InputError
from lake_core.layout import raw_key
from lake_core.names import BUCKET, LIVE_TABLE, STREAMS, Domain
from lake_local.directory import LakeDirectory
from lake_local.ports import HOST
from lake_local.processes import Program
from lake_local.settings import Settings

API: Final = "api"
BATCH_WORKER: Final = "batch-worker"
BATCH_WORKER_GRACE_SECONDS: Final = 10.0  # a step under way is asked to end first
# KCL asks its children to hand over within this; the whole stop has 15 s.
PROCESSOR_GRACE_MILLISECONDS: Final = 6_000
PROCESSOR_GRACE_SECONDS: Final = 8.0
TRICKLE_LAP: Final = 1  # lap 0 was the data set itself


def processor_name(domain: Domain) -> str:
    return f"processor-{domain}"


def upload_name(domain: Domain) -> str:
    return f"upload-{domain}"


def replay_name(domain: Domain) -> str:
    return f"replay-{domain}"


def trickle_name(domain: Domain) -> str:
    return f"trickle-{domain}"


@dataclass(frozen=True, slots=True)
class Parts:
    """Makes the programs of one run."""

    checkout: Path
    directory: LakeDirectory
    settings: Settings
    environment: Mapping[str, str]  # of this machine, and the SDK's variables
    java: Path

    def python(self, member: str) -> str:
        """Return the interpreter of a member's own environment.

        Raises:
            InputError: it is not installed.
        """
        path = self.checkout / ".venvs" / member / "bin" / "python"
        if not path.exists():
            raise InputError(f"{path} is missing; run `make setup`")
        return str(path)

    def processor(self, domain: Domain) -> Program:
        """The KCL daemon and its children, one a shard, of one stream."""
        state = self.directory.processors / domain
        state.mkdir(parents=True, exist_ok=True)
        settings = {
            "PROCESSOR_STREAM": STREAMS[domain],
            "PROCESSOR_BUCKET": BUCKET,
            "PROCESSOR_STATE_DIRECTORY": str(state),
            "PROCESSOR_WORKER_ID": f"local-{domain}",
            "PROCESSOR_JAVA": str(self.java),
            "PROCESSOR_MAX_AGE_SECONDS": str(self.settings.max_age_seconds),
            "PROCESSOR_RULE_SET": self.settings.rule_set,
            "PROCESSOR_LIVE_TABLE": LIVE_TABLE,
            "PROCESSOR_SHUTDOWN_GRACE_MILLISECONDS": str(PROCESSOR_GRACE_MILLISECONDS),
        }
        return Program(
            processor_name(domain),
            [self.python("processor"), "-m", "processor", "run"],
            {**self.environment, **settings},
            cure="the log names the cause; an unset JAVA_HOME lets the Java from PyPI run it",
            grace_seconds=PROCESSOR_GRACE_SECONDS,
        )

    def api(self, port: int) -> Program:
        """The analytics API."""
        settings = {
            "ANALYTICS_API_BUCKET": BUCKET,
            "ANALYTICS_API_HOST": HOST,
            "ANALYTICS_API_PORT": str(port),
            "ANALYTICS_API_POLL_SECONDS": str(self.settings.poll_seconds),
            "ANALYTICS_API_RULE_SET": self.settings.rule_set,
            "ANALYTICS_API_LIVE_TABLE": LIVE_TABLE,
        }
        return Program(
            API,
            [self.python("analytics_api"), "-m", "analytics_api", "serve"],
            {**self.environment, **settings},
            cure="the log names the cause; if it is the port, choose another with PORT=…",
        )

    def batch_worker(self) -> Program:
        """The worker that does the steps of the batch workflow."""
        steps = self.directory.logs / "steps"
        steps.mkdir(parents=True, exist_ok=True)
        settings = {
            "BATCH_WORKER_GLUE_PYTHON": self.python("glue"),
            "BATCH_WORKER_ANALYTICS_API_PYTHON": self.python("analytics_api"),
            "BATCH_WORKER_LOGS": str(steps),
            "BATCH_WORKER_AT_ONCE": str(self.settings.etl_at_once),
            "BATCH_WORKER_EVERY_SECONDS": str(self.settings.etl_every_seconds),
            "BATCH_WORKER_RULE_SET": self.settings.rule_set,
            "JAVA_HOME": str(self.java.parents[1]),
        }
        return Program(
            BATCH_WORKER,
            [self.python("local"), "-m", "lake_local", "worker"],
            {**self.environment, **settings},
            cure="the log names the cause; each step's own log is in logs/steps/",
            grace_seconds=BATCH_WORKER_GRACE_SECONDS,
        )

    def generation(self, domain: Domain) -> Program:
        """Writes a domain's CSV to the data directory, unless it is there."""
        command = [self.python("local"), "-m", "lake_local", "data", "--domain", domain]
        sizes = {
            "LAKE_DATA_DIRECTORY": str(self.settings.data_directory.absolute()),
            "LAKE_MANUFACTURING_ROWS": str(self.settings.manufacturing_rows),
            "LAKE_ECOMMERCE_ROWS": str(self.settings.ecommerce_rows),
        }
        return Program(
            f"data-{domain}",
            command,
            {**self.environment, **sizes},
            "see the reason above",
            ends=True,
        )

    def upload(self, domain: Domain, file: Path) -> Program:
        """Puts a CSV under `raw/`."""
        return self._ingestor(
            upload_name(domain),
            ["upload", "--domain", domain, "--file", str(file.absolute())],
            cure="the file must be the CSV of docs/contract.md, section 3, as it was downloaded",
        )

    def replay(self, domain: Domain) -> Program:
        """Sends the whole file once, as fast as the stream takes it."""
        packing = ["--rate", "max", "--packing", "ndjson-zstd"]
        return self._ingestor(replay_name(domain), ["replay", *self._source(domain), *packing])

    def trickle(self, domain: Domain) -> Program:
        """Sends the file lap after lap, a few events a second, event time going on."""
        rate = {
            Domain.MANUFACTURING: self.settings.manufacturing_rate,
            Domain.ECOMMERCE: self.settings.ecommerce_rate,
        }[domain]
        laps = ["--laps", "forever", "--start-lap", str(TRICKLE_LAP), "--rate", f"{rate:g}/s"]
        return self._ingestor(
            trickle_name(domain), ["replay", *self._source(domain), *laps], ends=False
        )

    def _source(self, domain: Domain) -> list[str]:
        return ["--source", f"s3://{BUCKET}/{raw_key(domain)}", "--stream", STREAMS[domain]]

    def _ingestor(
        self,
        name: str,
        arguments: list[str],
        cure: str = "the log names the cause; start again",
        *,
        ends: bool = True,
    ) -> Program:
        command = [self.python("ingestor"), "-m", "ingestor", *arguments]
        environment = {
            **self.environment,
            "INGESTOR_BUCKET": BUCKET,
            "INGESTOR_METRICS": str(self.directory.ingestor),
        }
        return Program(name, command, environment, cure, ends=ends)
