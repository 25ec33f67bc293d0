"""Names for events and routes: derived, so that the same cause always gets the same one."""

from __future__ import annotations

from hashlib import blake2b, sha1
from typing import Final

from schemas.base import NAMESPACE

MESSAGE_ID_CHARACTERS_MAX: Final = 99
_NAMESPACE: Final = NAMESPACE.bytes
#: A hexadecimal digit with its upper two bits set to 10, as RFC 9562 wants them.
_VARIANT: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def event_id(workspace: str, message_id: str) -> str:
    """str(derived_id(workspace, message_id)), a few times as fast: it is made for every event."""
    name = f"{workspace}\x1f{message_id}".encode()
    digest = sha1(_NAMESPACE + name, usedforsecurity=False).hexdigest()
    variant = _VARIANT[digest[16]]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def message_id_of_content(content: bytes) -> str:
    """The message id of a call that brought none: a retry of the same bytes gets the same."""
    return "content-" + blake2b(content, digest_size=16).hexdigest()


class Router:
    """Routing keys of one workspace: equal for equal identifiers, and nobody can read them."""

    __slots__ = ("_keyed",)

    def __init__(self, salt: str, workspace: str) -> None:
        key = blake2b(f"{salt}\x1f{workspace}".encode(), digest_size=32).digest()
        self._keyed = blake2b(digest_size=16, key=key)

    def key(self, kind: str, value: str) -> str:
        """Keyed BLAKE2b of the identifier, as 32 hexadecimal digits."""
        digest = self._keyed.copy()
        digest.update(f"{kind}\x1f{value}".encode())
        return digest.hexdigest()
