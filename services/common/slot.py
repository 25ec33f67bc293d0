"""An outbox slot: the outputs of one commit for one input partition, packed and compressed."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import msgspec
import zstandard

from services.common.batch import Output

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Output])
_OUTPUT_BYTES_MAX = 1 << 30


class _Own(threading.local):
    """Used by two threads at once, a compressor writes what nobody can read, or fails."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=1)


_own = _Own()


def pack(outputs: Sequence[Output]) -> bytes:
    """The slot's bytes; empty when there is nothing to publish."""
    if not outputs:
        return b""
    return _own.compressor.compress(_encoder.encode(outputs))


def unpack(slot: bytes) -> list[Output]:
    """The outputs of a slot."""
    if not slot:
        return []
    packed = zstandard.ZstdDecompressor().decompress(slot, max_output_size=_OUTPUT_BYTES_MAX)
    return _decoder.decode(packed)
