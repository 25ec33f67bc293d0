"""What names a request in answers and logs: the sender's X-Request-Id, else one of ours."""

from __future__ import annotations

import itertools
import re
import secrets
from typing import Final

#: Each process numbers its requests; the first part tells processes and starts apart.
_process: Final = secrets.token_hex(6)
_numbers = itertools.count(1)
_is_request_id = re.compile(rb"[A-Za-z0-9._:/+=-]{1,100}").fullmatch


def request_id(given: bytes | None) -> bytes:
    """The one given, where it is one; else the next of this process."""
    if given is not None and _is_request_id(given):
        return given
    return f"{_process}-{next(_numbers)}".encode()
