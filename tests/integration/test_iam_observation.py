"""Each part's role allows what the part asks for when it runs, and nothing without a reason.

One run of the lake on an emulator, started by the commands and variables of the templates; every
request is held against the role that the part would have on AWS.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from lake_local.java import find_java
from tests.iam.deployed import bucket_name, snapshot
from tests.iam.parts import access_key
from tests.iam.policies import Role, roles, unused
from tests.iam.run import Observed, play, scene
from tests.templates import ACCOUNT, REGION, of_type

REVIEWED = Path(__file__).resolve().parents[1] / "iam" / "reviewed.toml"
TAKEN_BY_AWS = "taken_by_aws"

pytestmark = pytest.mark.timeout(900)  # Spark starts four times, on a machine that others share


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Observed:
    with scene(tmp_path_factory.mktemp("observed"), find_java(os.environ)) as lake:
        play(lake)
        return lake.observed()


@pytest.fixture(scope="module")
def allowed() -> dict[str, Role]:
    return roles(snapshot("dev").values())


@pytest.fixture(scope="module")
def reviewed() -> dict[str, dict[str, str]]:
    """The reviewed list, with ARNs filled in."""
    text = REVIEWED.read_text(encoding="utf-8")
    for name, value in {
        "bucket": f"arn:aws:s3:::{bucket_name(snapshot('dev')['data-lake-storage'])}",
        "assets": f"arn:aws:s3:::cdk-hnb659fds-assets-{ACCOUNT}-{REGION}",
        "logs": f"arn:aws:logs:{REGION}:{ACCOUNT}",
    }.items():
        text = text.replace(f"{{{name}}}", value)
    return tomllib.loads(text)


def test_every_request_of_every_part_is_allowed_by_its_role(
    observed: Observed, allowed: dict[str, Role]
) -> None:
    refused = {
        f"{key}: {call}"
        for key, calls in observed.calls.items()
        for call in calls
        if not any(s.allows(call) for s in allowed[key.removeprefix(access_key(""))])
    }
    assert not refused, "AWS would deny these"


def test_every_role_is_seen_at_work_or_is_taken_by_aws_itself(
    observed: Observed, allowed: dict[str, Role], reviewed: dict[str, dict[str, str]]
) -> None:
    seen = {key.removeprefix(access_key("")) for key in observed.calls}
    assert not seen & set(reviewed[TAKEN_BY_AWS])
    assert seen | set(reviewed[TAKEN_BY_AWS]) == set(allowed)


def test_what_a_role_allows_is_used_or_stands_in_the_reviewed_list(
    observed: Observed, allowed: dict[str, Role], reviewed: dict[str, dict[str, str]]
) -> None:
    for key, calls in observed.calls.items():
        role = key.removeprefix(access_key(""))
        idle = set(unused(allowed[role], calls)) - set(reviewed[role])
        assert not idle, f"{role} may do what nobody does"


def test_a_part_would_be_stopped_without_any_grant_that_it_is_seen_to_use(
    observed: Observed, allowed: dict[str, Role]
) -> None:
    for key, calls in observed.calls.items():
        role = allowed[key.removeprefix(access_key(""))]
        for grant in role:
            if any(grant.allows(call) for call in calls):
                others = [one for one in role if one is not grant]
                assert any(not any(one.allows(call) for one in others) for call in calls), grant


def test_the_reviewed_list_names_only_what_roles_allow(
    allowed: dict[str, Role], reviewed: dict[str, dict[str, str]]
) -> None:
    for name, role in allowed.items():
        everything = set(unused(role, []))
        assert set(reviewed.get(name, {})) <= everything, name
    reasons = [reason for role in reviewed.values() for reason in role.values()]
    assert min(map(len, reasons)) >= len("Glue itself")


def test_kcls_own_tables_are_as_the_template_makes_them(observed: Observed) -> None:
    made = {
        table["TableName"]: [(key["AttributeName"], key["KeyType"]) for key in table["KeySchema"]]
        for table in of_type(snapshot("dev")["data-lake-storage"], "AWS::DynamoDB::Table").values()
    }
    assert observed.tables == made
