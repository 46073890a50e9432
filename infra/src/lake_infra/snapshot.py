"""The templates as a reviewer reads them: `infra/snapshot/`, kept in the repository.

    python -m lake_infra.snapshot DIRECTORY    writes them for both stages

What changes with every build (hashes of programs) is replaced, so that a difference is a change of
the infrastructure.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from lake_infra import node
from lake_infra.artifacts import Artifacts
from lake_infra.settings import Settings
from lake_infra.stages import STAGES

_OF_THE_CDK: Final = ("Parameters", "Rules")  # its own check of the bootstrap's version
_DIGEST: Final = re.compile(r"\b[0-9a-f]{64}\b")


def reviewable(template: dict[str, Any]) -> str:
    """Return a template as text: sorted, without what is the CDK's or a build's."""
    kept = {key: value for key, value in template.items() if key not in _OF_THE_CDK}
    for resource in kept["Resources"].values():
        metadata = resource.get("Metadata", {})
        for key in [key for key in metadata if key.startswith("aws:")]:
            del metadata[key]
        if not metadata:
            resource.pop("Metadata", None)
    return _DIGEST.sub("<digest>", json.dumps(kept, indent=1, sort_keys=True)) + "\n"


def templates(settings: Settings, outdir: Path) -> dict[str, dict[str, Any]]:
    """Synthesise; return each stack's template by its name."""
    node.bring()
    from lake_infra.lake import lake  # noqa: PLC0415 - it starts Node, which `bring` chooses

    assembly = lake(settings, str(outdir)).synth()
    return {
        stack.stack_name: json.loads(Path(stack.template_full_path).read_text(encoding="utf-8"))
        for stack in assembly.stacks
    }


def write(directory: Path) -> None:
    """Write the templates of every stage."""
    for stage in STAGES:
        target = directory / stage
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as outdir:
            programs = Artifacts.stand_ins(Path(outdir) / "programs")
            settings = Settings(stage=stage, artifacts=programs.directory)
            for name, template in templates(settings, Path(outdir) / "cdk.out").items():
                (target / f"{name}.json").write_text(reviewable(template), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
