"""Steady traffic over HTTP and Kafka with a ledger of what was acknowledged."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import httpx
import msgspec
from confluent_kafka import Producer

from schemas.topics import INBOUND
from services.cli.demo.generate import Send
from services.cli.demo.replay import WRITE_KEY

HTTP_BATCH = 4
RETRY_AFTER_S = 0.2


class Traffic:
    """Sends in order at a pace; repeats a request until it is answered 200 (or refused as bad)."""

    def __init__(self, kafka: str, http: str, sends: Sequence[Send], events_per_s: float) -> None:
        self._sends = sends
        self._pause_s = 1 / events_per_s
        self._http = http
        self._producer = Producer(
            {
                "bootstrap.servers": kafka,
                "enable.idempotence": True,
                "message.timeout.ms": 300_000,
                "log_level": 2,
            }
        )
        self.sent = 0
        self.errors: list[str] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._hurry = threading.Event()

    def start(self) -> Traffic:
        self._thread.start()
        return self

    def hurry(self) -> None:
        """Send the rest as fast as it is taken."""
        self._hurry.set()

    def finish(self) -> None:
        """Until all of it is acknowledged."""
        self._thread.join()
        assert self._producer.flush(300) == 0
        assert not self.errors, self.errors[:3]

    def done(self) -> bool:
        return not self._thread.is_alive()

    def _run(self) -> None:
        waiting: list[bytes] = []
        with httpx.Client(base_url=self._http, auth=(WRITE_KEY, ""), trust_env=False) as client:
            for send in self._sends:
                if send.road == "kafka":
                    self._to_kafka(send)
                else:
                    waiting.append(send.value)
                    if len(waiting) == HTTP_BATCH:
                        self._to_http(client, waiting)
                        waiting = []
                self.sent += 1
                self._hurry.wait(self._pause_s)
            if waiting:
                self._to_http(client, waiting)

    def _to_kafka(self, send: Send) -> None:
        marks: dict[str, str | bytes | None] = {"workspace": send.workspace}
        marks = marks if send.workspace else {}
        self._producer.produce(INBOUND.name, send.value, headers=marks, on_delivery=self._report)
        self._producer.poll(0)

    def _report(self, error: object, _: object) -> None:
        if error is not None:
            self.errors.append(str(error))

    def _to_http(self, client: httpx.Client, values: Sequence[bytes]) -> None:
        batch = [value for value in values if _is_json(value)]
        body = b'{"batch":[' + b",".join(batch) + b"]}"
        while True:
            try:
                if client.post("/v1/batch", content=body, timeout=30).status_code == 200:
                    return
            except httpx.HTTPError:
                pass  # killed in the middle: the same events go again, as every SDK does
            time.sleep(RETRY_AFTER_S)


def _is_json(value: bytes) -> bool:
    try:
        msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
