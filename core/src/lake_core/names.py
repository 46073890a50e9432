"""Names of everything outside programs rely on (docs/contract.md section 1)."""

from __future__ import annotations

from enum import StrEnum


class Domain(StrEnum):
    """The two sources of the lake."""

    MANUFACTURING = "manufacturing"
    ECOMMERCE = "ecommerce"


BUCKET = "multi-source-data-lake"
LIVE_TABLE = "multi-source-data-lake-live"
GLUE_DATABASE = "multi_source_data_lake"
INGESTOR = "data-ingestion-simulator"
STATE_MACHINE = "data-lake-orchestration"
API_SERVICE = "analytics-api"
# Events on the default bus: who sends them, and what they are.
EVENT_SOURCE = "multi-source-data-lake"
ALERT_EVENT = "High maintenance priority"
FAILURE_EVENT = "Batch run failed"
INTEGRATION_TASK = "data-integration"

STREAMS = {
    Domain.MANUFACTURING: "manufacturing-data-stream",
    Domain.ECOMMERCE: "ecommerce-data-stream",
}
# KCL application, lease table and ECS service share the name.
PROCESSORS = {
    Domain.MANUFACTURING: "manufacturing-data-processor",
    Domain.ECOMMERCE: "ecommerce-data-processor",
}
ETL_JOBS = {
    Domain.MANUFACTURING: "manufacturing_etl_job",
    Domain.ECOMMERCE: "ecommerce_etl_job",
}
CRAWLERS = {
    Domain.MANUFACTURING: "manufacturing_data_crawler",
    Domain.ECOMMERCE: "ecommerce_data_crawler",
}
ANALYTICS_TASKS = {
    Domain.MANUFACTURING: "manufacturing-analytics",
    Domain.ECOMMERCE: "ecommerce-analytics",
}
CSV_FILES = {
    Domain.MANUFACTURING: "smart_manufacturing_data.csv",
    Domain.ECOMMERCE: "Ecommerce_Consumer_Behavior_Analysis_Data.csv",
}


def domain_of_stream(stream: str) -> Domain:
    """Return the domain a stream carries.

    Raises:
        KeyError: the name is not one of the lake's streams.
    """
    return {name: domain for domain, name in STREAMS.items()}[stream]
