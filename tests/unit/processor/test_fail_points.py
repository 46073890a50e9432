"""A fail point is met exactly, once, and never where the processor is deployed."""

from __future__ import annotations

from pathlib import Path

import pytest

from lake_core.errors import SettingsError
from lake_core.settings import load
from processor.daemon import endpoint
from processor.fail_points import FailingLakeStore, FailPoint, Moment, refuse_where_deployed
from processor.settings import PREFIX, Settings

BASE = {
    "PROCESSOR_STREAM": "manufacturing-data-stream",
    "PROCESSOR_BUCKET": "b",
    "PROCESSOR_STATE_DIRECTORY": "/state",
}


class Died(Exception):  # noqa: N818 - what happened
    """Stands in for SIGKILL."""


def die() -> None:
    raise Died


class Store:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def list_keys(self, prefix: str) -> list[str]:
        return sorted(key for key in self.objects if key.startswith(prefix))

    def read_tail(self, key: str, length: int) -> bytes | None:
        body = self.read(key)
        return None if body is None else body[-length:]

    def read(self, key: str) -> bytes | None:
        return self.objects.get(key)

    def put(self, key: str, body: bytes) -> None:
        self.objects[key] = body

    def put_if_absent(self, key: str, body: bytes) -> bool:
        if key in self.objects:
            return False
        self.objects[key] = body
        return True


def failing(store: Store, point: str, directory: Path) -> FailingLakeStore:
    return FailingLakeStore(store, FailPoint.parse(point), directory, die)


def test_it_dies_between_the_quarantine_object_and_the_lake_object(tmp_path: Path) -> None:
    store = Store()
    broken = failing(store, "before-lake-object:1", tmp_path)
    assert broken.put_if_absent("processed/0", b"no quarantine object was written before it")
    broken.put("quarantine/1", b"q")
    with pytest.raises(Died):
        broken.put_if_absent("processed/1", b"p")
    assert broken.list_keys("") == ["processed/0", "quarantine/1"]


def test_it_dies_right_after_the_lake_object_at_the_count_given(tmp_path: Path) -> None:
    store = Store()
    broken = failing(store, "after-lake-object:2", tmp_path)
    assert broken.put_if_absent("processed/1", b"p")
    assert not broken.put_if_absent("processed/1", b"a refused put is no lake object")
    with pytest.raises(Died):
        broken.put_if_absent("processed/2", b"p")
    assert broken.read("processed/2") == b"p"
    assert broken.read_tail("processed/2", 1) == b"p"


def test_a_restart_in_the_same_state_directory_goes_on(tmp_path: Path) -> None:
    store = Store()
    with pytest.raises(Died):
        failing(store, "after-lake-object:1", tmp_path).put_if_absent("processed/1", b"p")
    assert failing(store, "after-lake-object:1", tmp_path).put_if_absent("processed/2", b"p")


@pytest.mark.parametrize("text", ["after-lake-object", "after-lake-object:0", "elsewhere:1", ":1"])
def test_a_point_that_does_not_exist_stops_the_start(text: str) -> None:
    with pytest.raises(SettingsError, match="before-lake-object"):
        load(Settings, PREFIX, BASE | {"PROCESSOR_FAIL_POINT": text})


@pytest.mark.parametrize(
    ("variable", "value"),
    [("PROCESSOR_DEPLOYED", "true"), ("ECS_CONTAINER_METADATA_URI_V4", "http://169.254.170.2/v4")],
)
def test_a_deployed_processor_refuses_a_fail_point(variable: str, value: str) -> None:
    environment = BASE | {"PROCESSOR_FAIL_POINT": "after-lake-object:1", variable: value}
    settings = load(Settings, PREFIX, environment)
    with pytest.raises(SettingsError, match=variable):
        refuse_where_deployed(
            settings.fail_point, deployed=settings.deployed, environment=environment
        )


def test_without_a_fail_point_a_deployed_processor_starts() -> None:
    refuse_where_deployed(None, deployed=True, environment={})
    refuse_where_deployed(FailPoint(Moment.AFTER_LAKE_OBJECT, 1), deployed=False, environment={})


def test_a_service_may_have_an_endpoint_of_its_own() -> None:
    environment = {"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_DYNAMODB": "http://d"}
    assert endpoint(environment, "kinesis") == "http://a"
    assert endpoint(environment, "dynamodb") == "http://d"
    assert endpoint({}, "kinesis") is None
