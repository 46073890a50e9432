"""How long a replay may take to stop when it is asked to."""

from __future__ import annotations

import logging
import os
from typing import Final

from lake_core.stopping import StopSignal

log = logging.getLogger("ingestor")
# A call that hangs (S3 and Kinesis answer nothing) must not hold the process for longer.
GRACE_SECONDS: Final = 5.0


def stop_signal() -> StopSignal:
    """Return the stop of this process: if it takes longer than the grace, the process ends.

    The cursor saved last then stands, so a resumed replay sends some rows again and leaves none
    out.
    """
    return StopSignal(GRACE_SECONDS, _give_up)


def _give_up(number: int) -> None:
    log.critical(
        "not stopped within %.0f s: a call hangs; --resume sends the rows since the last saved "
        "cursor again",
        GRACE_SECONDS,
    )
    os._exit(128 + number)  # threads may hang in calls; nothing waits
