"""Every path that events are sent to: what comes there, and what is answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from services.ingest import answers
from services.ingest.answers import Answer
from services.ingest.body import Calls, calls_of_batch, posthog_calls, single_call
from services.ingest.domain import posthog
from services.ingest.domain.refusal import Refusal


class Endpoint(NamedTuple):
    """`call_type`: where the path says it. `one`: a single call, so that what is wrong with it is
    answered with 400. `translate`: makes a Segment call of what comes here."""

    read: Callable[[bytes], Calls | Refusal]
    call_type: str | None = None
    one: bool = False
    translate: Callable[[dict[str, Any]], dict[str, Any] | Refusal] | None = None
    ok: Answer = answers.OK


def _single(call_type: str) -> Endpoint:
    return Endpoint(single_call, call_type, one=True)


_BATCH: Final = Endpoint(calls_of_batch)
_POSTHOG: Final = Endpoint(
    posthog_calls, translate=posthog.call_of, ok=Answer(200, b'{"status":1}')
)

#: Without the slash at the end. The short ones are those of analytics.js.
ENDPOINTS: Final[dict[str, Endpoint]] = {
    "/v1/batch": _BATCH, "/v1/import": _BATCH, "/v1/b": _BATCH,
    "/v1/track": _single("track"), "/v1/t": _single("track"),
    "/v1/identify": _single("identify"), "/v1/i": _single("identify"),
    "/v1/page": _single("page"), "/v1/p": _single("page"),
    "/v1/screen": _single("screen"), "/v1/s": _single("screen"),
    "/v1/group": _single("group"), "/v1/g": _single("group"),
    "/v1/alias": _single("alias"), "/v1/a": _single("alias"),
    "/batch": _POSTHOG, "/capture": _POSTHOG, "/e": _POSTHOG, "/i/v0/e": _POSTHOG,
}  # fmt: skip


def path_of(endpoint: Endpoint) -> str:
    """A path where this is served."""
    return next(path for path, known in ENDPOINTS.items() if known is endpoint)
