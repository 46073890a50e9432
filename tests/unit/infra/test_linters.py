"""The templates before linters: what they find is mended, or acknowledged where it stands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.infra.conftest import Templates

CHECKOV = Path(__file__).resolve().parents[3] / ".venvs" / "checkov" / "bin" / "checkov"


@pytest.fixture(scope="session")
def directory(
    tmp_path_factory: pytest.TempPathFactory, dev: Templates, prod: Templates, named: Templates
) -> Path:
    """All templates as files. cdk-nag has seen them on the way."""
    home = tmp_path_factory.mktemp("linted")
    for stage, templates in {"dev": dev, "prod": prod, "named": named}.items():
        for name, template in templates.items():
            text = json.dumps(template, indent=1)
            (home / f"{stage}-{name}.json").write_text(text, encoding="utf-8")
    return home


def test_cfn_lint_has_nothing_to_say(directory: Path) -> None:
    lint = Path(sys.executable).with_name("cfn-lint")
    files = [str(path) for path in sorted(directory.glob("*.json"))]
    done = subprocess.run([lint, *files], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_checkov_finds_nothing_that_is_not_acknowledged_with_a_reason(directory: Path) -> None:
    command: list[str | Path] = [
        CHECKOV,
        "-d",
        directory,
        "--framework",
        "cloudformation",
        "--skip-download",
    ]
    quiet = {**os.environ, "LOG_LEVEL": "ERROR"}
    done = subprocess.run(
        [*command, "--output", "json"], capture_output=True, text=True, env=quiet, check=False
    )
    report = json.loads(done.stdout)
    failed = [
        f"{finding['check_id']} {finding['resource']} ({finding['file_path']}): "
        f"{finding['check_name']}"
        for finding in report["results"]["failed_checks"]
    ]
    assert not failed
    assert report["summary"]["passed"] > 100
    assert not report["summary"]["parsing_errors"]
    for skipped in report["results"]["skipped_checks"]:
        assert len(skipped["check_result"]["suppress_comment"]) > 20, skipped["resource"]
