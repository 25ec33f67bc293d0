"""One rebuild at a time: a key in Redis that its owner renews."""

from __future__ import annotations

import os
import socket
from typing import Final

import redis

KEY: Final = b"rebuild:lock"
#: A rebuild that was killed on another machine holds up the next one for so long.
HELD_S: Final = 60


class Locked(Exception):  # noqa: N818 - a state of the world
    """Another rebuild runs."""


class Lock:
    """Held from `take` to `leave`. `renew` often."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._ours = f"{socket.gethostname()} {os.getpid()}".encode()

    def take(self) -> None:
        """Locked when a rebuild holds it that is still alive, as far as can be told from here."""
        if self._client.set(KEY, self._ours, nx=True, ex=HELD_S):
            return
        holder = self._client.get(KEY)
        if isinstance(holder, bytes) and not _is_dead(holder):
            raise Locked(
                f"another rebuild runs ({holder.decode()}: host and process); if it was killed, "
                f"its lock ends by itself within {HELD_S} s"
            )
        self._client.set(KEY, self._ours, ex=HELD_S)

    def renew(self) -> None:
        self._client.set(KEY, self._ours, ex=HELD_S)

    def leave(self) -> None:
        if self._client.get(KEY) == self._ours:
            self._client.delete(KEY)


def _is_dead(holder: bytes) -> bool:
    """Whether it was a process of this machine that is no more."""
    host, _, process = holder.decode().rpartition(" ")
    if host != socket.gethostname() or int(process) == os.getpid():
        return host == socket.gethostname()
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
