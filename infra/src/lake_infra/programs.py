"""The Glue jobs' programs: scripts and wheels, put where Glue finds them under their own names.

pip takes a wheel only under its full name, which the CDK's assets do not keep; so the files go to
the CDK's bucket under `glue/<digest>/<name>`. Nothing is built here: `make synth` does it before.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Final

import aws_cdk as cdk

from lake_infra.artifacts import Artifacts

PREFIX: Final = "glue"


class GluePrograms:
    """What the jobs of a stack run, uploaded with it."""

    def __init__(self, stack: cdk.Stack, built: Artifacts) -> None:
        self._stack = stack
        self._built = built

    def script(self, job: str) -> str:
        """Return the address of a job's script."""
        return self._uploaded(self._built.script(job))

    def modules(self) -> str:
        """Return `--additional-python-modules`: our wheels, and pins of what they need."""
        wheels = [self._uploaded(wheel) for wheel in self._built.wheels()]
        return ",".join([*wheels, *self._built.pins()])

    def _uploaded(self, file: Path) -> str:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        home = cdk.Stage.of(self._stack)
        if home is None:
            raise TypeError(f"{self._stack.stack_name} is in no application")
        staged = Path(home.outdir) / PREFIX / digest / file.name
        staged.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, staged)
        place = self._stack.synthesizer.add_file_asset(
            file_name=str(staged.relative_to(home.outdir)),
            packaging=cdk.FileAssetPackaging.FILE,
            source_hash=f"{PREFIX}/{digest}/{file.stem}",  # the CDK adds the extension
        )
        return place.s3_object_url
