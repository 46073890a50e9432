"""Task definitions and Dockerfiles agree (docs/interfaces.md): user, volumes, entry point."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from lake_infra.registry import IMAGES, repository
from tests.templates import of_type, text
from tests.unit.infra.conftest import Templates

SERVICES = Path(__file__).resolve().parents[3] / "services"


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """Return the instructions of the last stage: a word and the rest."""
    whole = re.sub(r"\\\n", " ", dockerfile.read_text(encoding="utf-8"))
    lines = [line.strip() for line in whole.splitlines()]
    words = [line.split(None, 1) for line in lines if line and not line.startswith("#")]
    pairs = [(word[0].upper(), word[1] if len(word) > 1 else "") for word in words]
    last = max(at for at, (word, _) in enumerate(pairs) if word == "FROM")
    return pairs[last:]


def containers(templates: Templates, image: str) -> list[dict[str, Any]]:
    """Return the containers of all tasks that run an image."""
    found = [
        container
        for template in templates.values()
        for task in of_type(template, "AWS::ECS::TaskDefinition").values()
        for container in task["ContainerDefinitions"]
        if f"/{repository(image)}:" in text(container["Image"])
    ]
    assert found, image
    return found


def test_every_image_of_the_registry_is_run_by_a_task(dev: Templates) -> None:
    for image in IMAGES:
        assert containers(dev, image)


def test_each_dockerfile_is_what_its_tasks_take_it_for(dev: Templates) -> None:
    for dockerfile in SERVICES.glob("*/Dockerfile"):
        part = dockerfile.parent.name
        said = instructions(dockerfile)
        entry = json.loads(next(rest for word, rest in reversed(said) if word == "ENTRYPOINT"))
        assert entry[-2:] == ["-m", part], f"{part}: commands are what follows python -m {part}"
        user = next(rest for word, rest in reversed(said) if word == "USER")
        volumes = {
            path
            for word, rest in said
            if word == "VOLUME"
            for path in re.findall(r"/[\w./-]+", rest)
        }
        for container in containers(dev, part):
            assert container["User"].split(":")[0] == user.split(":")[0], part
            mounted = {mount["ContainerPath"] for mount in container["MountPoints"]}
            assert mounted <= volumes, f"{part}: Fargate makes {mounted - volumes} root's"
