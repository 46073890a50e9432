"""The Glue jobs on the emulator: real Spark, real Iceberg, every figure against plain Python.

The tests stand in the order of a lake's life, on one lake: each leaves it whole for the next.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from pyiceberg.transforms import YearTransform

from lake_core.catalog import curated_tables, events_table
from lake_core.names import BUCKET, GLUE_DATABASE, Domain
from lake_local import emulator
from lake_local.ports import free_port
from lake_local.processes import Processes
from tests.aws import REGION, Aws
from tests.gate.batch_tables import DOCUMENT
from tests.integration.curated_lake import SOURCE, CuratedLake
from tests.integration.glue_jobs import Job, Jobs, WarmSpark, warm_spark
from tests.integration.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
M, E = Domain.MANUFACTURING, Domain.ECOMMERCE
FEBRUARY = dt.date(2025, 2, 3)
LAST_YEAR = dt.date(2024, 12, 31)
NEVER = 1_000_000  # files: nothing is compacted


@pytest.fixture(scope="module")
def own_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    directory, port = tmp_path_factory.mktemp("emulator"), free_port()
    with Processes(directory / "logs") as processes:
        processes.start(emulator.program(port, directory, emulator.system_environment()))
        assert eventually(lambda: emulator.answers(port), 20)
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        region = {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
        aws = Aws({"AWS_ENDPOINT_URL": emulator.endpoint(port), **region, **keys})
        aws.client("s3").create_bucket(Bucket=BUCKET)
        aws.client("glue").create_database(DatabaseInput={"Name": GLUE_DATABASE})
        yield aws


@pytest.fixture(scope="module")
def jobs(own_aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    started = Jobs(own_aws, tmp_path_factory.mktemp("jobs"))
    yield started
    started.end()


@dataclass(frozen=True, slots=True)
class First:
    """The lake after its first runs, one of each domain."""

    lake: CuratedLake
    runs: dict[Domain, Job]
    broken: str  # key of a range that cannot be read
    whole: bytes  # what should be there
    lost: list[tuple[str | None, int | None]]  # the identities of its rows


@pytest.fixture(scope="module")
def first(own_aws: Aws, jobs: Jobs, tmp_path_factory: pytest.TempPathFactory) -> First:
    lake = CuratedLake(own_aws, tmp_path_factory.mktemp("csv"))
    lake.fresh(M, 600)
    lake.fresh(M, 400, shard=1)
    broken = lake.fresh(M, 100)
    lake.fresh(M, 300, day=FEBRUARY)
    lake.again(M, 550, 50, shard=0)  # put on the stream twice
    for shard in (0, 1, 0):
        lake.fresh(E, 200, shard=shard)
    whole = lake.ranges.read(broken)
    lake.ranges.put(broken, whole[:-100])
    runs = {domain: jobs.etl(domain, f"first-{domain}") for domain in Domain}
    assert [run.ends() for run in runs.values()] == [0, 0]
    return First(lake, runs, broken, whole, [(SOURCE, row) for row in range(1000, 1100)])


@pytest.fixture(scope="module")
def lake(first: First) -> CuratedLake:
    return first.lake


@pytest.fixture(scope="module")
def spark(
    own_aws: Aws, first: First, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WarmSpark]:
    del first  # its jobs have the cores for themselves
    with warm_spark(own_aws, tmp_path_factory.mktemp("spark")) as session:
        yield session


def test_every_row_that_can_be_read_is_there_once_and_all_aggregates_are_right(
    first: First,
) -> None:
    assert first.lake.differences(M, without=first.lost) == []
    assert first.lake.differences(E) == []


def test_a_broken_range_is_named_in_summary_report_and_log(first: First) -> None:
    (aside,) = first.lake.published(M).set_aside
    report = json.loads(first.lake.ranges.read(f"analytics/{M}/reports/first-{M}.json"))
    named = [line["key"] for line in first.runs[M].said if line["level"] == "error"]
    assert aside.key == first.broken
    assert report["set_aside"] == [{"key": first.broken, "reason": aside.reason}]
    assert named == [first.broken]


def test_positions_reach_to_the_end_of_each_chain_and_duplicates_are_counted(
    first: First,
) -> None:
    chains = first.lake.published(M).chains
    assert [(one.shard[-1], one.rows, one.duplicates) for one in chains] == [
        ("0", 950, 50), ("1", 400, 0),
    ]  # fmt: skip
    assert [one.last for one in chains] == ["1150", "500"]


def test_the_tables_are_what_core_declares(lake: CuratedLake) -> None:
    for declared in curated_tables():
        table = lake.table(declared.name)
        assert [field.name for field in table.schema().fields] == [c.name for c in declared.columns]
        assert table.location() == f"s3://{BUCKET}/{declared.prefix.rstrip('/')}"
    assert [field.name for field in lake.events_table(M).spec().fields] == ["timestamp_month"]


def test_nothing_new_makes_no_snapshot(lake: CuratedLake, spark: WarmSpark) -> None:
    for domain in Domain:
        before = lake.snapshots(domain)
        report = spark.etl(domain)
        assert lake.snapshots(domain) == before
        assert (report["ranges"], report["aggregates"]) == (0, [])


def test_a_range_that_is_repaired_late_data_and_events_that_came_before(
    first: First, lake: CuratedLake, spark: WarmSpark
) -> None:
    lake.ranges.put(first.broken, first.whole)
    lake.fresh(M, 100, day=LAST_YEAR)
    lake.again(M, 100, 30, shard=1)
    report = spark.etl(M)
    assert (report["rows_appended"], report["duplicates"]) == (200, 30)
    assert report["set_aside"] == []
    assert lake.published(M).set_aside == ()
    assert lake.differences(M) == []
    days = lake.table("manufacturing_daily").scan(f"event_date = '{LAST_YEAR}'").to_arrow()
    assert days["readings"].to_pylist() == [100]


def test_a_run_that_is_killed_leaves_the_table_as_it_was_or_whole(
    lake: CuratedLake, jobs: Jobs, spark: WarmSpark
) -> None:
    staged = f"analytics/{E}/staging/"
    moments = {
        "rows are staged": lambda _: bool(lake.ranges.keys(staged)),
        "a branch is there": lambda _: len(lake.events_table(E).refs()) > 1,
        "events are published": lambda job: _told(job, f"{E}: events"),
        "one aggregate is published": lambda job: _told(job, f"{E}: ecommerce_customers"),
    }
    for number, (moment, reached) in enumerate(moments.items()):
        before, known = lake.events_table(E).current_snapshot(), len(lake.events[E])
        lake.fresh(E, 50, shard=number % 2)
        job = jobs.etl(E, f"killed-{number}")
        assert eventually(partial(reached, job), 60), moment
        job.kill()
        table = lake.events_table(E)
        rows = table.scan(selected_fields=("event_row",)).to_arrow().num_rows
        # What an earlier run left is published by this one too.
        assert table.current_snapshot() == before or rows == known + 50, moment
    spark.etl(E)
    assert lake.differences(E) == []


def _told(job: Job, message: str) -> bool:
    return any(line["message"] == message for line in job.said)


def test_of_two_runs_at_once_one_begins_again_while_the_other_compacts_many_files_into_few(
    lake: CuratedLake, jobs: Jobs, spark: WarmSpark
) -> None:
    for number in range(7):
        lake.fresh(M, 20, shard=number % 2)
        spark.etl(M, compacted_from=NEVER)
    many = lake.data_files(M)
    lake.fresh(M, 300)
    pair = [jobs.etl(M, "pair") for _ in range(2)]  # even of the same name
    assert eventually(lambda: any(_told(job, f"{M}: events") for job in pair), 120)
    lake.fresh(M, 10, shard=1)
    spark.etl(M, compacted_from=NEVER)  # publishes while one of the pair compacts
    ends = [job.ends() for job in pair]
    assert ends == [0, 0], "\n".join(str(job.said[-1]) for job in pair)
    said = [line["message"] for job in pair for line in job.said]
    assert any("beginning again" in message for message in said)
    spark.etl(M)
    assert lake.differences(M) == []
    done = [line for job in pair for line in job.said if line["message"] == "done"]
    assert sum(line["files_compacted"] for line in done) >= 8
    assert lake.data_files(M) < many - 6
    assert sum(line["rows_appended"] for line in done) <= 310
    assert set(lake.events_table(M).refs()) == {"main"}


def test_of_two_that_compact_the_same_files_one_leaves_it_to_the_other(
    lake: CuratedLake, spark: WarmSpark
) -> None:
    for number in range(8):
        lake.fresh(M, 20, shard=number % 2)
        spark.etl(M, compacted_from=NEVER)
    went, left = sorted(spark.compact_at_once(M, 2), key=str)
    assert int(went) >= 8
    assert left == f"lake.{GLUE_DATABASE}.manufacturing_events was compacted by another run"
    assert lake.differences(M) == []


def test_a_rollback_takes_rows_and_positions_back_and_the_next_run_brings_them_again(
    lake: CuratedLake, jobs: Jobs, spark: WarmSpark
) -> None:
    lake.fresh(M, 40)
    before = lake.published(M)
    spark.etl(M)
    assert lake.published(M) != before
    assert jobs.start("rollback", "--table", events_table(M).name).ends() == 0
    assert lake.published(M) == before
    assert spark.etl(M)["rows_appended"] == 40
    assert lake.differences(M) == []


def test_a_column_that_was_declared_later_appears(lake: CuratedLake, spark: WarmSpark) -> None:
    with lake.events_table(E).update_schema() as change:  # a table of an older version
        change.delete_column("scoring_version")
    lake.fresh(E, 10)
    spark.etl(E)
    versions = lake.events_table(E).scan(selected_fields=("scoring_version",)).to_arrow()
    told = versions["scoring_version"].to_pylist()
    assert (told.count("default-1"), set(told)) == (10, {"default-1", None})
    assert lake.differences(E) == []


def test_a_table_that_is_partitioned_otherwise_stays_so(
    lake: CuratedLake, spark: WarmSpark
) -> None:
    with lake.events_table(E).update_spec() as spec:
        spec.remove_field("time_of_purchase_month")
        spec.add_field("time_of_purchase", YearTransform(), "time_of_purchase_year")
    lake.fresh(E, 50)
    spark.etl(E)
    assert [field.name for field in lake.events_table(E).spec().fields] == ["time_of_purchase_year"]
    assert lake.differences(E) == []


# Polars would rather plan by a plugin of its own, which reads no Glue catalog of ours any faster.
@pytest.mark.filterwarnings("ignore:Iceberg scan planning with the polars_iceberg plugin")
def test_what_the_document_shows_in_python_runs_as_it_stands(
    lake: CuratedLake, own_aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in own_aws.env.items():
        monkeypatch.setenv(name, value)
    text = DOCUMENT.read_text(encoding="utf-8")
    first_block = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0]
    url = own_aws.env["AWS_ENDPOINT_URL"]
    names: dict[str, Any] = {"here": {"glue.endpoint": url, "s3.endpoint": url}}
    exec(compile(first_block, str(DOCUMENT), "exec"), names)  # noqa: S102 - our own document
    machines = lake.table("manufacturing_machine_daily").scan("risk = 'high'").to_arrow()
    assert names["worst"].num_rows == machines.num_rows
    assert names["segments"]["len"].sum() == lake.table("ecommerce_customers").scan().count()
