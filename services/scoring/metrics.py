"""Every metric of scoring, described."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

SECONDS: Final = (0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300, 3600)

COLUMNS_EVENTS: Final = Counter(
    "rapport_scoring_columns_events_total", "Messages read by columns", ["topic"]
)
COLUMNS_ROWS: Final = Counter(
    "rapport_scoring_columns_rows_total", "Rows inserted into ClickHouse", ["table"]
)
COLUMNS_INSERTS: Final = Counter(
    "rapport_scoring_columns_inserts_total", "Inserts that ClickHouse confirmed", ["table"]
)
COLUMNS_INSERT_SECONDS: Final = Histogram(
    "rapport_scoring_columns_insert_seconds", "Time of one insert", ["table"], buckets=SECONDS
)
COLUMNS_ERRORS: Final = Counter(
    "rapport_scoring_columns_errors_total",
    "Failures of an engine that columns waited out",
    ["engine"],
)
COLUMNS_DEAD_LETTERS: Final = Counter(
    "rapport_scoring_columns_dead_letters_total",
    "Messages that columns refused, by reason",
    ["reason"],
)
COLUMNS_LAG: Final = Gauge(
    "rapport_scoring_columns_lag_messages",
    "Messages on the assigned partitions that are not in ClickHouse yet",
    ["topic"],
)
COLUMNS_WAITING_ROWS: Final = Gauge(
    "rapport_scoring_columns_waiting_rows", "Rows in memory that wait for the next insert"
)
COLUMNS_PAUSED: Final = Gauge(
    "rapport_scoring_columns_paused", "1 while reading is paused, since ClickHouse does not answer"
)
COLUMNS_OCCURRED_SECONDS: Final = Histogram(
    "rapport_scoring_columns_occurred_to_inserted_seconds",
    "From when a touchpoint occurred to its row in ClickHouse, of 50 an insert",
    buckets=SECONDS,
)
COLUMNS_RECEIVED_SECONDS: Final = Histogram(
    "rapport_scoring_columns_received_to_inserted_seconds",
    "From when a touchpoint was received to its row in ClickHouse, of 50 an insert",
    buckets=SECONDS,
)

SCORE_SNAPSHOTS: Final = Counter("rapport_scoring_score_events_total", "Snapshots read by score")
SCORE_BATCHES: Final = Counter("rapport_scoring_score_batches_total", "Micro-batches scored")
SCORE_PUBLISHED: Final = Counter(
    "rapport_scoring_score_outputs_total", "Scores that Kafka acknowledged"
)
SCORE_DEAD_LETTERS: Final = Counter(
    "rapport_scoring_score_dead_letters_total",
    "Snapshots that score refused, by reason",
    ["reason"],
)
SCORE_OUTAGES: Final = Counter(
    "rapport_scoring_score_outages_total", "Times Kafka was away while scoring"
)
SCORE_MODEL_VERSION: Final = Gauge(
    "rapport_scoring_score_model_version", "Version of the model in use", ["workspace"]
)
SCORE_LAG: Final = Gauge(
    "rapport_scoring_score_lag_events",
    "Snapshots between the published scores and the end",
    ["partition"],
)
SCORE_SECONDS: Final = Histogram(
    "rapport_scoring_score_seconds",
    "From a profile's change to its acknowledged scores, the first of each batch",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
)
