"""The events of both domains: their columns, types, units and limits, as typed structs.

A struct is the one description of a domain. `schema.py` reads the columns from it, the JSON
decoder validates with it, the CSV reader converts cells by it. Attribute names are the Parquet
columns; the JSON key and CSV header of a column is given with it.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from lake_core.names import Domain

INT32_MAX: Final = 2**31 - 1
INT64_MAX: Final = 2**63 - 1
# Sums of hundredths stay far inside 64 bits, and no sensor reads more.
FLOAT_LIMIT: Final = 1e9
# A category or a place name; longer text is not one, and would bloat every object it is in.
MAX_TEXT: Final = 256
MAX_SOURCE: Final = 512

Text = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]
Number = Annotated[float, Meta(ge=-FLOAT_LIMIT, le=FLOAT_LIMIT)]
Positive = Annotated[float, Meta(ge=0, le=FLOAT_LIMIT)]
Count = Annotated[int, Meta(ge=0, le=INT32_MAX)]
Flag = Annotated[int, Meta(ge=0, le=1)]
Scale5 = Annotated[int, Meta(ge=1, le=5)]
FailureType = Literal[
    "Normal", "Vibration Issue", "Overheating", "Pressure Drop", "Electrical Fault"
]


def _about(text: str, unit: str | None = None) -> Meta:
    return Meta(description=text, extra={"unit": unit})


class Identified(msgspec.Struct, gc=False, kw_only=True, omit_defaults=True):
    """Identity and provenance: the ingestor always adds them, other producers may."""

    event_source: Annotated[str, Meta(min_length=1, max_length=MAX_SOURCE)] | None = None
    event_row: Annotated[int, Meta(ge=0, le=INT64_MAX)] | None = None
    ingest_timestamp: dt.datetime | None = None

    @property
    def identity(self) -> tuple[str, int] | None:
        """(`event_source`, `event_row`), or None where the producer gave no full identity."""
        if self.event_source is None or self.event_row is None:
            return None
        return self.event_source, self.event_row


class Reading(Identified, gc=False, kw_only=True, omit_defaults=True):
    """One reading of a factory machine (contract section 3, manufacturing)."""

    timestamp: Annotated[dt.datetime, Meta(tz=False), _about("time of the reading, UTC")]
    machine_id: Annotated[int, Meta(ge=1, le=INT32_MAX), _about("the machine")]
    temperature: Annotated[Number, _about("temperature", "°C")]
    vibration: Annotated[Number, _about("vibration; noise may push it below zero", "mm/s")]
    humidity: Annotated[Number, _about("relative humidity", "%")]
    pressure: Annotated[Number, _about("pressure", "bar")]
    energy_consumption: Annotated[Number, _about("energy used", "kWh")]
    machine_status: Annotated[int, Meta(ge=0, le=2), _about("0 idle, 1 running, 2 failure")]
    anomaly_flag: Annotated[Flag, _about("1 where the reading is anomalous")]
    predicted_remaining_life: Annotated[Count, _about("predicted remaining life", "hours")]
    failure_type: Annotated[FailureType, _about("kind of failure")]
    downtime_risk: Annotated[float, Meta(ge=0, le=1), _about("risk of downtime, 0..1")]
    maintenance_required: Annotated[Flag, _about("1 where maintenance is due")]


class Purchase(Identified, gc=False, kw_only=True, omit_defaults=True):
    """One purchase of a web-shop customer (contract section 3, e-commerce)."""

    customer_id: Annotated[Text, _about("the customer")] = msgspec.field(name="Customer_ID")
    age: Annotated[int, Meta(ge=0, le=150), _about("age", "years")] = msgspec.field(name="Age")
    gender: Text = msgspec.field(name="Gender")
    income_level: Text = msgspec.field(name="Income_Level")
    marital_status: Text = msgspec.field(name="Marital_Status")
    education_level: Text = msgspec.field(name="Education_Level")
    occupation: Text = msgspec.field(name="Occupation")
    location: Text = msgspec.field(name="Location")
    purchase_category: Text = msgspec.field(name="Purchase_Category")
    purchase_amount: Annotated[Positive, _about("amount paid", "USD")] = msgspec.field(
        name="Purchase_Amount"
    )
    frequency_of_purchase: Annotated[Count, _about("purchases", "per month")] = msgspec.field(
        name="Frequency_of_Purchase"
    )
    purchase_channel: Text = msgspec.field(name="Purchase_Channel")
    brand_loyalty: Scale5 = msgspec.field(name="Brand_Loyalty")
    product_rating: Scale5 = msgspec.field(name="Product_Rating")
    time_spent_on_product_research_hours: Annotated[Positive, _about("research", "hours")] = (
        msgspec.field(name="Time_Spent_on_Product_Research(hours)")
    )
    social_media_influence: Text = msgspec.field(name="Social_Media_Influence")
    discount_sensitivity: Text = msgspec.field(name="Discount_Sensitivity")
    return_rate: Count = msgspec.field(name="Return_Rate")
    customer_satisfaction: Annotated[int, Meta(ge=1, le=10)] = msgspec.field(
        name="Customer_Satisfaction"
    )
    engagement_with_ads: Text = msgspec.field(name="Engagement_with_Ads")
    device_used_for_shopping: Text = msgspec.field(name="Device_Used_for_Shopping")
    payment_method: Text = msgspec.field(name="Payment_Method")
    time_of_purchase: Annotated[dt.date, _about("day of the purchase")] = msgspec.field(
        name="Time_of_Purchase"
    )
    discount_used: bool = msgspec.field(name="Discount_Used")
    customer_loyalty_program_member: bool = msgspec.field(name="Customer_Loyalty_Program_Member")
    purchase_intent: Text = msgspec.field(name="Purchase_Intent")
    shipping_preference: Text = msgspec.field(name="Shipping_Preference")
    time_to_decision: Annotated[Count, _about("time to decide", "days")] = msgspec.field(
        name="Time_to_Decision"
    )


Event = Reading | Purchase
EVENT_TYPES: Final[dict[Domain, type[Reading] | type[Purchase]]] = {
    Domain.MANUFACTURING: Reading,
    Domain.ECOMMERCE: Purchase,
}


def partition_key(event: Event) -> str:
    """Return the Kinesis partition key: the machine or the customer."""
    return str(event.machine_id) if isinstance(event, Reading) else event.customer_id
