"""No route of the profile API stands outside its document, from which scopes are tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, cast

from starlette.routing import Route

from services.common.api_keys import Scope
from services.profile.api.application import application
from services.profile.api.endpoint import Parts
from services.profile.api.routes import endpoints

#: They tell what everybody may know.
OPEN = {("GET", "/openapi.json"), ("HEAD", "/openapi.json")}


#: None of them is asked for anything.
PARTS = Parts(*cast(Any, [None] * len(fields(Parts))))


def methods(routes: Sequence[Any]) -> set[tuple[str, str]]:
    return {(method, one.path) for one in routes for method in one.methods}


def documented() -> dict[tuple[str, str], dict[str, Any]]:
    paths = application(PARTS).openapi()["paths"]
    return {
        (method.upper(), path): operation
        for path, operations in paths.items()
        for method, operation in operations.items()
    }


def test_every_route_is_documented() -> None:
    direct = [one for one in application(PARTS).routes if isinstance(one, Route)]
    included = [one for one in application(PARTS).routes if not isinstance(one, Route)]
    assert methods(direct) == OPEN
    assert len(included) == 1, "another router, whose routes nobody looks at"
    routes = endpoints(PARTS).routes
    assert all(isinstance(one, Route) for one in routes), "a mount has routes of its own"
    assert methods(routes) == set(documented())


def test_every_operation_says_its_scope_and_that_it_may_be_refused() -> None:
    for operation in documented().values():
        assert Scope(operation["x-scope"])
        assert {"401", "403", "503"} <= operation["responses"].keys()
        assert operation["security"] == [{"key": []}]
