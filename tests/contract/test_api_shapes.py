"""The API's answers have the fields of the contract, and those that its OpenAPI document names."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from analytics_api import models
from lake_core.names import Domain
from tests.unit.analytics_api.expectations import purchase_rows, reading_rows
from tests.unit.analytics_api.lake_builder import Api, Builder, filled

CONTRACT = Path(__file__).parents[2] / "docs" / "contract.md"
ANSWERS: dict[str, type[BaseModel]] = {
    "/v1/insights/manufacturing": models.ManufacturingInsights,
    "/v1/insights/ecommerce": models.EcommerceInsights,
    "/v1/insights/integrated": models.IntegratedInsights,
    "/v1/insights/trend": models.Trend,
    "/v1/insights/trend?days=7": models.Trend,
    "/v1/insights/risk-drivers": models.RiskDrivers,
    "/v1/insights/segment-migration": models.SegmentMigration,
    "/v1/insights/mix": models.Mix,
    "/v1/insights/completeness": models.CompletenessAnswer,
    "/v1/machines?limit=3": models.MachineList,
    "/v1/machines/3": models.MachineDetail,
    "/v1/customers?limit=3": models.CustomerList,
    "/v1/customers/c07": models.CustomerDetail,
    "/v1/alerts?limit=3": models.AlertList,
    "/v1/lake": models.LakeSize,
    "/v1/lake/integrity": models.Integrity,
    "/healthz": models.Alive,
    "/readyz": models.Ready,
}


@pytest.fixture(scope="module")
def api() -> Api:
    return Api(filled(reading_rows(600), purchase_rows(300)).lake).poll()


def promised(path: str) -> set[str]:
    """The field names that the contract's table gives for an insight."""
    text = CONTRACT.read_text(encoding="utf-8")
    row = re.search(rf"^\| `GET {path}` \| `([^`]+)` \|$", text, re.MULTILINE)
    assert row, f"the contract does not tell of {path}"
    top = re.sub(r"\{[^}]*\}", "", row[1])
    return {name.strip(" :") for name in top.split(",")}


@pytest.mark.parametrize("name", ["manufacturing", "ecommerce", "integrated"])
def test_an_insight_has_the_fields_of_the_contract_and_no_others(api: Api, name: str) -> None:
    path = f"/v1/insights/{name}"
    assert set(api.ok(path)) == promised(path)
    assert set(api.ok(path)["freshness"]) == {"as_of", "data_through", "lag_seconds", "sources"}


def test_the_integrated_answer_names_the_three_cross_domain_scores(api: Api) -> None:
    assert set(api.ok("/v1/insights/integrated")["cross_domain_insights"]) == {
        "operational_excellence_score", "business_health_index", "data_quality_composite",
    }  # fmt: skip


@pytest.mark.parametrize(("path", "model"), ANSWERS.items())
def test_an_answer_is_what_the_openapi_document_says(
    api: Api, path: str, model: type[BaseModel]
) -> None:
    answer = api.ok(path)
    assert differences(model.model_validate(answer).model_dump(mode="json"), answer) == []


def test_a_problem_is_what_the_openapi_document_says(api: Api) -> None:
    for path in ("/v1/machines?limit=0", "/v1/machines/999", "/nowhere"):
        problem = api.get(path)[2]
        said = models.ProblemDocument.model_validate(problem).model_dump(exclude_none=True)
        assert said == problem


def differences(described: Any, given: Any, at: str = "") -> list[str]:
    """Fields that one has and the other has not."""
    if isinstance(described, dict) and isinstance(given, dict):
        lone = [f"{at}.{name}" for name in described.keys() ^ given.keys()]
        both = sorted(described.keys() & given.keys())
        return lone + [w for k in both for w in differences(described[k], given[k], f"{at}.{k}")]
    if isinstance(described, list) and isinstance(given, list):
        pairs = zip(described, given, strict=True)
        return [w for i, (d, g) in enumerate(pairs) for w in differences(d, g, f"{at}[{i}]")]
    return [] if described == given else [f"{at}: {described!r} is not {given!r}"]


def broken() -> dict[str, Callable[[], Api]]:
    """Lakes of which little can be said."""

    def one_reading_without_identity() -> Api:
        builder = Builder()
        builder.add(Domain.MANUFACTURING, reading_rows(1), source=None)
        return Api(builder.lake).poll()

    def waiting_and_unreadable() -> Api:
        builder = Builder()
        keys = [builder.add(Domain.MANUFACTURING, reading_rows(1), first_row=i) for i in range(3)]
        builder.lake.objects[keys[1]] = b"not Parquet"
        builder.add(Domain.MANUFACTURING, reading_rows(1), shard=1, gap=True)
        return Api(builder.lake).poll()

    return {"one": one_reading_without_identity, "broken": waiting_and_unreadable}


@pytest.mark.parametrize("make", broken().values(), ids=broken().keys())
@pytest.mark.parametrize(
    ("path", "model"), [pair for pair in ANSWERS.items() if "?" in pair[0] or "lake" in pair[0]]
)
def test_an_answer_over_a_poor_lake_has_the_same_shape(
    make: Callable[[], Api], path: str, model: type[BaseModel]
) -> None:
    answer = make().ok(path)
    assert differences(model.model_validate(answer).model_dump(mode="json"), answer) == []
