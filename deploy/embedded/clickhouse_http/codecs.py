"""Content encodings of requests and responses: gzip, deflate, zstd, lz4."""

import gzip
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Protocol

import lz4.frame
import zstandard

from deploy.embedded.clickhouse_http.engine import QueryFailedError


class Inflater(Protocol):
    """What the three libraries have in common; it ends with its frame."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, chunk: bytes, /) -> bytes: ...


def _zstd() -> Inflater:
    return zstandard.ZstdDecompressor().decompressobj()


INFLATERS: dict[str, Callable[[], Inflater]] = {
    "gzip": lambda: zlib.decompressobj(zlib.MAX_WBITS | 16),
    "deflate": zlib.decompressobj,
    "zstd": _zstd,
    "lz4": lz4.frame.LZ4FrameDecompressor,
}

DEFLATERS: dict[str, Callable[[bytes], bytes]] = {
    "zstd": lambda body: zstandard.ZstdCompressor(level=1).compress(body),
    "lz4": lz4.frame.compress,
    "gzip": lambda body: gzip.compress(body, compresslevel=1),
    "deflate": lambda body: zlib.compress(body, 1),
}


async def inflated(chunks: AsyncIterator[bytes], encoding: str) -> AsyncIterator[bytes]:
    """The body as it was before its Content-Encoding, chunk by chunk."""
    if encoding in ("", "identity"):
        async for chunk in chunks:
            if chunk:
                yield chunk
        return
    if encoding not in INFLATERS:
        raise QueryFailedError(
            f"Code: 89. DB::Exception: Unknown compression method {encoding}. "
            "(UNKNOWN_COMPRESSION_METHOD)"
        )
    frames = Frames(encoding)
    async for chunk in chunks:
        whole = frames.inflate(chunk)
        if whole:
            yield whole
    frames.finish()


class Frames:
    """A body of any number of frames one after the other, as clients compress block by block."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._inflater: Inflater | None = None

    def inflate(self, chunk: bytes) -> bytes:
        parts = []
        while chunk:
            inflater = self._inflater or INFLATERS[self._encoding]()
            try:
                parts.append(inflater.decompress(chunk))
            except (zlib.error, zstandard.ZstdError, RuntimeError, EOFError) as problem:
                raise _torn(self._encoding, problem) from None
            self._inflater = None if inflater.eof else inflater
            chunk = inflater.unused_data if inflater.eof else b""
        return b"".join(parts)

    def finish(self) -> None:
        """A body that ends within a frame is not all that was sent."""
        if self._inflater is not None:
            raise _torn(self._encoding, "it ends too early")


def _torn(encoding: str, problem: object) -> QueryFailedError:
    return QueryFailedError(
        f"Code: 271. DB::Exception: Cannot decompress {encoding} body: {problem}. "
        "(CANNOT_DECOMPRESS)"
    )


def accepted(header: str) -> str:
    """The first encoding of an Accept-Encoding header that we can write; "" for none."""
    wanted = (part.partition(";")[0].strip().lower() for part in header.split(","))
    return next((name for name in wanted if name in DEFLATERS), "")
