"""What journey tells Prometheus, beside the metrics of the step."""

from __future__ import annotations

from prometheus_client import Counter

TRANSITIONS = Counter(
    "rapport_journey_transitions_total",
    "Lifecycle transitions decided, by the stage entered (again after a conflict counts again)",
    ["stage"],
)
ALERTS = Counter(
    "rapport_journey_alerts_total",
    "Alerts raised and cleared (again after a conflict counts again)",
    ["kind", "state"],
)
ACTIONS = Counter(
    "rapport_journey_actions_total",
    "Actions requested of other systems (again after a conflict counts again)",
    ["action"],
)
SKIPPED = Counter(
    "rapport_journey_skipped_total",
    "Scores that were not newer than what was decided on already, or of an older snapshot",
)
