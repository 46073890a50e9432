"""`python -m lake_infra`: writes the CloudFormation templates to `cdk.out`, offline.

Settings are `INFRA_…`; the CDK's command line, which deploys, starts this too.
"""

from __future__ import annotations

import logging
import os
import sys

from lake_core.errors import SettingsError
from lake_core.logs import configure_logging
from lake_core.settings import load
from lake_infra import node
from lake_infra.settings import PREFIX, Settings

log = logging.getLogger("lake_infra")


def main() -> int:
    """Synthesise; return the exit code."""
    configure_logging("lake_infra")
    try:
        settings = load(Settings, PREFIX, os.environ)
    except SettingsError as error:
        log.critical("%s", error)
        return 2
    node.bring()
    from lake_infra.lake import lake  # noqa: PLC0415 - it starts Node, which `bring` chooses

    lake(settings, os.environ.get("CDK_OUTDIR", "cdk.out")).synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
