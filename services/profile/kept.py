"""Components that this worker committed last, kept as objects: neither read nor decoded again.

What is taken out for a decision is changed in place, so it comes back only once that is durable.
Hence all that is here is as Redis had it after our last commit. Where another worker has gone on
from there, the commit's check of versions fails, and the next decision finds nothing here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Final

from services.profile.domain.working import Working
from services.profile.store import Loaded

#: A larger component is rare; it is read again rather than held.
COMPONENT_BYTES_MAX: Final = 16_384


class Kept:
    """At most so many bytes of components, counted as Redis holds them; the least used go first."""

    __slots__ = ("_bytes_max", "_homes", "_sizes", "bytes")

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._homes: dict[bytes, Working] = {}  # node id -> its component
        self._sizes: OrderedDict[Working, int] = OrderedDict()
        self.bytes = 0

    def take(self, nodes: Iterable[bytes]) -> tuple[list[Working], list[bytes]]:
        """(components of the nodes that are kept, which are not kept any more; the other nodes)."""
        found: dict[Working, None] = {}
        missing = []
        for node in nodes:
            home = self._homes.get(node)
            if home is None:
                missing.append(node)
            else:
                found[home] = None
        for home in found:
            self._forget(home)
        return list(found), missing

    def keep(self, homes: Iterable[Working], written: Mapping[bytes, tuple[int, int]]) -> None:
        """Components as they are in Redis now; `written`: id -> version and bytes, if they changed.

        A component that was only read is not kept: its size is not known.
        """
        for home in homes:
            version, size = written.get(home.key, (0, 0))
            if not version or size > COMPONENT_BYTES_MAX:
                continue
            home.settle(version)
            for node in home.places:
                stale = self._homes.get(node)
                if stale is not None:  # another worker joined it to this one, which was read
                    self._forget(stale)
                self._homes[node] = home
            self._sizes[home] = size
            self.bytes += size
        while self.bytes > self._bytes_max:
            self._forget(next(iter(self._sizes)))

    def _forget(self, home: Working) -> None:
        self.bytes -= self._sizes.pop(home)
        for node in home.places:
            del self._homes[node]


def outdated(homes: Iterable[Working], read: Mapping[bytes, Loaded]) -> list[Working]:
    """Those of which another version was read."""
    return [
        home
        for home in homes
        if home.key in read and read[home.key].version != home.versions[home.key]
    ]
