"""The endpoints as one FastAPI application, with errors in our own words."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.responses import Response

from services.profile.api import answers
from services.profile.api.answers import Refused
from services.profile.api.endpoint import Parts, respond
from services.profile.api.openapi import ABOUT, VERSION, describe
from services.profile.api.routes import endpoints

#: Faults of a request that are told; values are not repeated, since they may be people's.
TOLD_MAX = 5
_STATUS_CODES = {404: "not_found", 405: "method_not_allowed"}
_SAID = {404: "no such path; see /openapi.json", 405: "no such method here; see /openapi.json"}


def application(parts: Parts) -> FastAPI:
    """Everything below /v1, and /openapi.json."""
    app = FastAPI(
        title="Rapport profiles",
        version=VERSION,
        description=ABOUT,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={
            Refused: _refused,
            RequestValidationError: _not_understood,
            HTTPException: _no_such_thing,
            Exception: _mistake,
        },
    )
    bearer = HTTPBearer(auto_error=False, scheme_name="key", description="An API key")
    app.include_router(endpoints(parts), dependencies=[Security(bearer)])
    describe(app)
    return app


async def _refused(_: Request, error: Any) -> Response:
    return respond(error.answer())


async def _not_understood(_: Request, error: Any) -> Response:
    faults = [f"{_place(one['loc'])}: {one['msg']}" for one in error.errors()[:TOLD_MAX]]
    return respond(answers.bad_request("; ".join(faults)).answer())


def _place(loc: tuple[str | int, ...]) -> str:
    return ".".join(map(str, loc))


async def _no_such_thing(_: Request, error: Any) -> Response:
    status = error.status_code
    code = _STATUS_CODES.get(status, "bad_request")
    return respond(Refused(status, code, _SAID.get(status, str(error.detail))).answer())


async def _mistake(_: Request, __: Exception) -> Response:
    return respond(answers.mistake())
