"""What each emulator is known to do otherwise than AWS, by the contract test that shows it.

A test that is listed here must fail with that emulator: when it passes, the emulator has mended its
ways and the entry goes. What the lake does about it stands beside the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

DIFFERENCES: Final[Mapping[str, Mapping[str, str]]] = {
    "ministack": {
        "test_a_shard_that_is_split_keeps_what_it_held": (
            "a split removes the parent with its records; resharding is tested with kinesis-local "
            "(tests/faults)"
        ),
        "test_a_stack_that_is_complete_has_made_its_bucket_with_its_lifecycle": (
            "CloudFormation drops the lifecycle; templates are held by assertions, never deployed "
            "to an emulator"
        ),
    },
    "localstack": {
        "test_a_call_takes_no_more_than_500_records": (
            "takes any number; the ingestor's putter keeps to 500 by itself, and its test counts"
        ),
        "test_a_catalog_refuses_a_change_to_a_version_that_is_gone": (
            "Glue is not in the free edition; compose runs ministack beside it as `catalog`"
        ),
        "test_a_schedule_fires": (
            "schedules are kept and never fire; the batch worker starts executions by its own clock"
        ),
        "test_a_stack_that_is_complete_has_made_its_bucket_with_its_lifecycle": (
            "CloudFormation drops the lifecycle and says complete; `provision` makes what is "
            "needed by itself and reads it back"
        ),
    },
    "aws": {},
}
