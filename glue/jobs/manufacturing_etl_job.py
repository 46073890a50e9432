"""The Glue job `manufacturing_etl_job`: new readings into the curated tables."""

import sys

from lake_core.names import Domain
from lake_glue.commands import run_job

run_job(Domain.MANUFACTURING, sys.argv[1:])
