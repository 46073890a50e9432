"""`python -m lake_glue etl | rollback`: the jobs as they run off AWS."""

from __future__ import annotations

import sys

from lake_glue.commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
