"""One range as it is read: a whole object, a footer that fits its name, its quarantine in place."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from analytics_api.lake_reader import LakeReader
from analytics_api.quarantine import quarantine_problem
from lake_core.chain import number
from lake_core.errors import UnreadableObject
from lake_core.footer import Footer
from lake_core.layout import Chain, RangeName
from lake_core.parquet import read_object

HOUR_MILLISECONDS = 3_600_000


@dataclass(frozen=True, slots=True)
class Read:
    """A range that was read and waits for its turn."""

    name: RangeName
    footer: Footer
    table: pa.Table
    size: int  # bytes
    quarantine_problem: str | None


def read_range(lake: LakeReader, name: RangeName) -> Read:
    """Read a range.

    Raises:
        UnreadableObject: gone, damaged, or not what its name says.
        TransientError: not now.
    """
    body = lake.read(name.key)
    table, footer = read_object(body, name.key)
    check_footer(name, footer)
    return Read(name, footer, table, len(body), quarantine_problem(lake, footer))


def check_footer(name: RangeName, footer: Footer) -> None:
    """Refuse a footer that cannot be this range's: the chain would be followed wrongly by it.

    Raises:
        UnreadableObject: says what does not fit.
    """
    said = Chain(footer.domain, footer.incarnation, footer.shard)
    positions = [footer.first, footer.last, *([footer.after] if footer.after else [])]
    if not all(one.isascii() and one.isdecimal() for one in positions):
        raise UnreadableObject(f"{name.key} has positions that are no numbers: {positions}")
    if said != name.chain or int(footer.first) != name.first:
        raise UnreadableObject(f"{name.key} holds another range: {said} from {footer.first}")
    if not number(footer.after) < number(footer.first) <= number(footer.last):
        raise UnreadableObject(f"{name.key} is out of order: {footer.after} → {positions}")
    hours = {at // HOUR_MILLISECONDS for at in (footer.first_arrival, footer.last_arrival)}
    if hours != {int(name.hour.timestamp() * 1000) // HOUR_MILLISECONDS}:
        raise UnreadableObject(f"{name.key} holds records of another hour (I1)")
