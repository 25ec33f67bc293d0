"""A delivery as the queue keeps it: what to send, and since when it waits."""

from __future__ import annotations

import msgspec


class Job(msgspec.Struct, frozen=True, array_like=True):
    """`topic` is the webhook's type; `queued_ms` counts since 1970."""

    topic: str
    workspace: str
    queued_ms: int
    body: bytes


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Job)


def pack(job: Job) -> bytes:
    return _encoder.encode(job)


def unpack(value: bytes) -> Job:
    return _decoder.decode(value)
