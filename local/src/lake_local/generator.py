"""Writes seeded CSVs in the exact form of the real files.

The same seed gives the same bytes on every machine: the only source of chance is
`Random.random()`, whose sequence Python guarantees, and numbers are rounded to hundredths long
before the last bit of a logarithm could differ. Any number of rows takes constant memory.
"""

from __future__ import annotations

import csv
import datetime as dt
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from statistics import NormalDist
from typing import Final, TypeVar

from lake_core.names import Domain
from lake_core.schema import csv_header

SEED: Final = 20250101
MANUFACTURING_ROWS: Final = 100_000
ECOMMERCE_ROWS: Final = 1_000
PROGRESS_EVERY_ROWS: Final = 10_000

T = TypeVar("T")
Row = Sequence[object]
Progress = Callable[[int], None]

_START: Final = dt.datetime(2025, 1, 1)  # noqa: DTZ001 - the file's times are written without zone
_NORMAL: Final = NormalDist()
_MACHINES: Final = 50
_FAILURES: Final = (
    ("Vibration Issue", 0.3),
    ("Overheating", 0.2),
    ("Pressure Drop", 0.2),
    ("Electrical Fault", 0.1),
    ("Normal", 0.2),
)
_STATUSES: Final = ((0, 0.1), (1, 0.8), (2, 0.1))
_FAILED: Final = 2


def write_manufacturing(
    path: Path, rows: int = MANUFACTURING_ROWS, seed: int = SEED, progress: Progress | None = None
) -> None:
    """Write readings, one a minute in all; the file appears whole or not at all."""
    _write(path, Domain.MANUFACTURING, "\n", _readings(rows, Random(seed)), progress)  # noqa: S311


def write_ecommerce(
    path: Path, rows: int = ECOMMERCE_ROWS, seed: int = SEED, progress: Progress | None = None
) -> None:
    """Write purchases, one a customer; the file appears whole or not at all."""
    _write(path, Domain.ECOMMERCE, "\r\n", _purchases(rows, Random(seed)), progress)  # noqa: S311


def _write(
    path: Path, domain: Domain, line_end: str, rows: Iterable[Row], progress: Progress | None
) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator=line_end)
            writer.writerow(csv_header(domain))
            for number, row in enumerate(rows, start=1):
                writer.writerow(row)
                if progress and number % PROGRESS_EVERY_ROWS == 0:
                    progress(number)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


# --- manufacturing


def _readings(rows: int, rng: Random) -> Iterator[Row]:
    for minute in range(rows):
        machine = _whole(rng, 1, _MACHINES)
        temperature, vibration = _normal(rng, 75, 10), _normal(rng, 50, 15)
        humidity, pressure = _uniform(rng, 3000, 8000), _uniform(rng, 100, 500)
        energy = _uniform(rng, 50, 500)
        status = _choose(rng, _STATUSES)
        anomalous = temperature > 9000 or vibration > 8000  # noqa: PLR2004 - hundredths
        life = _whole(rng, 1, 49) if anomalous else _whole(rng, 10, 499)
        failure = _choose(rng, _FAILURES) if status == _FAILED else "Normal"
        due = status == _FAILED or anomalous or life < 20  # noqa: PLR2004
        yield (
            f"{_START + dt.timedelta(minutes=minute)}",
            machine,
            *(value / 100 for value in (temperature, vibration, humidity, pressure, energy)),
            status,
            int(anomalous),
            life,
            failure,
            float(anomalous),
            int(due),
        )


# --- e-commerce

_GENDERS: Final = (
    ("Female", 0.45),
    ("Male", 0.45),
    ("Non-binary", 0.02),
    ("Agender", 0.02),
    ("Genderfluid", 0.02),
    ("Bigender", 0.02),
    ("Polygender", 0.02),
)
_CATEGORIES: Final = (
    "Animal Feed", "Arts & Crafts", "Baby Products", "Beauty & Personal Care", "Books", "Clothing",
    "Electronics", "Food & Beverages", "Furniture", "Gardening & Outdoors", "Health Care",
    "Health Supplements", "Home Appliances", "Hotels", "Jewelry & Accessories",
    "Luxury Goods", "Mobile Accessories", "Office Supplies", "Packages)",
    "Software & Apps", "Sports & Outdoors", "Toys & Games", "Travel & Leisure (Flights",
)  # fmt: skip
_PLACE_STARTS: Final = ("Ka", "Mo", "Évra", "San ", "Tolu", "Bre", "Ny", "Qui", "Ḑar", "Val", "Ost")
_PLACE_MIDDLES: Final = ("ri", "lo", "nte", "wa", "si", "ño", "dor", "ke")
_PLACE_ENDS: Final = ("ville", "burg", "í", "ham", "o", "stad", "a", "minato", " Alto", "eux")
_PLACE_WITH_COMMA_SHARE: Final = 0.002
_RESEARCH_HOURS: Final = ("0", "0.3", "0.5", "0.7", "1", "1.5", "2")
_LEVELS: Final = ("None", "Low", "Medium", "High")
_YEAR: Final = dt.date(2024, 1, 1)
_DAYS: Final = 366
_IDS: Final = 1_000_000_000
# Coprime to the number of ids: steps through all of them, none twice, and looks drawn.
_ID_STEP: Final = 618_033_989


def _purchases(rows: int, rng: Random) -> Iterator[Row]:
    offset = _whole(rng, 0, _IDS - 1)
    for number in range(rows):
        yield (*_person(rng, (offset + number * _ID_STEP) % _IDS), *_purchase(rng))


def _person(rng: Random, identity: int) -> Row:
    digits = f"{identity:09d}"
    return (
        f"{digits[:2]}-{digits[2:5]}-{digits[5:]}",
        _whole(rng, 18, 50),
        _choose(rng, _GENDERS),
        _one(rng, ("Middle", "High")),
        _one(rng, ("Single", "Married", "Divorced", "Widowed")),
        _one(rng, ("High School", "Bachelor's", "Master's")),
        _one(rng, ("Middle", "High")),
        _place(rng),
    )


def _purchase(rng: Random) -> Row:
    amount = _uniform(rng, 5000, 50_000)
    day = _YEAR + dt.timedelta(days=_whole(rng, 0, _DAYS - 1))
    return (
        _one(rng, _CATEGORIES),
        f"${amount // 100}.{amount % 100:02d} ",
        _whole(rng, 2, 12),
        _one(rng, ("Online", "In-Store", "Mixed")),
        _whole(rng, 1, 5),
        _whole(rng, 1, 5),
        _one(rng, _RESEARCH_HOURS),
        _one(rng, _LEVELS),
        _one(rng, ("Not Sensitive", "Somewhat Sensitive", "Very Sensitive")),
        _whole(rng, 0, 2),
        _whole(rng, 1, 10),
        _one(rng, _LEVELS),
        _one(rng, ("Desktop", "Smartphone", "Tablet")),
        _one(rng, ("Credit Card", "Debit Card", "PayPal", "Cash", "Other")),
        f"{day.month}/{day.day}/{day.year}",
        _one(rng, ("TRUE", "FALSE")),
        _one(rng, ("TRUE", "FALSE")),
        _one(rng, ("Need-based", "Wants-based", "Impulsive", "Planned")),
        _one(rng, ("No Preference", "Standard", "Express")),
        _whole(rng, 1, 14),
    )


def _place(rng: Random) -> str:
    name = _one(rng, _PLACE_STARTS) + _one(rng, _PLACE_MIDDLES) + _one(rng, _PLACE_ENDS)
    return f"{name}, Upper" if rng.random() < _PLACE_WITH_COMMA_SHARE else name


# --- chance, from random() alone


def _whole(rng: Random, low: int, high: int) -> int:
    return low + int(rng.random() * (high - low + 1))


def _uniform(rng: Random, low: int, high: int) -> int:
    """Return a number of hundredths, uniform between two others."""
    return round(low + rng.random() * (high - low))


def _normal(rng: Random, mean: int, deviation: int) -> int:
    """Return a normal number in hundredths."""
    probability = max(rng.random(), 2**-53)
    return round((mean + deviation * _NORMAL.inv_cdf(probability)) * 100)


def _one(rng: Random, values: Sequence[T]) -> T:
    return values[int(rng.random() * len(values))]


def _choose(rng: Random, weighted: Sequence[tuple[T, float]]) -> T:
    drawn = rng.random()
    for value, share in weighted:
        drawn -= share
        if drawn < 0:
            return value
    return weighted[-1][0]
