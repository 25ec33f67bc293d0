"""Answers that are no success, as exceptions."""

from __future__ import annotations

import json

import httpx


class ApiError(Exception):
    """What the API said instead. `request_id` finds the request in its log."""

    def __init__(self, status: int, code: str, message: str, request_id: str = "") -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message = status, code, message
        self.request_id = request_id


class NotFound(ApiError):  # noqa: N818 - what it is called everywhere
    """Nobody of this workspace has that id, or nothing of the kind is known of them yet."""


def failure(response: httpx.Response) -> ApiError:
    """The exception of an answer whose body was read."""
    try:
        said = json.loads(response.content)
        code, message = str(said["code"]), str(said["message"])
    except (ValueError, KeyError, TypeError):
        code, message = "unknown", response.text[:200]
    kind = NotFound if response.status_code == 404 else ApiError
    return kind(response.status_code, code, message, response.headers.get("x-request-id", ""))
