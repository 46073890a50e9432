"""The answers as models, for the OpenAPI document. Answers are made as bytes, not through these."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Score = Annotated[float | None, Field(description="null where there is nothing to average")]
Share = Annotated[float | None, Field(ge=0, le=1)]
Instant = Annotated[str, Field(examples=["2026-11-23T18:15:00.123Z"], description="UTC")]
Count = Annotated[int, Field(ge=0)]
SequenceNumber = Annotated[
    str | None,
    Field(description="as Kinesis gave it", examples=["49590338271490256608559692538361"]),
]


class Freshness(BaseModel):
    """How fresh an answer is."""

    as_of: Instant = Field(description="when the answer was prepared")
    data_through: Instant | None = Field(
        description="arrival time up to which everything is included"
    )
    lag_seconds: float | None = Field(description="as_of − data_through, in seconds")
    sources: list[Literal["analytics", "processed", "live"]] = Field(
        description="what the answer was made from"
    )


class ManufacturingFigures(BaseModel):
    """What the machines say."""

    total_machines_analyzed: Count = Field(examples=[50])
    high_risk_machines: Count = Field(description="mean score over 24 h of event time > 1.6")
    medium_risk_machines: Count = Field(description="… > 1.5")
    low_risk_machines: Count
    records_analyzed: Count = Field(description="readings, each identity once", examples=[100000])
    average_maintenance_priority: Score = Field(examples=[1.5151])
    high_priority_alerts: Count = Field(description="readings at or above the alert threshold")
    average_alert_score: Score = Field(examples=[2.7612])
    predicted_maintenance_events: Count = Field(
        description="machines whose latest reading requires maintenance or has < 20 h of life"
    )
    average_machine_efficiency: Share = Field(
        description="mean of remaining life / energy, clamped to 0..500, over 500"
    )
    data_quality_score: Share = Field(description="usable entries over all entries received")
    scoring_version: str = Field(examples=["default-1"])


class ManufacturingInsights(ManufacturingFigures):
    """… and how fresh that is."""

    freshness: Freshness


class EcommerceFigures(BaseModel):
    """What the customers say."""

    total_customers_analyzed: Count = Field(examples=[1000])
    high_value_customers: Count = Field(description="latest score > 0.6")
    medium_value_customers: Count = Field(description="latest score > 0.4")
    standard_customers: Count
    average_customer_value_score: Score = Field(examples=[0.4448])
    average_purchase_amount: Score = Field(description="USD", examples=[275.06])
    most_popular_category: str | None = Field(examples=["Electronics"])
    highest_value_purchase_channel: str | None = Field(
        description="channel with the highest mean customer value score", examples=["Mixed"]
    )
    customer_satisfaction_index: Score = Field(description="1..10", examples=[5.399])
    data_quality_score: Share
    scoring_version: str = Field(examples=["default-1"])


class EcommerceInsights(EcommerceFigures):
    """… and how fresh that is."""

    freshness: Freshness


class CrossDomainInsights(BaseModel):
    """What operations and business say together."""

    operational_excellence_score: float = Field(
        description="0.6 · average_machine_efficiency + 0.4 · customer_satisfaction_index / 10"
    )
    business_health_index: float = Field(
        description="0.5 · (1 − high-risk machines / machines) + 0.5 · high-value / all customers"
    )
    data_quality_composite: float = Field(description="mean of both domains' data quality")


class IntegratedInsights(BaseModel):
    """Both domains and what they say together."""

    cross_domain_insights: CrossDomainInsights
    manufacturing: ManufacturingFigures
    ecommerce: EcommerceFigures
    freshness: Freshness


class ReadingDay(BaseModel):
    """A day of the machines."""

    readings: Count
    average_maintenance_priority: Score
    average_machine_efficiency: Share
    alerts: Count
    anomalies: Count = Field(description="readings with anomaly_flag 1")


class PurchaseDay(BaseModel):
    """A day of the customers."""

    purchases: Count
    revenue: float = Field(description="USD")
    average_customer_value_score: Score = Field(description="over the day's purchases")
    customer_satisfaction_index: Score = Field(description="1..10")


class TrendDay(BaseModel):
    """A UTC day of event time; null where a domain has no event."""

    day: str = Field(examples=["2025-01-31"])
    manufacturing: ReadingDay | None
    ecommerce: PurchaseDay | None


class Correlation(BaseModel):
    """Whether two daily figures go together, over the days that both domains have."""

    manufacturing: str
    ecommerce: str
    days: Count = Field(description="days with events of both domains")
    r: float | None = Field(ge=-1, le=1, description="Pearson's; null with a reason")
    interval_95: list[float] | None = Field(
        description="tanh(atanh r ± 1.96 / √(days − 3)): Fisher's z"
    )
    verdict: Literal["noise", "weak", "moderate", "strong"] | None = Field(
        description="noise: the interval holds 0; else by |r|: < 0.3, < 0.5, beyond"
    )
    reason: str | None = Field(description="why there is no r")


class Trend(BaseModel):
    """Both domains side by side."""

    first_day: str | None = Field(description="that was looked at")
    last_day: str | None = Field(description="of the newest event")
    days: list[TrendDay] = Field(description="oldest first; days without an event are left out")
    correlations: list[Correlation]
    freshness: Freshness


class FleetRisk(BaseModel):
    """All machines over their risk windows."""

    machines: Count
    readings: Count
    mean_score: Score
    mean_excess: Score = Field(description="mean_score − threshold")
    terms: dict[str, float] = Field(description="mean of each term of the score")


class TermMean(BaseModel):
    """A term of the score: weight · mean of the column / divisor."""

    mean: float
    difference: float = Field(description="to the fleet's mean of the term")


class RiskDriver(BaseModel):
    """A machine and what it adds to the fleet's risk."""

    machine_id: int
    risk: Literal["high", "medium", "low"]
    readings: Count = Field(description="in its risk window")
    mean_score: Score
    excess: Score = Field(description="mean_score − threshold")
    contribution: Score = Field(
        description="readings · excess / the fleet's readings; all machines' add up to mean_excess"
    )
    share_of_excess: Share = Field(
        description="of what the machines above the threshold exceed it by, together"
    )
    main_driver: str | None = Field(
        description="term with the greatest positive difference to the fleet; null: none is above"
    )
    terms: dict[str, TermMean]


class RiskDrivers(BaseModel):
    """Which machines drive the risk."""

    window_hours: int
    threshold: float = Field(description="of medium risk")
    fleet: FleetRisk
    machines: list[RiskDriver] = Field(description="the 20 greatest contributions, greatest first")
    scoring_version: str
    freshness: Freshness


class SegmentMigration(BaseModel):
    """How customers move between segments."""

    customers: Count
    customers_with_one_purchase: Count = Field(description="they cannot have moved")
    moved_up: Count
    moved_down: Count
    stayed: Count
    matrix: dict[str, dict[str, Count]] = Field(
        description="segment of the first purchase → of the latest → customers"
    )
    freshness: Freshness


class MixFigures(BaseModel):
    """Purchases of a part."""

    purchases: Count
    share_of_purchases: Share
    revenue: float = Field(description="USD")
    share_of_revenue: Share
    average_customer_value_score: Score = Field(description="over the part's purchases")


class MixCell(MixFigures):
    """Purchases of a category through a channel."""

    category: str
    channel: str


class MixCategory(MixFigures):
    """Purchases of a category."""

    category: str


class MixChannel(MixFigures):
    """Purchases through a channel."""

    channel: str


class Mix(BaseModel):
    """What is bought through which channel; each list the 500 greatest revenues, greatest first."""

    purchases: Count
    revenue: float = Field(description="USD")
    cells_total: Count = Field(description="pairs of category and channel that occur")
    cells: list[MixCell]
    categories: list[MixCategory]
    channels: list[MixChannel]
    freshness: Freshness


class Completeness(BaseModel):
    """How complete a domain's data are."""

    entries_received: Count = Field(description="usable or not")
    events: Count = Field(description="each identity once")
    duplicates: Count = Field(description="events that producers put on the stream again")
    duplicate_share: Share = Field(description="of the usable entries")
    quarantined_entries: Count
    quarantined_share: Share = Field(description="of the entries received")
    shards: Count
    gaps: Count = Field(description="places where nothing was found between two ranges")
    possible_gaps: Count = Field(description="records may have expired unseen there")
    objects_set_aside: Count = Field(description="that the ETL run could not read")
    objects_unreadable: Count
    objects_waiting: Count = Field(description="whose predecessor has not been seen yet")
    complete: bool = Field(description="the delivery proof of every shard holds")


class FreshnessByDomain(Freshness):
    """… and of each domain."""

    by_domain: dict[str, Freshness]


class CompletenessAnswer(BaseModel):
    """How fresh and complete each domain's data are."""

    domains: dict[str, Completeness]
    freshness: FreshnessByDomain


class Identity(BaseModel):
    """Where an event came from; null where its producer gave no identity."""

    event_source: str | None
    event_row: int | None


class LatestReading(Identity):
    """The latest reading of a machine by event time."""

    timestamp: Instant
    temperature: float = Field(description="°C")
    vibration: float
    humidity: float = Field(description="%")
    pressure: float = Field(description="bar")
    energy_consumption: float = Field(description="kWh")
    machine_status: Literal[0, 1, 2]
    anomaly_flag: Literal[0, 1]
    predicted_remaining_life: int = Field(description="hours")
    failure_type: str
    downtime_risk: float
    maintenance_required: Literal[0, 1]
    maintenance_priority_score: float


class MachineItem(BaseModel):
    """A machine."""

    machine_id: int
    risk: Literal["high", "medium", "low"]
    risk_score: float | None = Field(description="mean score over its last 24 h of event time")
    readings_in_window: Count
    readings: Count
    average_maintenance_priority: Score
    alerts: Count
    needs_maintenance: bool
    latest: LatestReading


class HistoryHour(BaseModel):
    """One hour of event time."""

    hour: Instant
    average_maintenance_priority: Score
    readings: Count


class HistoryDay(BaseModel):
    """One UTC day of event time."""

    day: Instant
    average_maintenance_priority: Score
    readings: Count


class Alert(Identity):
    """A reading that needs somebody's attention."""

    alert_type: Literal["HIGH_MAINTENANCE_PRIORITY"]
    machine_id: int
    score: float
    timestamp: Instant
    recommended_action: str


class MachineDetail(MachineItem):
    """A machine with its history and its latest alerts."""

    history: list[HistoryHour] = Field(description="the last 48 h of event time, oldest first")
    daily_history: list[HistoryDay] = Field(
        description="the last 400 days of event time, oldest first"
    )
    latest_alerts: list[Alert]
    freshness: Freshness | None


class LatestPurchase(Identity):
    """The latest purchase of a customer, every column of the CSV among it."""

    model_config = ConfigDict(extra="allow")

    time_of_purchase: str = Field(examples=["2024-03-01"])
    purchase_category: str
    purchase_amount: float = Field(description="USD")
    purchase_channel: str
    customer_satisfaction: int
    customer_value_score: float


class CustomerItem(BaseModel):
    """A customer."""

    customer_id: str = Field(examples=["37-611-6911"])
    segment: Literal["HIGH_VALUE", "MEDIUM_VALUE", "STANDARD"]
    customer_value_score: float
    purchases: Count
    total_amount: float = Field(description="USD")
    average_purchase_amount: float | None = Field(description="USD")
    latest: LatestPurchase


class CustomerDetail(CustomerItem):
    """A customer, and how fresh that is."""

    freshness: Freshness | None


class Page(BaseModel):
    """Part of a list."""

    next_cursor: str | None = Field(description="give it as `cursor` for the next page; null: end")


class MachineList(Page):
    """Machines."""

    items: list[MachineItem]


class CustomerList(Page):
    """Customers."""

    items: list[CustomerItem]


class AlertList(Page):
    """Alerts, the newest first; the latest 10,000 can be listed."""

    items: list[Alert]


class ZoneSize(BaseModel):
    """What a zone holds of a domain."""

    objects: Count
    bytes: Count


class ProcessedSize(ZoneSize):
    """… and the rows in it, by the objects' own footers."""

    rows: Count
    unusable_entries: Count = Field(description="entries in quarantine")
    bytes_per_row: float | None
    payload_bytes: Count = Field(description="bytes of the JSON entries as they arrived")
    stream_bytes: Count = Field(description="bytes of the Kinesis records that carried them")
    compression_ratio: float | None = Field(description="payload_bytes / bytes")


class Zones(BaseModel):
    """By zone and domain."""

    raw: dict[str, ZoneSize]
    processed: dict[str, ProcessedSize]
    quarantine: dict[str, ZoneSize]
    analytics: dict[str, ZoneSize]


class LakeSize(BaseModel):
    """How large the lake is."""

    zones: Zones
    storage_usd_per_month: float = Field(
        ge=0, description="all bytes / 1024³ · 0.023: S3 Standard's list price, first 50 TB"
    )


class Gap(BaseModel):
    """Two positions with nothing known between them."""

    after: SequenceNumber
    before: SequenceNumber


class ProvenByEtl(BaseModel):
    """How much of a chain the ETL run has read and proven; what follows was read by the API."""

    objects: Count
    rows: Count
    last_sequence_number: SequenceNumber = Field(description="null: none of it")


class SetAside(BaseModel):
    """A range that the ETL run could not read: its rows are missing until a later run can."""

    key: str
    reason: str


class ShardProof(BaseModel):
    """The delivery proof of one shard."""

    domain: str
    incarnation: str = Field(
        description="creation time of the stream", examples=["20261123T181500123Z"]
    )
    shard: str = Field(examples=["shardId-000000000000"])
    objects: Count
    records: Count = Field(description="Kinesis records")
    rows: Count
    first_sequence_number: SequenceNumber
    last_sequence_number: SequenceNumber
    ended: bool = Field(description="the shard was split or merged and is committed to its end")
    gaps: list[Gap]
    possible_gaps: list[str] = Field(description="records before these may have expired unseen")
    overlaps: list[str]
    unreadable_objects: list[str]
    quarantined_entries: Count
    producer_duplicates: Count = Field(description="events put on the stream twice; counted once")
    proven_by_etl: ProvenByEtl
    set_aside: list[SetAside]
    waiting_objects: Count = Field(description="objects whose predecessor has not been seen yet")
    problems: list[str]
    verified: bool


class CuratedSnapshot(BaseModel):
    """The snapshot of the curated table that the answers begin with."""

    version: str = Field(description="of the state that was made from it")
    made_at: Instant
    table: str = Field(examples=["multi_source_data_lake.manufacturing_events"])
    snapshot_id: str | None
    events: Count = Field(description="in the table")
    events_expected: Count = Field(description="by the ranges it was made from")


class Integrity(BaseModel):
    """The delivery proof."""

    verified: bool
    problems: list[str] = Field(description="beyond single shards")
    curated: dict[str, CuratedSnapshot | None] = Field(
        description="by domain; null: everything was read from processed/ by the API itself"
    )
    shards: list[ShardProof]


class FieldError(BaseModel):
    """What is wrong with a parameter."""

    field: str
    reason: str


class ProblemDocument(BaseModel):
    """RFC 9457."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldError] | None = None
    missing: list[str] | None = None


class Alive(BaseModel):
    """Liveness."""

    status: Literal["alive"]


class Ready(BaseModel):
    """Readiness."""

    status: Literal["ready"]
    notes: list[str] = Field(description="for example: why a published state is not used")
