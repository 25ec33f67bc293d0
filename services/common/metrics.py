"""Metrics of the atomic step, the same for every service that runs one."""

from __future__ import annotations

import time
from collections.abc import Sequence

from prometheus_client import Counter, Gauge, Histogram

from services.common.batch import Batch, Output
from services.common.ports import Observer

EVENTS = Counter("rapport_step_events_total", "Records committed", ["service"])
DUE = Counter("rapport_step_due_total", "Due members committed", ["service"])
BATCHES = Counter("rapport_step_batches_total", "Micro-batches committed", ["service"])
CONFLICTS = Counter(
    "rapport_step_conflicts_total", "Batches decided again, since a key had changed", ["service"]
)
OUTPUTS = Counter("rapport_step_outputs_total", "Outputs acknowledged", ["service", "topic"])
RESENT = Counter(
    "rapport_step_resent_total", "Newest snapshots sent again behind stale ones", ["service"]
)
DEAD_LETTERS = Counter(
    "rapport_step_dead_letters_total", "Records refused, by reason", ["service", "reason"]
)
OUTBOX_AGE = Gauge(
    "rapport_step_outbox_age_seconds", "Age of the oldest commit not yet published", ["service"]
)
LAG = Gauge("rapport_step_lag_events", "Records between position and end", ["service", "partition"])
OUTAGES = Counter("rapport_step_outages_total", "Times an engine was away", ["service"])
BATCH_SECONDS = Histogram(
    "rapport_step_batch_seconds",
    "From taking a batch to its outputs' acknowledgement",
    ["service"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


class StepMetrics(Observer):
    """Counts what the step tells it."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._committed_at: float | None = None
        OUTBOX_AGE.labels(service).set_function(self._outbox_age_s)

    def committed(self, batch: Batch, outputs: Sequence[Output]) -> None:
        EVENTS.labels(self._service).inc(len(batch.records))
        DUE.labels(self._service).inc(len(batch.due))
        BATCHES.labels(self._service).inc()
        self._committed_at = time.monotonic() if outputs else None
        for output in outputs:
            if output.topic == "dead_letters":
                reason = output.subject.decode()
                DEAD_LETTERS.labels(self._service, reason).inc()

    def conflicted(self) -> None:
        CONFLICTS.labels(self._service).inc()

    def published(self, outputs: Sequence[Output]) -> None:
        topics: dict[str, int] = {}
        for output in outputs:
            topics[output.topic] = topics.get(output.topic, 0) + 1
        for topic, count in topics.items():
            OUTPUTS.labels(self._service, topic).inc(count)
        BATCH_SECONDS.labels(self._service).observe(self._outbox_age_s())
        self._committed_at = None

    def resent(self, outputs: Sequence[Output]) -> None:
        RESENT.labels(self._service).inc(len(outputs))

    def _outbox_age_s(self) -> float:
        committed_at = self._committed_at
        return 0.0 if committed_at is None else time.monotonic() - committed_at
