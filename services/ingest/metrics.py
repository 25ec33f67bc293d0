"""Every metric of ingest."""

from __future__ import annotations

from functools import lru_cache

from prometheus_client import Counter, Gauge, Histogram

ACCEPTED = Counter(
    "rapport_ingest_accepted_events_total",
    "Touchpoints that Kafka acknowledged",
    ("kind", "source"),
)
REFUSED = Counter(
    "rapport_ingest_refused_events_total",
    "Calls and requests that became dead letters, or were answered with an error",
    ("reason", "source"),
)
SUPPRESSED = Counter(
    "rapport_ingest_suppressed_events_total",
    "Calls and requests that somebody is named in who must not get in; nothing of them is kept",
    ("workspace", "source"),
)
SUPPRESSIONS = Gauge(
    "rapport_ingest_suppressions",
    "Entries of the suppression list that keep somebody out, or did until they expired",
)
SUPPRESSIONS_OF_OTHER_SALTS = Gauge(
    "rapport_ingest_suppressions_of_other_salts",
    "Entries that were made under another RAPPORT_SALT and keep nobody out; 0 where all is well",
)
VIOLATIONS = Counter(
    "rapport_ingest_violations_total",
    "Events that are not as planned; those that the plan does not name count as (unplanned)",
    ("source", "event", "mode"),
)
ANSWERS = Counter("rapport_ingest_answers_total", "Answers of the HTTP API by status", ("status",))
REQUEST_SECONDS = Histogram(
    "rapport_ingest_request_seconds",
    "From the first byte of a request to its answer, Kafka's acknowledgement included",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)
BATCH_EVENTS = Histogram(
    "rapport_ingest_batch_events",
    "Events of one request",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2500),
)
CONNECTIONS = Gauge("rapport_ingest_connections", "Open HTTP connections")
CONNECTIONS_CLOSED = Counter(
    "rapport_ingest_connections_closed_total",
    "Connections that were let go before a request was read, by reason",
    ("reason",),
)
QUEUE_EVENTS = Gauge(
    "rapport_ingest_producer_queue_events", "Records handed to the producer, not acknowledged yet"
)
PASSED_OVER = Counter(
    "rapport_ingest_passed_over_records_total",
    "Records of touchpoints.inbound that no call comes of: tombstones, and what mappings leave out",
    ("source",),
)
INBOUND_LAG = Gauge(
    "rapport_ingest_inbound_lag_events",
    "Records of touchpoints.inbound that are not handled yet",
    ("partition",),
)


@lru_cache(1_000)  # finding one's child takes longer than counting on it
def accepted(kind: str, source: str) -> Counter:
    """What counts accepted touchpoints of a kind from a source."""
    return ACCEPTED.labels(kind, source)


@lru_cache(100)
def answers(status: int) -> Counter:
    """What counts answers of this status."""
    return ANSWERS.labels(str(status))
