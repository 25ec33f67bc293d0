"""Runs a publishing beside the next batch's loading, and gives up on one that never answers.

librdkafka's send_offsets_to_transaction was seen to outlive its own time-out for ever when the
broker was killed. So each publishing has a thread and a producer of its own to leave behind.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

from services.common.ports import PublishFailed

Answer = TypeVar("Answer")

PUBLISH_S_MAX = 10.0


class Relay(Executor):
    """A daemon thread for each call: one that hangs holds up neither the next nor the exit."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()

        def run() -> None:
            try:
                future.set_result(fn(*args, **kwargs))
            except Exception as error:
                future.set_exception(error)

        threading.Thread(target=run, name="relay", daemon=True).start()
        return future


def answer_of(future: Future[Answer]) -> Answer:
    """The result; PublishFailed when it failed or does not come: the slot still holds it all."""
    try:
        return future.result(PUBLISH_S_MAX)
    except TimeoutError:
        raise PublishFailed(f"Kafka (RAPPORT_KAFKA): no answer in {PUBLISH_S_MAX:.0f} s") from None
