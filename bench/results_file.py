"""bench/results/throughput.json, to which two programs add: each replaces its own keys."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

PATH: Final = Path(__file__).resolve().parent / "results/throughput.json"


def update(**figures: Any) -> None:
    """Write figures beside those that are there, and print them."""
    there: dict[str, Any] = json.loads(PATH.read_text()) if PATH.exists() else {}
    content = there | {"command": "make bench-throughput", "cores": os.cpu_count()} | figures
    PATH.write_text(json.dumps(content, indent=2) + "\n")
    print(json.dumps(figures, indent=2))
