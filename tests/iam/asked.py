"""What a recorded request needs to be allowed on AWS: actions, resources, condition keys.

After the service authorization reference. A request that is not understood stops the test: it may
need a permission that nobody has thought of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

from tests.iam.recorder import Seen
from tests.templates import ACCOUNT, REGION

_KEY = re.compile(r"<Key>([^<]*)</Key>")
_CATALOG = f"arn:aws:glue:{REGION}:{ACCOUNT}:catalog"


@dataclass(frozen=True)
class Call:
    """An action on a resource. `context` holds what conditions can look at."""

    action: str
    resource: str
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False)

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}"


class Interpreter:
    """Reads the requests of one part in their order: a shard iterator does not name its stream."""

    def __init__(self) -> None:
        self._stream = ""

    def calls(self, seen: Seen) -> list[Call]:
        """Return what a request needs.

        Raises:
            LookupError: it is not known what it needs.
        """
        match seen.service:
            case "s3":
                return list(_s3(seen))
            case "kinesis":
                return self._kinesis(seen)
            case "dynamodb":
                return list(_dynamodb(seen))
            case "glue":
                return list(_glue(seen))
            case "events":
                return list(_events(seen))
        raise LookupError(f"{seen.service}: {seen.method} {seen.path} {seen.headers}")

    def _kinesis(self, seen: Seen) -> list[Call]:
        action, told = _target(seen)
        name = told.get("StreamName") or str(told.get("StreamARN", "")).rpartition("/")[2]
        self._stream = name or self._stream
        arn = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{self._stream}"
        return [Call(f"kinesis:{action}", arn)]


def _target(seen: Seen) -> tuple[str, dict[str, Any]]:
    action = seen.headers["x-amz-target"].rpartition(".")[2]
    return action, msgspec.json.decode(seen.body or "{}", type=dict[str, Any])


def _s3(seen: Seen) -> Iterator[Call]:
    bucket, _, key = unquote(seen.path).lstrip("/").partition("/")
    query = dict(parse_qsl(seen.query, keep_blank_values=True))
    of_bucket, of_object = f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/{key}"
    if not key:
        yield from _s3_bucket(seen, query, of_bucket)
        return
    match seen.method:
        case "GET" | "HEAD":
            yield Call("s3:GetObject", of_object)
            if seen.status == 404:
                # Else S3 would have said 403, and the part would have taken it for an error.
                yield Call("s3:ListBucket", of_bucket)
        case "PUT" | "POST":
            yield Call("s3:PutObject", of_object)
            if "if-match" in seen.headers:
                yield Call("s3:GetObject", of_object)
            if source := seen.headers.get("x-amz-copy-source"):
                yield Call("s3:GetObject", f"arn:aws:s3:::{unquote(source).lstrip('/')}")
        case "DELETE":
            action = "s3:AbortMultipartUpload" if "uploadId" in query else "s3:DeleteObject"
            yield Call(action, of_object)
        case _:
            raise LookupError(f"s3: {seen.method} {seen.path}?{seen.query}")


def _s3_bucket(seen: Seen, query: Mapping[str, str], bucket: str) -> Iterator[Call]:
    match seen.method:
        case "GET" | "HEAD" if set(query) <= _LISTING:
            prefix = {"s3:prefix": (query["prefix"],)} if query.get("prefix") else {}
            yield Call("s3:ListBucket", bucket, prefix)
        case "POST" if "delete" in query:
            for key in _KEY.findall(seen.body):
                yield Call("s3:DeleteObject", f"{bucket}/{key}")
        case _:
            raise LookupError(f"s3: {seen.method} {seen.path}?{seen.query}")


_LISTING = {
    "list-type", "prefix", "start-after", "continuation-token", "delimiter", "max-keys",
    "encoding-type", "fetch-owner", "marker", "x-id",
}  # fmt: skip


def _dynamodb(seen: Seen) -> Iterator[Call]:
    action, told = _target(seen)
    if action == "ListTables":
        yield Call("dynamodb:ListTables", "*")
        return
    item = told.get("Item") or told.get("Key") or {}
    hashed = [next(iter(item[name].values())) for name in ("pk", "leaseKey") if name in item]
    keys = {"dynamodb:LeadingKeys": tuple(hashed)} if hashed else {}
    table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{told['TableName']}"
    if index := told.get("IndexName"):
        table += f"/index/{index}"
    yield Call(f"dynamodb:{action}", table, keys)


def _glue(seen: Seen) -> Iterator[Call]:
    action, told = _target(seen)
    database = told.get("DatabaseName") or told.get("Name", "")
    resources = [_CATALOG, f"arn:aws:glue:{REGION}:{ACCOUNT}:database/{database}"]
    if "DatabaseName" in told:
        name = told.get("Name") or told.get("TableName") or told["TableInput"]["Name"]
        resources.append(f"arn:aws:glue:{REGION}:{ACCOUNT}:table/{database}/{name}")
    for resource in resources:
        yield Call(f"glue:{action}", resource)


def _events(seen: Seen) -> Iterator[Call]:
    action, told = _target(seen)
    if action != "PutEvents":
        raise LookupError(f"events: {action}")
    for entry in told["Entries"]:
        bus = entry.get("EventBusName", "default")
        context = {
            "events:source": (entry["Source"],),
            "events:detail-type": (entry["DetailType"],),
        }
        yield Call(
            "events:PutEvents", f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{bus}", context
        )
