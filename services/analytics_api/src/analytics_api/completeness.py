"""How complete a domain's data are: what was received, what of it could not be used, what lacks."""

from __future__ import annotations

from typing import Any

from analytics_api.domain_lake import DomainLake
from analytics_api.insights import ratio


def completeness(lake: DomainLake) -> dict[str, Any]:
    """Return a domain's figures, over all of its shards."""
    shards = lake.proofs
    entries = lake.rows + lake.unusable
    duplicates = sum(proof.producer_duplicates for proof in shards)
    return {
        "entries_received": entries,
        "events": lake.rows - duplicates,
        "duplicates": duplicates,
        "duplicate_share": ratio(duplicates, lake.rows),
        "quarantined_entries": lake.unusable,
        "quarantined_share": ratio(lake.unusable, entries),
        "shards": len(shards),
        "gaps": sum(len(proof.reader.gaps) for proof in shards),
        "possible_gaps": sum(len(proof.possible_gaps) for proof in shards),
        "objects_set_aside": sum(len(proof.set_aside) for proof in shards),
        "objects_unreadable": sum(
            len(proof.unreadable) + len(proof.quarantine) for proof in shards
        ),
        "objects_waiting": lake.waiting,
        "complete": bool(shards) and not lake.problems and not any(p.problems for p in shards),
    }
