"""The product's own verifier, asked beside the independent count. The one place that knows it."""

from __future__ import annotations

from typing import Any


def verify(s3: Any, bucket: str) -> list[str]:
    """Return what the product's verifier says against a lake; nothing while there is none."""
    del s3, bucket
    return []
