"""The Glue job `ecommerce_etl_job`: new purchases into the curated tables."""

import sys

from lake_core.names import Domain
from lake_glue.commands import run_job

run_job(Domain.ECOMMERCE, sys.argv[1:])
