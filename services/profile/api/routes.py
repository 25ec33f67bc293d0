"""Every endpoint of the profile API, as FastAPI describes and parses it.

An answer is bytes that are ready: nothing of it goes through FastAPI's own serialisation, and the
models are here for the document and the client. Reading a profile by id goes past all of this
(front.py), by the same functions.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response

from schemas.base import to_json
from schemas.profile import Profile
from schemas.profile_api import (
    Links,
    Merges,
    MergeTaken,
    SearchPage,
    ShownConsent,
    ShownScores,
    ShownStage,
    TimelinePage,
    WhyAnswer,
)
from schemas.profile_asked import (
    AskedIdentifier,
    ChangesAsked,
    MergeAsked,
    PairAsked,
    Search,
    TimelineAsked,
)
from services.common.api_keys import Scope
from services.profile.api import standing, ties, timeline, why
from services.profile.api.account_routes import add_accounts
from services.profile.api.answers import Answer
from services.profile.api.consent import consent_of
from services.profile.api.endpoint import (
    IfNoneMatch,
    Parts,
    ProfileId,
    holder_in,
    note,
    respond,
    tag_in,
    versioned_by,
)
from services.profile.api.feed import Feed
from services.profile.api.merging import IDEMPOTENCY_KEY_MAX, MERGE, UNMERGE
from services.profile.api.openapi import documented
from services.profile.api.people import etag_of
from services.profile.api.search import found as search_found
from services.profile.api.streaming import begin_of, lens_of, noted_by
from services.profile.api.timeline import Stretch

IdempotencyKey = Annotated[
    str | None,
    Header(
        max_length=IDEMPOTENCY_KEY_MAX,
        description="Sent again with the same body, it is one request",
    ),
]


def endpoints(parts: Parts) -> APIRouter:
    """All of them, below /v1."""
    router = APIRouter(prefix="/v1")
    _add_profiles(router, parts)
    add_accounts(router, parts)
    _add_facts(router, parts)
    _add_identity(router, parts)
    _add_changes(router, parts)
    return router


def _add_profiles(router: APIRouter, parts: Parts) -> None:
    people = parts.people

    @router.get("/profiles/{profile_id}", **documented(Scope.PROFILE_READ, Profile, cached=True))
    async def get_profile(
        request: Request, profile_id: ProfileId, if_none_match: IfNoneMatch = None
    ) -> Response:
        """The whole profile, from Redis. Its ETag begins with its version. The id of a profile that
        merged is answered with its survivor: `profile_id` and Content-Location say who that is (no
        redirect: an unmerge gives the id back, and clients keep a 308 for ever)."""
        holder = holder_in(request, Scope.PROFILE_READ)
        found = await people.by_id(holder, profile_id)
        return respond(people.shown(holder, found, tag_in(if_none_match)))

    @router.post("/profiles/lookup", **documented(Scope.PROFILE_READ, Profile))
    async def lookup_profile(request: Request, asked: AskedIdentifier) -> Response:
        """The profile that is known by an identifier. It is in the body since addresses (URLs) end
        in the logs of whatever stands between."""
        holder = holder_in(request, Scope.PROFILE_READ)
        found = await people.by_name(holder, asked.kind, asked.value)
        return respond(people.shown(holder, found, None))

    @router.post("/profiles/search", **documented(Scope.SEARCH, SearchPage, missing=False))
    async def search_profiles(request: Request, asked: Search) -> Response:
        """Profiles for which all that is given holds, from the columns (seconds behind)."""
        holder = holder_in(request, Scope.SEARCH)
        page = await search_found(parts.columns, people, holder, asked)
        if holder.sees_personal:
            for item in page.items:
                people.note(holder, "profile.found", str(item.profile_id))
        return respond(Answer(200, to_json(page)))


def _add_facts(router: APIRouter, parts: Parts) -> None:
    people, columns = parts.people, parts.columns

    @router.get("/profiles/{profile_id}/timeline", **documented(Scope.TIMELINE_READ, TimelinePage))
    async def get_timeline(
        request: Request, profile_id: ProfileId, asked: Annotated[TimelineAsked, Query()]
    ) -> Response:
        """The touchpoints that count for the person, newest first, from the columns."""
        holder = holder_in(request, Scope.TIMELINE_READ)
        found = await people.by_id(holder, profile_id)
        stretch = Stretch(asked.limit, asked.cursor, tuple(asked.kind), asked.since, asked.until)
        page = await timeline.page(columns, holder, found, stretch)
        note(people, holder, "timeline.read", found)
        return respond(Answer(200, page))

    @router.get(
        "/profiles/{profile_id}/scores", **documented(Scope.SCORES_READ, ShownScores, cached=True)
    )
    async def get_scores(
        request: Request, profile_id: ProfileId, if_none_match: IfNoneMatch = None
    ) -> Response:
        """The newest scores with their reasons, from the columns."""
        holder = holder_in(request, Scope.SCORES_READ)
        found = await people.by_id(holder, profile_id)
        version, body = await standing.scores(columns, holder, found)
        return versioned_by(body, etag_of(holder, version), if_none_match)

    @router.get("/profiles/{profile_id}/stage", **documented(Scope.SCORES_READ, ShownStage))
    async def get_stage(request: Request, profile_id: ProfileId) -> Response:
        """The stage of the lifecycle, since when, and the transitions before, from the columns."""
        holder = holder_in(request, Scope.SCORES_READ)
        found = await people.by_id(holder, profile_id)
        return respond(Answer(200, await standing.stage(columns, holder, found)))

    @router.get(
        "/profiles/{profile_id}/consent",
        **documented(Scope.CONSENT_READ, ShownConsent, cached=True),
    )
    async def get_consent(
        request: Request, profile_id: ProfileId, if_none_match: IfNoneMatch = None
    ) -> Response:
        """What the person allowed and forbade, purpose by purpose, from Redis."""
        holder = holder_in(request, Scope.CONSENT_READ)
        found = await people.by_id(holder, profile_id)
        etag = etag_of(holder, found.home.version)
        return versioned_by(consent_of(holder, found), etag, if_none_match)


def _add_identity(router: APIRouter, parts: Parts) -> None:
    people, merging = parts.people, parts.merging

    @router.get("/profiles/{profile_id}/links", **documented(Scope.LINKS_READ, Links, cached=True))
    async def get_links(
        request: Request, profile_id: ProfileId, if_none_match: IfNoneMatch = None
    ) -> Response:
        """Why this is one person: identifiers, and the events and rules that tie them."""
        holder = holder_in(request, Scope.LINKS_READ)
        found = await people.by_id(holder, profile_id)
        note(people, holder, "links.read", found)
        etag = etag_of(holder, found.home.version)
        return versioned_by(ties.links(holder, found), etag, if_none_match)

    @router.get("/profiles/{profile_id}/merges", **documented(Scope.LINKS_READ, Merges))
    async def get_merges(request: Request, profile_id: ProfileId) -> Response:
        """The profile ids that lead to this person."""
        holder = holder_in(request, Scope.LINKS_READ)
        found = await people.by_id(holder, profile_id)
        return respond(Answer(200, await ties.merges(parts.columns, holder, found)))

    @router.post("/why", **documented(Scope.LINKS_READ, WhyAnswer))
    async def ask_why(request: Request, asked: PairAsked) -> Response:
        """Why two identifiers are one person, or why they are not: the links between them, with
        the events that said them, and what was refused."""
        holder = holder_in(request, Scope.LINKS_READ)
        return respond(Answer(200, await why.answer_of(people, holder, asked)))

    async def ask(
        request: Request, asked: MergeAsked, idempotency_key: str | None, unmerge: Any
    ) -> Response:
        holder = holder_in(request, Scope.IDENTITY_WRITE)
        now = datetime.now(UTC)
        taken = await merging.taken(unmerge, asked, holder, now, idempotency_key)
        return respond(Answer(202, to_json(taken)))

    written: dict[str, Any] = documented(Scope.IDENTITY_WRITE, MergeTaken, missing=False)

    @router.post("/merges", status_code=202, **written)
    async def request_merge(
        request: Request, asked: MergeAsked, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Say that two identifiers are one person. 202 once it is in the log."""
        return await ask(request, asked, idempotency_key, MERGE)

    @router.post("/unmerges", status_code=202, **written)
    async def request_unmerge(
        request: Request, asked: MergeAsked, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Say that two identifiers, which are one person now, are two. 202 once it is in the
        log; 409 where they are not one person."""
        return await ask(request, asked, idempotency_key, UNMERGE)


def _add_changes(router: APIRouter, parts: Parts) -> None:
    @router.get("/changes", **documented(Scope.CHANGES, None, missing=False))
    async def get_changes(
        request: Request,
        asked: Annotated[ChangesAsked, Query()],
        last_event_id: Annotated[str | None, Header(max_length=8_000)] = None,
    ) -> Response:
        """Changes of profiles as server-sent events, each with an `id` to go on from. `change`: a
        Change as JSON; `beat`: how far it is, when there is none. At least once; the newest version
        of an id counts. After an hour the stream ends: go on from the last id."""
        holder = holder_in(request, Scope.CHANGES)
        authorization = request.headers.get("authorization", "").encode("latin-1")
        lens = lens_of(holder, asked)
        make = partial(Feed, parts.settings, lens, begin_of(asked, last_event_id))
        still = partial(parts.still, authorization)
        return await parts.streams.opened(holder, make, still, noted_by(parts.people, holder, lens))
