"""Which machines drive the risk, and which term of the score explains it.

All over the risk window (a machine's last 24 h of event time). With n of the fleet's N readings,
their mean m, a machine adds n · (m − 1.5) / N to the fleet's mean excess over the medium threshold:
the contributions of all machines add up to it. A term's mean is weight · mean of its column /
divisor; the differences to the fleet's add up to m − the fleet's mean, but for the rounding of
single scores (at most 0.005).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

from analytics_api.insights import ratio
from analytics_api.manufacturing import NO_WINDOW, WINDOW_MINUTES, Machine, ManufacturingState
from analytics_api.sums import Sums, total
from lake_core.rules import RuleSet

SHOWN: Final = 20  # machines, the greatest contribution first


def risk_drivers(state: ManufacturingState, rules: RuleSet) -> dict[str, Any]:
    """Return the fleet and the machines that raise its risk most."""
    machines = state.machines.values()
    fleet = total((machine.window for machine in machines), len(NO_WINDOW))
    threshold = rules.medium_risk_above
    ranked = sorted(machines, key=lambda one: (-_excess(one.window, threshold), one.machine_id))
    raised = sum(max(0, _excess(one.window, threshold)) for one in machines)
    fleet_means = _term_means(state, fleet)
    return {
        "window_hours": WINDOW_MINUTES // 60,
        "threshold": threshold / 100,
        "fleet": {
            "machines": len(machines),
            "readings": fleet[1],
            "mean_score": ratio(fleet[0], fleet[1] * 100),
            "mean_excess": ratio(_excess(fleet, threshold), fleet[1] * 100),
            "terms": {name: float(mean) for name, mean in fleet_means.items()},
        },
        "machines": [
            {
                **_machine(one, rules),
                "contribution": ratio(_excess(one.window, threshold), fleet[1] * 100),
                "share_of_excess": ratio(max(0, _excess(one.window, threshold)), raised),
                **_explained(_term_means(state, one.window), fleet_means),
            }
            for one in ranked[:SHOWN]
        ],
        "scoring_version": rules.scoring_version,
    }


def _excess(window: Sums, threshold: int) -> int:
    """Return the sum of scores above the threshold over a window, in hundredths."""
    return window[0] - threshold * window[1]


def _term_means(state: ManufacturingState, window: Sums) -> dict[str, Fraction]:
    """Return the mean of each term of the score, exactly."""
    count = window[1] * 100
    return {
        term.column: term.coefficient * Fraction(column, count) if count else Fraction(0)
        for term, column in zip(state.terms, window[2:], strict=True)
    }


def _machine(machine: Machine, rules: RuleSet) -> dict[str, Any]:
    scores, count, *_ = machine.window
    return {
        "machine_id": machine.machine_id,
        "risk": machine.risk(rules),
        "readings": count,
        "mean_score": ratio(scores, count * 100),
        "excess": ratio(_excess(machine.window, rules.medium_risk_above), count * 100),
    }


def _explained(means: dict[str, Fraction], fleet: dict[str, Fraction]) -> dict[str, Any]:
    differences = {name: mean - fleet[name] for name, mean in means.items()}
    greatest = max(differences, key=lambda name: differences[name])
    return {
        "main_driver": greatest if differences[greatest] > 0 else None,
        "terms": {
            name: {"mean": float(mean), "difference": float(differences[name])}
            for name, mean in means.items()
        },
    }
