"""`python -m analytics_api analyze <domain>`: from the curated table to state and insights.

Continues the last state where the table has only grown since, else begins from nothing: the result
is the same, the state holds whole numbers only.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass

from analytics_api import lake_state
from analytics_api.analytics_store import AnalyticsStore
from analytics_api.curated import CuratedEvents, TableAt, expected_rows, only_parts, parts_behind
from analytics_api.current import CODE_VERSION, Current, Input
from analytics_api.domain_lake import DomainLake
from analytics_api.publication import Draft, Held, publish, version_of
from analytics_api.published_insights import domain_insights
from lake_core.errors import UnreadableObject
from lake_core.layout import insights_key, state_key
from lake_core.names import Domain
from lake_core.rules import RuleSet

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AnalyticsTask:
    """The analytics task of a domain."""

    domain: Domain
    tables: CuratedEvents
    store: AnalyticsStore
    rules: RuleSet
    clock: Callable[[], dt.datetime]
    run_id: str | None = None

    def run(self) -> Current:
        """Publish state and insights of the table as it is now; nothing new writes nothing.

        Raises:
            InputError: there is no such table; says the cure.
            TransientError: not now.
            UnreadableObject: what is published is of a newer format than this program's.
        """
        return publish(self.store, self.domain, self._draft)

    def _draft(self, held: Held) -> Draft | None:
        at = self.tables.now(self.domain)
        if held.current is not None:
            self._refuse_newer(held.current)
            if self._is_made_from(held.current, at):
                log.info("nothing new", extra={"version": held.current.version})
                return None
        lake, rows = self._continued(held.current, at) or self._from_nothing(at)
        return self._written(lake, rows, at)

    def _refuse_newer(self, current: Current) -> None:
        if (current.state_format or 0) > lake_state.FORMAT_VERSION:
            raise UnreadableObject(
                f"{current.state} has format {current.state_format}, this program writes "
                f"{lake_state.FORMAT_VERSION}: upgrade it first"
            )

    def _is_made_from(self, current: Current, at: TableAt) -> bool:
        made_from = {(one.snapshot_id, one.table_updated_at) for one in current.inputs}
        return (
            made_from == {(_text(at.snapshot_id), at.updated_milliseconds)}
            and current.scoring_version == self.rules.scoring_version
            and current.state_format == lake_state.FORMAT_VERSION
            and current.code_version == CODE_VERSION
        )

    def _continued(self, current: Current | None, at: TableAt) -> tuple[DomainLake, int] | None:
        """Return the last state with what came since, and its events; None: not possible."""
        if current is None or current.state is None:
            return None
        found = self.store.find(current.state)
        if found is None:
            log.warning("the last state is gone", extra={"key": current.state})
            return None
        try:
            lake = lake_state.decode_state(found.body, current.state, self.rules)
        except UnreadableObject as error:
            log.warning("the last state cannot be continued: %s", error)
            return None
        before = lake.published
        parts = parts_behind(before, at.published) if before else None
        if before is None or parts is None:
            log.info("the table was taken back, or a range came in late: from the start")
            return None
        rows = 0
        for table in self.tables.rows(self.domain, at, parts) if parts else ():
            rows += lake.take_rows(only_parts(table, parts))
        lake.publish(at.published)
        wanted = expected_rows(at.published) - expected_rows(before)
        if rows != wanted or (before_rows := expected_rows(before)) + rows != at.rows:
            log.warning("found %d new rows, expected %d: from the start", rows, wanted)
            return None
        log.info("continued", extra={"rows": rows, "rows_before": before_rows})
        return lake, at.rows

    def _from_nothing(self, at: TableAt) -> tuple[DomainLake, int]:
        lake, rows = DomainLake.empty(self.domain, self.rules), 0
        for table in self.tables.rows(self.domain, at, None):
            rows += lake.take_rows(table)
        lake.publish(at.published)
        if rows != (wanted := expected_rows(at.published)):
            log.error(
                "%s holds %d events, its positions say %d: somebody else has changed it",
                at.name, rows, wanted,
            )  # fmt: skip
        log.info("made from nothing", extra={"rows": rows})
        return lake, rows

    def _written(self, lake: DomainLake, rows: int, at: TableAt) -> Draft:
        made = self.clock()
        state = lake_state.encode_state(lake, self.rules)
        version = version_of(made, state)
        current = Current(
            version=version,
            inputs=(_input(self.domain, rows, at),),
            state=state_key(self.domain, version),
            state_format=lake_state.FORMAT_VERSION,
            insights=insights_key(self.domain, version),
            scoring_version=self.rules.scoring_version,
            made_at=made.isoformat(),
            run_id=self.run_id,
        )
        insights = domain_insights(current, lake, self.rules)
        objects = {state_key(self.domain, version): state, current.insights: insights}
        return Draft(current, objects)


def _input(domain: Domain, rows: int, at: TableAt) -> Input:
    return Input(
        domain=domain,
        table=at.name,
        snapshot_id=_text(at.snapshot_id),
        table_updated_at=at.updated_milliseconds,
        rows=rows,
        rows_expected=expected_rows(at.published),
    )


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)
