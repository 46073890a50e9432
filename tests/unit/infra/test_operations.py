"""docs/operations.md names what there is: targets, variables, stacks, outputs, log groups."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from lake_infra.settings import PREFIX, Settings
from tests.templates import filled, of_type
from tests.unit.infra.conftest import Templates

CHECKOUT = Path(__file__).resolve().parents[3]
DOCUMENT = (CHECKOUT / "docs" / "operations.md").read_text(encoding="utf-8")
AWS = DOCUMENT[DOCUMENT.index("## On AWS") : DOCUMENT.index("## In containers")]


def test_every_variable_of_the_application_is_one() -> None:
    known = {f"{PREFIX}{field.name.upper()}" for field in dataclasses.fields(Settings)}
    assert set(re.findall(rf"{PREFIX}[A-Z_]*[A-Z]", AWS)) <= known


def test_make_knows_every_target() -> None:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\bmake ([a-z-]+)\b", AWS):
        assert re.search(rf"^(?:[a-z-]+ )*{target}(?: [a-z-]+)*:", makefile, re.MULTILINE), target


def test_stacks_outputs_and_log_groups_are_those_of_the_templates(dev: Templates) -> None:
    assert set(re.findall(r"(?<!source-)\bdata-lake-(?!orchestration)[a-z]+\b", AWS)) <= set(dev)
    outputs = dev["data-lake-services"]["Outputs"]
    named = re.findall(r"OutputKey=='([A-Za-z]+)'", AWS) + re.findall(r"\$\(output (\w+)\)", AWS)
    assert len(named) == 4
    assert set(named) <= set(outputs)
    groups = {
        filled(group["LogGroupName"])
        for template in dev.values()
        for group in of_type(template, "AWS::Logs::LogGroup").values()
    }
    assert set(re.findall(r"logs tail (\S+)", AWS)) <= groups


def test_alarms_of_the_table_are_there(dev: Templates) -> None:
    alarms = of_type(dev["data-lake-watch"], "AWS::CloudWatch::Alarm").values()
    names = {alarm["AlarmName"].removeprefix("multi-source-data-lake-") for alarm in alarms}
    rows = "".join(re.findall(r"^\| (`.*?`) \|", AWS, re.MULTILINE))
    told = set(re.findall(r"`([a-z-]+)`", rows))
    for ending in re.findall(r"^\| `…-([a-z-]+)`", AWS, re.MULTILINE):
        found = {name for name in names if name.endswith(f"-{ending}")}
        assert found, ending
        names -= found
    assert told <= names
