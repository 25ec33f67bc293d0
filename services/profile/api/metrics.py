"""Every metric of the profile API; never labelled by customer."""

from __future__ import annotations

from functools import lru_cache

from prometheus_client import Counter, Gauge, Histogram

ANSWERS = Counter(
    "rapport_profile_api_answers_total",
    "Answers of the profile API, by path (its template) and status",
    ("path", "status"),
)
REQUEST_SECONDS = Histogram(
    "rapport_profile_api_request_seconds",
    "From the headers of a request to its answer; change streams are not in it",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)
CONNECTIONS = Gauge("rapport_profile_api_connections", "Open connections of the profile API")
CONNECTIONS_CLOSED = Counter(
    "rapport_profile_api_connections_closed_total",
    "Connections that the profile API let go before a request was read, by reason",
    ("reason",),
)
STREAMS = Gauge("rapport_profile_api_streams", "Open streams of the change feed")
CHANGES = Counter("rapport_profile_api_changes_total", "Changes sent on streams of the feed")


@lru_cache(1_000)  # finding one's child takes longer than counting on it
def answers(path: str, status: int) -> Counter:
    """What counts answers of this path with this status."""
    return ANSWERS.labels(path, str(status))
