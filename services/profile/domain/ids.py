"""Names made of content: node ids, message hashes, order keys, output ids; keyed by the salt."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

NODE_BYTES = 16
NODES_CACHED = 65_536
_UUID_BITS_KEPT = ~((0xF << 76) | (0x3 << 62)) & ((1 << 128) - 1)
_VERSION_8 = (0x8 << 76) | (0x2 << 62)  # RFC 9562: custom, variant 10


class Hashes:
    """Keyed hashes of one installation; equal salts give equal ids."""

    __slots__ = ("_key", "_kinds", "_messages", "node")

    def __init__(self, salt: str) -> None:
        self._key = blake2b(salt.encode(), digest_size=32).digest()
        self._kinds: dict[tuple[str, str], blake2b] = {}
        self._messages: dict[str, blake2b] = {}
        #: The same, remembering the identifiers that were seen last.
        self.node = lru_cache(NODES_CACHED)(self.hashed)

    def hashed(self, workspace: str, kind: str, value: str) -> bytes:
        """The 16-byte id of an identifier's node, shaped as a UUID."""
        begun = self._kinds.get((workspace, kind))
        if begun is None:
            begun = blake2b(digest_size=NODE_BYTES, key=self._key)
            begun.update(f"node\0{workspace}\0{len(kind)}\0{kind}\0".encode())
            self._kinds[workspace, kind] = begun
        digest = begun.copy()
        digest.update(value.encode())
        number = int.from_bytes(digest.digest(), "big") & _UUID_BITS_KEPT | _VERSION_8
        return number.to_bytes(NODE_BYTES, "big")

    def message(self, workspace: str, message_id: str) -> int:
        """The 64-bit hash (signed, as Redis keeps integers) under which an event is remembered."""
        begun = self._messages.get(workspace)
        if begun is None:
            begun = blake2b(digest_size=8, key=self._key)
            begun.update(f"message\0{workspace}\0".encode())
            self._messages[workspace] = begun
        digest = begun.copy()
        digest.update(message_id.encode())
        return int.from_bytes(digest.digest(), "big", signed=True)


def order_key(order_id: str) -> bytes:
    """The 8 bytes under which an order is known inside one part."""
    return blake2b(order_id.encode(), digest_size=8).digest()


@lru_cache(NODES_CACHED)
def uuid_text(sixteen: bytes) -> str:
    """16 bytes as a UUID is written."""
    digits = sixteen.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def uuid_bytes(text: str) -> bytes:
    """The 16 bytes of a written UUID. ValueError when it is none."""
    sixteen = bytes.fromhex(text.replace("-", ""))
    if len(sixteen) != NODE_BYTES:
        raise ValueError(f"{text!r} is not a UUID")
    return sixteen


def resolved_id(event_id: str) -> str:
    """The id of a touchpoint as resolved: its own, version 5, as version 8 (custom, RFC 9562).

    Derived from its cause as any other id, without a hash.
    """
    return f"{event_id[:14]}8{event_id[15:]}"


def snapshot_id(profile: str, version: int) -> str:
    """The id of a snapshot, a UUID of version 8: 60 bits of its version, then 60 of its profile.

    Profile ids are hashes, so two snapshots of one version differ in theirs.
    """
    return _version_digits(version) + profile[19:]


@lru_cache(1_024)
def _version_digits(version: int) -> str:
    digits = f"{version:015x}"
    return f"{digits[:8]}-{digits[8:12]}-8{digits[12:]}-"
