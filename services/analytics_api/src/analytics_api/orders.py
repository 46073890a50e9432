"""Lists kept in order, so that a page costs what is on it and not all there is.

The follower's thread renews an order when items have changed; readers hold on to the lists they
have, which never change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Any, Final

Item = dict[str, Any]
Key = tuple[Any, ...]
Placed = list[tuple[Key, Item]]
ALL: Final = None  # the group of every item

MACHINE_KEYS: Final[dict[str, Callable[[Item], Key]]] = {
    "risk": lambda item: (-(item["risk_score"] or 0.0), item["machine_id"]),
    "machine_id": lambda item: (item["machine_id"],),
    "alerts": lambda item: (-item["alerts"], item["machine_id"]),
}
CUSTOMER_KEYS: Final[dict[str, Callable[[Item], Key]]] = {
    "value": lambda item: (-item["customer_value_score"], item["customer_id"]),
    "customer_id": lambda item: (item["customer_id"],),
    "amount": lambda item: (-item["total_amount"], item["customer_id"]),
}


class Order:
    """Items by one key, all of them and by group (a risk, a segment)."""

    def __init__(self, key: Callable[[Item], Key], group: str) -> None:
        self.lists: Mapping[str | None, Placed] = {}
        self._key = key
        self._group = group  # the field that names an item's group

    def renew(self, old: Iterable[Item], new: Iterable[Item]) -> None:
        """Put new items in, in the place of old ones."""
        gone = {self._key(item) for item in old}
        placed = [pair for pair in self.lists.get(ALL, []) if pair[0] not in gone]
        placed += sorted(((self._key(item), item) for item in new), key=itemgetter(0))
        placed.sort(key=itemgetter(0))  # two runs in order: merged, not sorted anew
        lists: dict[str | None, Placed] = defaultdict(list)
        for pair in placed:
            lists[pair[1][self._group]].append(pair)
        self.lists = {**lists, ALL: placed}


class Orders:
    """All orders of machines or of customers."""

    def __init__(self, keys: Mapping[str, Callable[[Item], Key]], group: str) -> None:
        self._orders = {name: Order(key, group) for name, key in keys.items()}

    def renew(self, old: list[Item], new: list[Item]) -> None:
        """See `Order`."""
        for order in self._orders.values():
            order.renew(old, new)

    def lists(self) -> dict[str, Mapping[str | None, Placed]]:
        """Return `{order: {group: items with their keys}}`."""
        return {name: order.lists for name, order in self._orders.items()}
