"""One JSON line an entry on stderr, for people's tools and for operations."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from services.common.masking import without_addresses, without_values
from services.common.settings import Settings


class JsonLines(logging.Formatter):
    """time, level, service, logger, message, and the traceback if there is one.

    A log outlives the people who are named in it, so no address is in it, and nothing that an
    exception quotes: the record stands in its dead letter.
    """

    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self.service,
            "logger": record.name,
            "message": without_addresses(record.getMessage()),
        }
        if record.exc_info:
            entry["traceback"] = _nameless(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False)


def _nameless(traceback: str) -> str:
    """Lines of code hold no values, what an exception says may: logs name nobody."""
    lines = traceback.split("\n")
    return "\n".join(line if line.startswith("  ") else without_values(line) for line in lines)


def setup(settings: Settings, service: str) -> None:
    """All log entries of this process go to stderr as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(service))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
