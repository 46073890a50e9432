"""The list of rows, as the issue numbers them."""

from __future__ import annotations

from typing import Final

from tests.faults import rows_failover as failover
from tests.faults import rows_machine as machine
from tests.faults import rows_processes as processes
from tests.faults import rows_producer as producer
from tests.faults import rows_services as services
from tests.faults import rows_stream as stream
from tests.faults.emulators import missing_kinesis_local
from tests.faults.matrix import Row

ROWS: Final = (
    Row(
        1, "child-killed", "kill -9 of a child: mid-batch, before and after the lake object",
        (
            processes.child_killed_mid_batch,
            processes.child_killed_before_lake_object,
            processes.child_killed_after_lake_object,
        ), 3,
    ),
    Row(
        2, "jvm-killed", "kill -9 of the JVM, of both, every few seconds",
        (
            processes.jvm_killed,
            processes.jvm_and_children_killed,
            processes.killed_every_few_seconds,
        ), 3,
    ),
    Row(3, "terminated", "SIGTERM: handed over, nothing replayed", (processes.terminated,), 3),
    Row(
        4, "workers-share", "two workers; one killed, one added, leases move",
        (processes.shared_killed_and_added,), 3,
    ),
    Row(
        5, "zombie", "a worker paused until its lease is taken, then resumed",
        (processes.paused_until_written_past, processes.paused_until_lease_taken), 4,
        proving=(processes.paused_until_written_past,),
    ),
    Row(
        6, "resharding", "SplitShard and MergeShards under load (4,000 events, kinesis-local)",
        (stream.split_and_merged,), 3, missing=missing_kinesis_local, resharding=True,
    ),
    Row(
        7, "s3-faults", "S3: 500/503/SlowDown, time-outs before and after applying, late, gone",
        (
            services.s3_answers_errors,
            services.s3_silent_before,
            services.s3_silent_after,
            services.s3_late,
            services.s3_gone,
        ), 5,
    ),
    Row(
        8, "services-away", "leases throttled or gone, Kinesis gone, emulator restarted",
        (
            services.leases_throttled,
            services.leases_gone,
            services.kinesis_gone,
            services.emulator_restarted,
        ), 4,
    ),
    Row(9, "poison", "poison of every kind, 100 % for a while", (stream.poisoned,), 3),
    Row(
        10, "disk-full", "the processor's disk is full for a while, and it restarts there",
        (machine.disk_full, machine.disk_full_at_first_start), 2, missing=machine.missing_mount,
    ),
    Row(
        10, "clock-back", "the processor's clock is set back by an hour",
        (machine.clock_set_back,), 2, missing=machine.missing_compiler,
    ),
    Row(
        11, "ingestor", "ingestor killed and resumed, refused in part, outcomes unknown",
        (
            producer.refused_in_part,
            producer.unknown_outcomes,
            producer.ingestor_killed,
        ), 3,
    ),
    Row(
        12, "checkpoints", "checkpoints lost, set back to a range's end, into a range",
        (
            stream.checkpoints_lost,
            stream.checkpoints_at_ends,
            stream.checkpoints_mid_range,
        ), 3,
    ),
    Row(
        13, "rolling-upgrade", "two versions that judge a record differently share the shards",
        (stream.rolling_upgrade,), 3,
    ),
    Row(
        14, "fast-failover", "15 minutes of load: the fast-failover mode stays, and is fast",
        (failover.stays_fast,), 1, beside=True,
    ),
)  # fmt: skip
