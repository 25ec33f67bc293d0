"""Every metric of journey deliver. Endpoints are labelled `workspace/name`, customers never."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

EVENTS = Counter(
    "rapport_journey_deliver_events_total",
    "Events read, by what became of them: queued, known, historic, unsubscribed, refused",
    ["topic", "outcome"],
)
DELIVERIES = Counter(
    "rapport_journey_deliveries_total",
    "Attempts to deliver by result: delivered, failed; deliveries given up: dead; and those that "
    "the person does not allow: withheld",
    ["endpoint", "result"],
)
ATTEMPT_SECONDS = Histogram(
    "rapport_journey_delivery_attempt_seconds",
    "Time of one attempt, from the look-up of the name to the end of the answer",
    ["endpoint"],
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 20),
)
AGE_SECONDS = Histogram(
    "rapport_journey_delivery_age_seconds",
    "Time from the moment a delivery was queued to its success",
    ["endpoint"],
    buckets=(0.1, 0.3, 1, 3, 10, 60, 600, 7_200, 86_400, 300_000),
)
PENDING = Gauge("rapport_journey_deliver_pending_deliveries", "Deliveries that wait", ["endpoint"])
DISABLED = Gauge(
    "rapport_journey_deliver_endpoint_disabled",
    "1 when the endpoint was disabled: it answered 410, or had no success for five days",
    ["endpoint"],
)
LAG = Gauge(
    "rapport_journey_deliver_lag_events",
    "Events of the partitions of this process that are not committed yet",
    ["topic"],
)
REFILLED = Counter(
    "rapport_journey_deliver_refilled_events_total",
    "Events read again because Redis did not know their deliveries",
    ["topic"],
)
