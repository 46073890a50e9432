"""The proof notices every way to break a lake; each is done here on purpose."""

from __future__ import annotations

import base64
import csv
import datetime as dt
import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analytics_api import verify
from analytics_api.directory_lake import DirectoryLake
from analytics_api.follower import Follower
from lake_core.arrow import Positions, scored_table
from lake_core.footer import METADATA_KEY, Footer
from lake_core.layout import Chain, RangeName, hour_of
from lake_core.names import Domain
from lake_core.parquet import encode_object, read_footer
from lake_core.parsing import encode_event, event_from_cells
from lake_core.rules import DEFAULT
from lake_core.schema import csv_header
from tests.unit.analytics_api.curated_builder import Tasks
from tests.unit.analytics_api.lake_builder import MemoryLake

ARRIVAL = 1_795_459_132_361
HOUR = 3_600_000
INCARNATION = "20261123T181500123Z"
CHAIN = Chain(Domain.MANUFACTURING, INCARNATION, "shardId-000000000000")
ROWS = 12
PER_RANGE = 3


class BrokenLake:
    """A lake of four ranges over two hours on disk, a quarantined row in each, and its CSV."""

    def __init__(self, root: Path) -> None:
        self.root = root / "bucket"
        self.csv = root / "m.csv"
        self.rows = [self._cells(i) for i in range(ROWS)]
        with self.csv.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(csv_header(Domain.MANUFACTURING))
            writer.writerows(row.values() for row in self.rows)
        digest = hashlib.sha256(self.csv.read_bytes()).hexdigest()[:8]
        self.source = f"m.csv-{digest}-0"
        self.keys: list[str] = []
        self.quarantine: list[str] = []
        for start in range(0, ROWS, PER_RANGE):
            self._add(start)

    @staticmethod
    def _cells(i: int) -> dict[str, str]:
        values = (f"2025-01-01 00:{i:02d}:00", i + 1, 70.5, 40.25, 50.0, 2.5, 1.5, 1, 0, 100,
                  "Normal", 0.0, 0)  # fmt: skip
        return dict(zip(csv_header(Domain.MANUFACTURING), map(str, values), strict=True))

    def _add(self, start: int) -> None:
        arrival = ARRIVAL + (start // 6) * HOUR
        events = []
        for row in range(start, start + PER_RANGE):
            event = event_from_cells(Domain.MANUFACTURING, self.rows[row])
            event.event_source, event.event_row = self.source, row
            events.append(event)
        bad = encode_event(events.pop()).replace(b'"Normal"', b'"Gremlins"')
        name = RangeName(
            CHAIN, hour_of(dt.datetime.fromtimestamp(arrival / 1000, dt.UTC)), start + 1
        )
        line = (
            json.dumps({"reason": "bad", "data": base64.b64encode(bad).decode()}).encode() + b"\n"
        )
        key = name.quarantine_key(hashlib.sha256(line).hexdigest()[:16])
        self.write(key, line)
        self.quarantine.append(key)
        n = len(events)
        footer = Footer(
            format_version=1, schema_version=1, scoring_version="default-1", domain=CHAIN.domain,
            shard=CHAIN.shard, incarnation=INCARNATION, first=str(start + 1),
            last=str(start + PER_RANGE), after=str(start) if start else None,
            first_arrival=arrival, last_arrival=arrival, records=PER_RANGE, rows=n, unusable=1,
            payload_bytes=300, stream_bytes=300, quarantine=key,
        )  # fmt: skip
        positions = Positions([str(start + 1 + i) for i in range(n)], [0] * n, [arrival] * n)
        table = scored_table(Domain.MANUFACTURING, events, positions, DEFAULT)
        self.write(name.key, encode_object(table, footer))
        self.keys.append(name.key)

    def write(self, key: str, body: bytes) -> None:
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)

    def prove(self, checkpoint: str | None = "12") -> tuple[dict[str, Any], list[verify.RowProof]]:
        reader = DirectoryLake(self.root)
        walked = self.walk(checkpoint)
        laps = verify.every_lap(walked, reader, verify.cursors(reader), [verify.csv_file(self.csv)])
        return walked.answer(), laps

    def walk(self, checkpoint: str | None = "12") -> verify.Walk:
        reader = DirectoryLake(self.root)
        complete, published = (
            Follower(
                reader, DEFAULT, lambda: ARRIVAL / 1000 + 10,
                stalled_seconds=0, from_states=from_states,
            )
            for from_states in (False, True)
        )  # fmt: skip
        positions = {CHAIN: checkpoint} if checkpoint else {}
        return verify.walk(complete, positions, published if verify.has_states(reader) else None)

    def batch(self, ranges: int) -> None:
        """Publish the state of the first ranges."""
        held = MemoryLake()
        held.objects = {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in self.root.rglob("*") if path.is_file()
        }  # fmt: skip
        Tasks(held).batch(ranges)
        for key, body in held.objects.items():
            self.write(key, body)

    def broken(self, named: str) -> None:
        """Assert that the proof fails and names the thing."""
        proof, _ = self.prove()
        assert proof["verified"] is False
        problems = [why for shard in proof["shards"] for why in shard["problems"]]
        assert any(named in why for why in problems), problems


@pytest.fixture
def lake(tmp_path: Path) -> BrokenLake:
    return BrokenLake(tmp_path)


def test_a_whole_lake_is_verified_and_every_row_has_its_place(lake: BrokenLake) -> None:
    proof, (lap,) = lake.prove()
    assert proof["verified"] is True
    assert (lap.in_lake, lap.in_quarantine, lap.missing) == (8, 4, [])
    text = verify.report(lake.walk(), [lap])
    assert "verified: true" in text
    assert "8 in the lake, 4 in quarantine" in text


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_deleted_object_is_noticed(lake: BrokenLake, which: int) -> None:
    (lake.root / lake.keys[which]).unlink()
    lake.broken(f"{lake.keys[which + 1]} is missing")
    assert set(lake.prove()[1][0].missing) >= {which * 3, which * 3 + 1}


def test_a_deleted_last_object_is_noticed_by_the_checkpoint(lake: BrokenLake) -> None:
    (lake.root / lake.keys[-1]).unlink()
    lake.broken("committed, the lake ends at 9")


def test_a_removed_hour_is_noticed(lake: BrokenLake) -> None:
    for key in lake.keys[:2]:
        (lake.root / key).unlink()
    lake.broken("is missing")


def test_a_whole_shard_gone_is_noticed(lake: BrokenLake) -> None:
    for key in lake.keys[1:]:
        (lake.root / key).unlink()
    lake.broken("the last object is missing")


@pytest.mark.parametrize("length", [0, 100, -5])
def test_a_truncated_object_is_named(lake: BrokenLake, length: int) -> None:
    path = lake.root / lake.keys[1]
    path.write_bytes(path.read_bytes()[:length])
    lake.broken(lake.keys[1])


def test_one_changed_cell_is_noticed_though_the_file_is_sound_parquet(lake: BrokenLake) -> None:
    path = lake.root / lake.keys[1]
    footer = (pq.read_metadata(path).metadata or {})[METADATA_KEY]
    table = pq.read_table(path)
    column = pa.array([99.9, *table["temperature"].to_pylist()[1:]])
    table = table.set_column(table.schema.get_field_index("temperature"), "temperature", column)
    sink = pa.BufferOutputStream()
    metadata: Any = {METADATA_KEY: footer}
    with pq.ParquetWriter(sink, table.schema, store_schema=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata(metadata)
    path.write_bytes(sink.getvalue().to_pybytes())
    assert read_footer(path.read_bytes(), "k").rows == 2
    lake.broken(f"{lake.keys[1]} has been altered")


def test_a_copy_on_taken_ground_is_noticed(lake: BrokenLake) -> None:
    name = RangeName.parse(lake.keys[1])
    assert name is not None
    inside = RangeName(name.chain, name.hour, name.first + 1)
    lake.write(inside.key, (lake.root / lake.keys[1]).read_bytes())
    lake.broken(inside.key)


def test_an_object_under_another_name_is_noticed(lake: BrokenLake) -> None:
    (lake.root / lake.keys[2]).write_bytes((lake.root / lake.keys[1]).read_bytes())
    lake.broken(f"{lake.keys[2]} holds another range")


def test_a_lost_quarantine_object_is_named(lake: BrokenLake) -> None:
    (lake.root / lake.quarantine[2]).unlink()
    lake.broken(lake.quarantine[2])


def test_an_altered_quarantine_object_is_named(lake: BrokenLake) -> None:
    path = lake.root / lake.quarantine[2]
    path.write_bytes(path.read_bytes().replace(b"bad", b"BAD"))
    lake.broken(f"{lake.quarantine[2]} has been altered")


def test_rows_beyond_the_cursor_are_not_sent_yet_and_not_missing(lake: BrokenLake) -> None:
    (lake.root / lake.keys[-1]).unlink()
    digest = lake.source.split("-")[1]
    for row, expected in ((9, []), (12, [9, 10, 11])):
        cursor = {"file": "m.csv", "digest": digest, "position": {"lap": 0, "row": row}}
        lake.write("state/ingestor/manufacturing-data-stream.json", json.dumps(cursor).encode())
        _, (lap,) = lake.prove("9")
        assert lap.missing[:2] == expected[:2]


def test_an_empty_lake_proves_nothing(tmp_path: Path) -> None:
    follower = Follower(DirectoryLake(tmp_path), DEFAULT, lambda: 0.0, stalled_seconds=0)
    assert verify.walk(follower, {}).verified is False


@pytest.mark.parametrize("gone", [1, 2, 3, 4])
def test_what_has_expired_after_the_etl_run_took_it_is_proven_by_that(
    lake: BrokenLake, gone: int
) -> None:
    lake.batch(ranges=3)
    for key in lake.keys[:gone]:
        (lake.root / key).unlink()
    proof, (lap,) = lake.prove()
    assert proof["verified"] is (gone < 4)  # the last range was not taken, so it is missing
    if gone < 4:
        assert (lap.in_lake, lap.missing) == (8, [])
        assert proof["shards"][0]["proven_by_etl"]["objects"] == 3
        text = verify.report(lake.walk(), [lap])
        assert "the 3 objects before have expired, the ETL run has proven them" in text


def test_where_everything_is_there_a_state_changes_nothing(lake: BrokenLake) -> None:
    lake.batch(ranges=3)
    proof, _ = lake.prove()
    assert (proof["verified"], proof["shards"][0]["proven_by_etl"]["objects"]) == (True, 0)


def test_a_hole_amid_what_is_there_is_one_though_the_etl_run_has_taken_it(
    lake: BrokenLake,
) -> None:
    lake.batch(ranges=3)
    (lake.root / lake.keys[1]).unlink()
    lake.broken(f"{lake.keys[2]} is missing")


def test_a_first_object_that_is_damaged_is_no_expired_one(lake: BrokenLake) -> None:
    lake.batch(ranges=3)
    path = lake.root / lake.keys[0]
    path.write_bytes(path.read_bytes()[:-5])
    lake.broken(lake.keys[0])
