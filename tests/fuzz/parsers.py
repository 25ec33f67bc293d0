"""make fuzz: coverage-guided bytes through all that reads a request, as atheris makes them.

Nothing may raise, and no verdict may be our own mistake (a call that could not be handled).
"""

from __future__ import annotations

import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["services.ingest", "schemas"]):
    from schemas.dead_letter import Reason
    from services.common.workspace_files import load_workspaces
    from services.ingest.body import inflated
    from services.ingest.domain.refusal import Refusal
    from services.ingest.door import Arrival, Door, Unread
    from services.ingest.keys import basic_user
    from services.ingest.paths import ENDPOINTS

SECONDS = int(os.environ.get("RAPPORT_FUZZ_S", "600"))
CORPUS = Path("build/fuzz/corpus")
NOW = datetime(2026, 3, 4, 5, 6, 7, 800_000, tzinfo=UTC)
PATHS = ("/v1/batch", "/v1/track", "/v1/identify", "/v1/page", "/v1/group", "/v1/alias", "/batch")
SEEDS = (
    b'{"batch":[{"type":"track","userId":"u1","event":"Order Completed","messageId":"m1",'
    b'"properties":{"order_id":"SO-1","total":29.33,"currency":"USD","products":[{"sku":"a",'
    b'"price":1,"quantity":2}]},"timestamp":"2026-01-01T00:00:00Z"}],"sentAt":"2026-01-01"}',
    b'{"userId":"u1","event":"Complaint Received","properties":{"complaint_id":"C-1",'
    b'"severity":4}}',
    b'{"userId":"u1","traits":{"email":"a@b.example","phone":"+44 20 7946 0000"}}',
    b'{"anonymousId":"a1","name":"Home","context":{"page":{"url":"https://x.example/?q=1"}}}',
    b'{"userId":"u1","groupId":"g1"}',
    b'{"userId":"u1","previousId":"u0"}',
    b'{"api_key":"k","batch":[{"event":"$identify","distinct_id":"u1","properties":{"$set":{}}}]}',
)
#: Bytes alone do not find whole names.
WORDS = (
    "batch", "type", "track", "identify", "page", "screen", "group", "alias", "userId",
    "anonymousId", "messageId", "event", "properties", "traits", "context", "timestamp",
    "originalTimestamp", "sentAt", "previousId", "groupId", "total", "currency", "products",
    "price", "quantity", "severity", "complaint_id", "order_id", "email", "phone", "duration",
    "score", "kind", "nps", "page", "url", "referrer", "campaign", "distinct_id", "$set",
    "$identify", "$create_alias", "uuid", "Order Completed", "Order Refunded", "Product Viewed",
    "Call Completed", "Complaint Received", "Complaint Handled", "Survey Answered",
)  # fmt: skip
door = Door(load_workspaces(Path("deploy/workspace"))["demo"], "web", "fuzz salt")


def one(data: bytes) -> None:
    """The first byte says which path the rest is sent to."""
    if not data:
        return
    endpoint, body = ENDPOINTS[PATHS[data[0] % len(PATHS)]], data[1:]
    basic_user(b"Basic " + body[:200])
    plain = inflated(body)
    calls: Any = plain if isinstance(plain, Refusal) else endpoint.read(plain)
    if isinstance(calls, Refusal):
        arrival = Arrival(NOW, endpoint.call_type, translate=endpoint.translate)
        verdicts = [door.refuse_request(body, Unread(calls, arrival, "/v1/batch"), cut=False)]
    else:
        arrival = Arrival(NOW, endpoint.call_type, calls.sent_at, calls.context, endpoint.translate)
        verdicts = door.admit([bytes(raw) for raw in calls.raws], arrival)
    mistakes = [verdict.detail for verdict in verdicts if verdict.reason is Reason.POISON]
    assert not mistakes, mistakes


def main() -> None:
    """Until the time is over; what it learnt stays in build/fuzz."""
    logging.disable(logging.CRITICAL)
    CORPUS.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS):
        (CORPUS / f"seed-{number}").write_bytes(bytes([number]) + seed)
    words = CORPUS.parent / "words.dict"
    words.write_text("".join(f'"\\"{word}\\""\n' for word in WORDS), encoding="utf-8")
    options = [
        f"-dict={words}",
        f"-max_total_time={SECONDS}",
        "-max_len=4096",
        "-artifact_prefix=build/fuzz/",
    ]
    atheris.Setup([sys.argv[0], str(CORPUS), *options, *sys.argv[1:]], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
