"""What the OpenAPI document says of every endpoint: its scope, its answers, its errors."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel

from schemas.profile_api import Problem
from services.common.api_keys import Scope

VERSION: Final = "1"
ABOUT: Final = """Who a company's customers are: profiles, timelines, scores and what ties them
together. A key (`Authorization: Bearer KEY`) belongs to one workspace, so no address names one:
what is in another workspace is answered as what is nowhere, with 404. Without the scope
`profile:pii` identifiers, personal traits and what reads like them are `***`. Every answer carries
x-request-id; every error is a JSON object with `code` and `message`."""

_TOLD: Final = {
    400: "The request can not be understood: `message` says where",
    401: "The key is unknown, missing or switched off",
    403: "The key has not the scope that this needs",
    404: "No such profile in this workspace, or nothing of this kind is known of it yet",
    408: "The body did not come in time",
    409: "The two identifiers are not one person now",
    410: "The cursor is of a topic that is no more: begin anew",
    413: "The body is larger than 64 KB",
    415: "The body is not JSON by its content-type",
    431: "The headers, of which the address is one, are larger than 32 KB",
    500: "Our mistake: ask again",
    503: "An engine does not answer, or too much is asked at once: see Retry-After",
}


def documented(
    scope: Scope, model: type[BaseModel] | None, *, cached: bool = False, missing: bool = True
) -> dict[str, Any]:
    """The arguments of a route. `cached`: it may answer 304; `missing`: it may answer 404."""
    statuses = [400, 401, 403, 408, 413, 431, 500, 503, *([404] if missing else [])]
    if model is None:
        statuses.append(410)
    if scope is Scope.IDENTITY_WRITE:
        statuses.append(409)
    responses: dict[int | str, dict[str, Any]] = {
        status: {"model": Problem, "description": _TOLD[status]} for status in sorted(statuses)
    }
    if cached:
        responses[304] = {"description": "What you have is the newest"}
    if model is None:
        responses[200] = {
            "description": "A stream of events",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    return {
        "response_model": model,
        "responses": responses,
        "openapi_extra": {"x-scope": scope.value},
    }


def describe(app: FastAPI) -> None:
    """Take out what FastAPI says of itself: what can not be understood is 400 here."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        document = made()
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
        schemas = document["components"]["schemas"]
        for own in ("HTTPValidationError", "ValidationError"):
            schemas.pop(own, None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
