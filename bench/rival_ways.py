"""How else one writes it in Python: json + pydantic + pandas, and polars alone.

Their libraries are in the environment `bench` only, which the type checker does not see.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

from lake_core.column_rules import limits
from lake_core.names import Domain
from lake_core.schema import Column, Kind, all_columns, columns

pandas: Any = import_module("pandas")
polars: Any = import_module("polars")
pydantic: Any = import_module("pydantic")
_PYTHON: Final[dict[Kind, Any]] = {
    Kind.INT32: int, Kind.INT64: int, Kind.FLOAT64: float, Kind.STRING: str, Kind.BOOL: bool,
    Kind.DATE: import_module("datetime").date, Kind.TIMESTAMP: import_module("datetime").datetime,
}  # fmt: skip
_WEIGHTS: Final = {
    Domain.MANUFACTURING: {
        "temperature": 0.003, "vibration": 0.025, "anomaly_flag": 0.15, "downtime_risk": 0.3,
    },
    Domain.ECOMMERCE: {
        "Purchase_Amount": 0.0004, "Frequency_of_Purchase": 0.03, "Brand_Loyalty": 0.015,
        "Customer_Satisfaction": 0.015,
    },
}  # fmt: skip


class PydanticWay:
    """Each record through a model, then a data frame with its own Parquet defaults."""

    def __init__(self, domain: Domain) -> None:
        self._weights = _WEIGHTS[domain]
        fields = {f"f{n}": self._field(c) for n, c in enumerate(all_columns(domain))}
        self._model = pydantic.create_model("Event", **fields)

    @staticmethod
    def _field(column: Column) -> tuple[Any, Any]:
        keep = limits(column)
        kind = _PYTHON[column.kind]
        rules: dict[str, Any] = {"alias": column.key}
        if keep.least is not None and column.kind not in (Kind.DATE, Kind.TIMESTAMP):
            rules |= {"ge": keep.least, "le": keep.greatest}
        if column.kind is Kind.STRING and keep.max_length:
            rules |= {"min_length": keep.min_length, "max_length": keep.max_length}
        if keep.optional:
            return kind | None, pydantic.Field(default=None, **rules)
        return kind, pydantic.Field(**rules)

    def run(self, lines: Sequence[bytes]) -> tuple[int, int]:
        """Return rows and bytes written."""
        rows, refused = [], 0
        for line in lines:
            for record in json.loads(line)["records"]:
                try:
                    event = self._model(**json.loads(base64.b64decode(record["data"])))
                except (pydantic.ValidationError, ValueError):
                    refused += 1
                    continue
                rows.append(event.model_dump(by_alias=True))
        frame = pandas.DataFrame(rows)
        frame["score"] = sum(frame[c] * w for c, w in self._weights.items()).round(2)
        sink = io.BytesIO()
        frame.to_parquet(sink)
        return len(frame), len(sink.getvalue())


class PolarsWay:
    """Whole batches as NDJSON; a batch that fails is read record by record."""

    def __init__(self, domain: Domain) -> None:
        kinds = {
            Kind.INT32: polars.Int32, Kind.INT64: polars.Int64, Kind.FLOAT64: polars.Float64,
            Kind.BOOL: polars.Boolean,
        }  # fmt: skip
        self._schema = {c.key: kinds.get(c.kind, polars.String) for c in all_columns(domain)}
        score = polars.sum_horizontal(polars.col(c) * w for c, w in _WEIGHTS[domain].items())
        self._made = [score.round(2).alias("score"), *self._times(domain)]
        self._usable = polars.all_horizontal(*(self._rule(c) for c in columns(domain)))

    @staticmethod
    def _times(domain: Domain) -> list[Any]:
        if domain is Domain.ECOMMERCE:
            return [polars.col("Time_of_Purchase").str.to_date(strict=False)]
        return [polars.col("timestamp").str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False)]

    @staticmethod
    def _rule(column: Column) -> Any:
        keep, found = limits(column), polars.col(column.key)
        usable = found.is_not_null()
        if keep.least is not None and column.kind not in (Kind.DATE, Kind.TIMESTAMP):
            usable &= found.is_between(keep.least, keep.greatest)
        if column.kind is Kind.STRING and keep.max_length:
            usable &= found.str.len_chars().is_between(keep.min_length, keep.max_length)
        return usable

    def run(self, lines: Sequence[bytes]) -> tuple[int, int]:
        """Return rows and bytes written."""
        frames = []
        for line in lines:
            data = [base64.b64decode(record["data"]) for record in json.loads(line)["records"]]
            frames.append(self._read(data))
        frame = polars.concat(frames).filter(self._usable).with_columns(self._made)
        sink = io.BytesIO()
        frame.write_parquet(sink, compression="zstd", compression_level=3)
        return frame.height, len(sink.getvalue())

    def _read(self, data: Sequence[bytes]) -> Any:
        try:
            return polars.read_ndjson(io.BytesIO(b"\n".join(data)), schema=self._schema)
        except polars.exceptions.PolarsError:
            return polars.concat([self._one(raw) for raw in data])

    def _one(self, raw: bytes) -> Any:
        try:
            return polars.read_ndjson(io.BytesIO(raw), schema=self._schema)
        except polars.exceptions.PolarsError:
            return polars.DataFrame(schema=self._schema)
