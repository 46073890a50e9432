"""`python -m lake_infra.cost FILE`: writes the cost of the lake, and says what to check."""

from __future__ import annotations

import sys
from pathlib import Path

from lake_infra.cost.prices import Measured, Prices
from lake_infra.cost.report import report


def main(path: Path) -> int:
    """Write the document."""
    prices = Prices.read()
    path.write_text(report(prices, Measured.read()), encoding="utf-8")
    print(
        f"{path} is written, with list prices as of {prices.as_of} that nobody has looked up since:"
    )
    print("check the largest lines at the sources in it, and correct lake_infra/cost/prices.toml")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
