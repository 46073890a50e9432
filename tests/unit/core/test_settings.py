"""Settings stop a start that would not do what was meant."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass

import pytest

from lake_core.errors import SettingsError
from lake_core.logs import JsonFormatter
from lake_core.settings import flag, load, positive_float, positive_int, setting


@dataclass(frozen=True)
class Example:
    bucket: str = setting(str, help="the bucket")
    rows: int = setting(positive_int, help="rows", default=10)
    seconds: float = setting(positive_float, help="seconds", default=1.5)
    quick: bool = setting(flag, help="whether", default=False)


def test_defaults_hold_where_nothing_is_set() -> None:
    assert load(Example, "EX_", {"EX_BUCKET": "b", "OTHER": "x"}) == Example(bucket="b")


def test_values_are_read() -> None:
    environment = {"EX_BUCKET": "b", "EX_ROWS": "3", "EX_SECONDS": "0.5", "EX_QUICK": "yes"}
    assert load(Example, "EX_", environment) == Example("b", 3, 0.5, quick=True)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "EX_BUCKET is missing: the bucket"),
        ({"EX_BUCKET": "b", "EX_ROWS": "0"}, "EX_ROWS='0'"),
        ({"EX_BUCKET": "b", "EX_ROWS": "many"}, "EX_ROWS='many'"),
        ({"EX_BUCKET": "b", "EX_SECONDS": "inf"}, "EX_SECONDS='inf'"),
        ({"EX_BUCKET": "b", "EX_QUICK": "2"}, "EX_QUICK='2'"),
        ({"EX_BUCKET": "b", "EX_BUKCET": "c"}, "EX_BUKCET is not a setting"),
    ],
)
def test_what_is_wrong_is_named(environment: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(Example, "EX_", environment)
    assert message in str(caught.value)


def test_log_lines_are_json_with_their_extras() -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, "took %s", ("it",), None)
    record.shard = "shardId-0"
    line = json.loads(JsonFormatter("processor").format(record))
    assert line["message"] == "took it"
    assert (line["service"], line["level"], line["shard"]) == ("processor", "info", "shardId-0")
