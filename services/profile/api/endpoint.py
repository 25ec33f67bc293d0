"""What every endpoint is made with: its parts, who asks, and the way from an answer to FastAPI."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Header, Path, Request
from starlette.responses import Response

from services.common.api_keys import Scope
from services.common.settings import Settings
from services.profile.api import answers
from services.profile.api.accounts import Accounts
from services.profile.api.answers import Answer
from services.profile.api.columns import Columns
from services.profile.api.keys import Holder
from services.profile.api.merging import Merging
from services.profile.api.people import Found, People
from services.profile.api.streams import Streams

#: Where the front puts who asks.
HOLDER: Final = "rapport.holder"

ProfileId = Annotated[
    str,
    Path(
        description="A profile's id; that of a profile that merged leads to who took it in",
        json_schema_extra={"format": "uuid"},
    ),
]
IfNoneMatch = Annotated[
    str | None, Header(description="The ETag you have: 304 while it is the newest")
]


@dataclass(frozen=True, slots=True)
class Parts:
    """What the endpoints are made of. `still`: whether an Authorization header still opens it."""

    settings: Settings
    people: People
    accounts: Accounts
    columns: Columns
    merging: Merging
    streams: Streams
    still: Callable[[bytes | None], bool]


def holder_in(request: Request, scope: Scope) -> Holder:
    """Who asks. Refused (403) without the scope."""
    holder: Holder = request.scope[HOLDER]
    holder.needs(scope)
    return holder


def note(people: People, holder: Holder, what: str, found: Found) -> None:
    """Put on record that personal data of somebody is about to be shown, if it is."""
    if holder.sees_personal:
        people.note(holder, what, found.text)


def tag_in(header: str | None) -> bytes | None:
    return None if header is None else header.encode("latin-1", "replace")


def versioned_by(body: bytes, etag: bytes, if_none_match: str | None) -> Response:
    if answers.matches(tag_in(if_none_match), etag):
        return respond(answers.unchanged(etag))
    return respond(answers.versioned(body, etag))


def respond(answer: Answer) -> Response:
    """The answer for FastAPI, which leaves it as it is."""
    response = Response(answer.body, answer.status, media_type="application/json")
    if answer.status == 304:
        del response.headers["content-type"]
    for name, value in answer.headers:
        response.headers[name.decode()] = value.decode()
    return response
