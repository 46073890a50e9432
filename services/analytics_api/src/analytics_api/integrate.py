"""`python -m analytics_api integrate`: what both domains' current states say together."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass

from analytics_api.analytics_store import AnalyticsStore
from analytics_api.current import CODE_VERSION, Current
from analytics_api.domain_lake import DomainLake
from analytics_api.lake_state import decode_state
from analytics_api.publication import Draft, Held, held_version, publish, version_of
from analytics_api.published_insights import integrated_insights
from lake_core.errors import InputError, TransientError
from lake_core.layout import INTEGRATED, current_key, insights_key
from lake_core.names import Domain
from lake_core.rules import RuleSet

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IntegrationTask:
    """The task that brings both domains together."""

    store: AnalyticsStore
    rules: RuleSet
    clock: Callable[[], dt.datetime]
    run_id: str | None = None

    def run(self) -> Current:
        """Publish the integrated insights of the current states; nothing new writes nothing.

        Raises:
            InputError: a domain has no state yet; says the cure.
            TransientError: not now.
            UnreadableObject: a state is of a newer format than this program's.
        """
        return publish(self.store, INTEGRATED, self._draft)

    def _draft(self, held: Held) -> Draft | None:
        states = {domain: self._current(domain) for domain in Domain}
        inputs = tuple(one for current in states.values() for one in current.inputs)
        if held.current is not None and _is_made_from(held.current, inputs, self.rules):
            log.info("nothing new", extra={"version": held.current.version})
            return None
        lakes = {domain: self._lake(current) for domain, current in states.items()}
        made = self.clock()
        version = version_of(made, repr([one.version for one in states.values()]).encode())
        current = Current(
            version=version,
            inputs=inputs,
            state=None,
            state_format=None,
            insights=insights_key(INTEGRATED, version),
            scoring_version=self.rules.scoring_version,
            made_at=made.isoformat(),
            run_id=self.run_id,
        )
        content = integrated_insights(current, lakes, self.rules)
        return Draft(current, {current.insights: content})

    def _current(self, domain: Domain) -> Current:
        held = held_version(self.store, domain)
        if held.current is None:
            raise InputError(
                f"there is no {current_key(domain)}: run the {domain} analytics task first"
            )
        return held.current

    def _lake(self, current: Current) -> DomainLake:
        if current.state is None or (found := self.store.find(current.state)) is None:
            raise TransientError(f"{current.state} is gone: a newer version has taken its place")
        return decode_state(found.body, current.state, self.rules)


def _is_made_from(current: Current, inputs: tuple[object, ...], rules: RuleSet) -> bool:
    return (
        current.inputs == inputs
        and current.scoring_version == rules.scoring_version
        and current.code_version == CODE_VERSION
    )
