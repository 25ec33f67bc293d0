"""Named places where a test can make the process die as if its power were cut.

RAPPORT_FAILPOINT=name[:nth] arms one; the process gets SIGKILL when it passes there the nth time.
"""

from __future__ import annotations

import os
import signal
from typing import Final

NAMES: Final = (
    "after_read",
    "before_commit",
    "after_commit",
    "before_produce",
    "middle_of_produce",
    "before_next_commit",
    "clickhouse_insert",
    "deliver_before_send",
    "deliver_after_send",
    "ingest_before_ack",
    "redriven_before_noted",
    "regroup_sent",
    "regrouped",
)

_ARMING: Final = "RAPPORT_FAILPOINT"
_passed: dict[str, int] = {}


def hit(name: str) -> None:
    """Die here when armed; else cost one dictionary look-up."""
    if _ARMING not in os.environ:  # `get` raises and catches within: five times as long
        return
    wanted, _, nth = os.environ[_ARMING].partition(":")
    if wanted != name:
        return
    _passed[name] = _passed.get(name, 0) + 1
    if _passed[name] >= int(nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)
