"""The evaluation of policies itself: it must refuse, or the observation proves nothing."""

from __future__ import annotations

import msgspec
import pytest

from tests.iam.asked import Call, Interpreter
from tests.iam.policies import roles, unused
from tests.iam.recorder import Seen


def role_of(**statement: object) -> dict[str, object]:
    whole = {"Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    return {
        "Resources": {
            "R": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r"}},
            "P": {
                "Type": "AWS::IAM::Policy",
                "Properties": {
                    "Roles": [{"Ref": "R"}],
                    "PolicyDocument": {"Statement": [whole | statement]},
                },
            },
        }
    }


def allows(call: Call, **statement: object) -> bool:
    (role,) = roles([role_of(**statement)]).values()
    return any(one.allows(call) for one in role)


def seen(service: str, method: str = "POST", path: str = "/", **more: object) -> Seen:
    plain = {"key": "key-r", "query": "", "headers": {}, "body": "", "status": 200}
    whole = plain | {"service": service, "method": method, "path": path} | more
    return msgspec.convert(whole, Seen)


def asked(request: Seen) -> list[str]:
    return [str(call) for call in Interpreter().calls(request)]


def test_another_action_or_resource_is_refused() -> None:
    call = Call("s3:GetObject", "arn:aws:s3:::b/raw/x.csv")
    assert allows(call, Resource="arn:aws:s3:::b/raw/*")
    assert not allows(call, Resource="arn:aws:s3:::b/processed/*")
    assert not allows(call, Action=["s3:PutObject", "s3:GetObjectVersion"])


def test_a_condition_holds_only_with_the_value_it_wants() -> None:
    bus = Call("events:PutEvents", "x", {"events:source": ("lake",)})
    wants = {"StringEquals": {"events:source": "lake"}}
    assert allows(bus, Action="events:PutEvents", Condition=wants)
    other = Call("events:PutEvents", "x", {"events:source": ("else",)})
    assert not allows(other, Action="events:PutEvents", Condition=wants)
    assert not allows(Call("events:PutEvents", "x"), Action="events:PutEvents", Condition=wants)


def test_keys_of_another_partition_are_refused() -> None:
    wants = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["live#manufacturing#*"]}}
    for key, expected in (("live#manufacturing#1", True), ("live#ecommerce#1", False)):
        call = Call("dynamodb:PutItem", "t", {"dynamodb:LeadingKeys": (key,)})
        assert allows(call, Action="dynamodb:PutItem", Condition=wants) is expected


def test_an_operator_or_statement_that_is_not_known_is_not_guessed_at() -> None:
    call = Call("s3:GetObject", "x")
    with pytest.raises(LookupError, match="DateLessThan"):
        allows(call, Condition={"DateLessThan": {"aws:CurrentTime": "2026"}})
    with pytest.raises(LookupError, match="another kind"):
        allows(call, Effect="Deny")


def test_what_nobody_used_is_named_by_its_grant() -> None:
    (role,) = roles([role_of(Action=["s3:GetObject", "s3:PutObject"], Resource="b/*")]).values()
    assert list(unused(role, [Call("s3:GetObject", "b/k")])) == ["Read s3:PutObject"]
    assert list(unused(role, [])) == ["Read s3:GetObject", "Read s3:PutObject", "Read b/*"]


def test_an_object_that_is_not_there_takes_the_right_to_list() -> None:
    request = seen("s3", "GET", "/b/state/cursor.json", status=404)
    assert asked(request) == [
        "s3:GetObject on arn:aws:s3:::b/state/cursor.json",
        "s3:ListBucket on arn:aws:s3:::b",
    ]


def test_a_put_over_a_version_takes_the_right_to_read() -> None:
    request = seen("s3", "PUT", "/b/k", headers={"if-match": '"1"'})
    assert asked(request) == [
        "s3:PutObject on arn:aws:s3:::b/k",
        "s3:GetObject on arn:aws:s3:::b/k",
    ]


def test_deleting_many_is_deleting_each() -> None:
    body = "<Delete><Object><Key>a</Key></Object><Object><Key>b/c</Key></Object></Delete>"
    request = seen("s3", "POST", "/b", query="delete", body=body)
    assert asked(request) == [
        "s3:DeleteObject on arn:aws:s3:::b/a",
        "s3:DeleteObject on arn:aws:s3:::b/b/c",
    ]


def test_a_shard_iterator_belongs_to_the_stream_asked_for_before() -> None:
    reader = Interpreter()
    target = {"x-amz-target": "Kinesis_20131202.GetShardIterator"}
    body = msgspec.json.encode({"StreamName": "s"}).decode()
    reader.calls(seen("kinesis", headers=target, body=body))
    target = {"x-amz-target": "Kinesis_20131202.GetRecords"}
    (call,) = reader.calls(seen("kinesis", headers=target, body='{"ShardIterator": "?"}'))
    assert call.resource.endswith(":stream/s")


def test_a_request_that_nobody_has_thought_of_stops_the_test() -> None:
    with pytest.raises(LookupError, match="policy"):
        asked(seen("s3", "PUT", "/b", query="policy"))
    with pytest.raises(LookupError, match="sts"):
        asked(seen("sts"))
