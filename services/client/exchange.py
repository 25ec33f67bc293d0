"""One call from its request to its value: what is sent again, what is known already. No I/O here.

A client sends each `Request` that is yielded and hands back the answer, waits each `Wait`, and
throws in what its transport throws (`httpx.TransportError`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from inspect import Parameter, Signature, signature
from typing import Any, Final, TypeVar, cast

import httpx
from pydantic import BaseModel

from services.client.cache import Cache
from services.client.calls import Call
from services.client.failures import failure

Model = TypeVar("Model", bound=BaseModel)
Method = TypeVar("Method", bound=Callable[..., Any])

TIMEOUT_S: Final = 15.0
#: A stream says something every ten seconds.
SILENT_S_MAX: Final = 35.0
#: Sent again so often where the API, or the way to it, is away for a moment.
TRIES_MAX: Final = 4
AGAIN_STATUSES: Final = frozenset({502, 503, 504})
AGAIN_AFTER_S: Final = (0.2, 0.5, 1.0)
AFTER_S_MAX: Final = 10.0


@dataclass(frozen=True, slots=True)
class Request:
    """To be sent now."""

    call: Call[Any]
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to send before so many seconds are over."""

    seconds: float


Steps = Generator[Request | Wait, httpx.Response | None, Model]


def exchange(call: Call[Model], cache: Cache) -> Steps[Model]:
    """The value of the answer. ApiError when it is no success."""
    tag = cache.tag(call.path) if call.cached else None
    headers = {**call.headers, **({"if-none-match": tag} if tag else {})}
    response = yield from _answered(Request(call, headers))
    if response.status_code == 304:
        return cast(Model, cache.known(call.path))
    if not response.is_success:
        raise failure(response)
    value = call.model.model_validate_json(response.content)
    if call.cached:
        cache.keep(call.path, response.headers.get("etag"), value)
    return value


def _answered(request: Request) -> Generator[Request | Wait, httpx.Response | None, httpx.Response]:
    for tried in range(TRIES_MAX):
        last = tried == TRIES_MAX - 1
        try:
            response = yield request
        except httpx.TransportError:
            if last:
                raise
            yield Wait(wait_s(tried, None))
            continue
        assert response is not None, "a request is answered"
        if last or response.status_code not in AGAIN_STATUSES:
            return response
        yield Wait(wait_s(tried, response.headers.get("retry-after")))
    raise AssertionError("the last try returns or raises")


def wait_s(tried: int, retry_after: str | None) -> float:
    """How long to wait before the next try: what the API says, else longer each time."""
    try:
        said = float(retry_after or "")
    except ValueError:
        return AGAIN_AFTER_S[min(tried, len(AGAIN_AFTER_S) - 1)]
    return min(max(said, 0.0), AFTER_S_MAX)


def described(method: Method, build: Callable[..., Any]) -> Method:
    """The method, which says of itself what the call that it makes says."""
    said = signature(build)
    client = Parameter("self", Parameter.POSITIONAL_ONLY)
    method.__name__, method.__doc__ = build.__name__, build.__doc__
    method.__signature__ = said.replace(  # type: ignore[attr-defined]
        parameters=[client, *said.parameters.values()], return_annotation=Signature.empty
    )
    return method
