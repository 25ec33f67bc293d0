"""The HTTP API as OpenAPI 3.1, at /openapi.json: written by hand, held to the code by tests."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Final

from services.ingest.body import BATCH_EVENTS_MAX, BODY_BYTES_MAX
from services.ingest.paths import ENDPOINTS
from services.ingest.reading import EVENT_BYTES_MAX

_TEXT: Final = {"type": "string"}
_OBJECT: Final = {"type": "object"}
_MOMENT: Final = {"type": "string", "format": "date-time"}

_ENVELOPE: Final[dict[str, Any]] = {
    "messageId": {
        **_TEXT,
        "maxLength": 99,
        "description": "Names the event: sent again, it counts once",
    },
    "userId": {**_TEXT, "description": "Who; this or anonymousId is required"},
    "anonymousId": _TEXT,
    "timestamp": {**_MOMENT, "description": "When it happened, by the sender's clock"},
    "sentAt": {**_MOMENT, "description": "When it was sent, by the same clock: corrects timestamp"},
    "context": {**_OBJECT, "description": "Of the device, the page, the campaign; may hold traits"},
    "integrations": _OBJECT,
    "writeKey": {**_TEXT, "description": "Where there is no Authorization header"},
}
#: Call -> its own fields, and which of them it needs.
_CALLS: Final[dict[str, tuple[dict[str, Any], tuple[str, ...]]]] = {
    "track": ({"event": _TEXT, "properties": _OBJECT}, ("event",)),
    "identify": ({"traits": _OBJECT}, ()),
    "page": ({"name": _TEXT, "category": _TEXT, "properties": _OBJECT}, ()),
    "screen": ({"name": _TEXT, "category": _TEXT, "properties": _OBJECT}, ()),
    "group": ({"groupId": _TEXT, "traits": _OBJECT}, ("groupId",)),
    "alias": ({"previousId": _TEXT}, ("previousId",)),
}
_POSTHOG_EVENT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["event", "distinct_id"],
    "properties": {
        "event": _TEXT,
        "distinct_id": _TEXT,
        "uuid": {"type": "string", "format": "uuid"},
        "timestamp": _MOMENT,
        "properties": _OBJECT,
        "api_key": _TEXT,
    },
}


@cache
def document() -> bytes:
    """The document as JSON."""
    paths = {path: {"post": _operation(path)} for path in ENDPOINTS}
    said: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "Rapport ingest",
            "version": "1",
            "description": "Segment's HTTP API and PostHog's for servers. 200 means that every "
            "event is in the log. An event that says too little, or nonsense, is answered with 200 "
            "as well and kept as a dead letter.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"writeKey": []}, {}],
        "paths": paths | {"/v1/projects/{writeKey}/settings": {"get": _settings()}},
        "components": {
            "securitySchemes": {
                "writeKey": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "The write key as user name, with an empty password; or "
                    "writeKey (PostHog: api_key) in the body",
                }
            },
            "schemas": _schemas(),
            "responses": _responses(),
        },
    }
    return json.dumps(said).encode()


def _operation(path: str) -> dict[str, Any]:
    endpoint = ENDPOINTS[path]
    if endpoint.translate is not None:
        schema, ok = "PosthogBatch", "PosthogOk"
    else:
        schema, ok = (endpoint.call_type or "batch").title(), "Ok"
    errors = {"400": "BadRequest", "401": "Unauthorized", "403": "ForbiddenOrigin"}
    errors |= {"429": "TooManyEvents", "500": "Internal", "503": "Unavailable"}
    return {
        "operationId": f"post{path.replace('/', '_')}",
        "summary": f"Send {'one call' if endpoint.one else 'a batch of events'}",
        "description": f"At most {BODY_BYTES_MAX} bytes, plain or gzip; {EVENT_BYTES_MAX} an event",
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _ref(schema)}},
        },
        "responses": {
            status: {"$ref": f"#/components/responses/{name}"}
            for status, name in {"200": ok, **errors}.items()
        },
    }


def _settings() -> dict[str, Any]:
    return {
        "operationId": "get_settings",
        "summary": "What analytics.js asks for before it sends; says nothing about the key",
        "security": [],
        "parameters": [{"name": "writeKey", "in": "path", "required": True, "schema": _TEXT}],
        "responses": {
            "200": {
                "description": "Settings",
                "content": {"application/json": {"schema": _OBJECT}},
            },
            "404": {"$ref": "#/components/responses/NotFound"},
        },
    }


def _schemas() -> dict[str, Any]:
    calls = {
        name.title(): {"type": "object", "properties": own | _ENVELOPE, "required": list(needed)}
        for name, (own, needed) in _CALLS.items()
    }
    one_of = [
        {
            "allOf": [
                _ref(name.title()),
                {"required": ["type"], "properties": {"type": {"const": name}}},
            ]
        }
        for name in _CALLS
    ]
    return calls | {
        "Batch": {
            "type": "object",
            "required": ["batch"],
            "properties": {
                "batch": {
                    "type": "array",
                    "maxItems": BATCH_EVENTS_MAX,
                    "items": {"oneOf": one_of},
                },
                "context": _OBJECT,
                "sentAt": _MOMENT,
                "writeKey": _TEXT,
            },
        },
        "PosthogBatch": {
            "anyOf": [
                {
                    "type": "object",
                    "required": ["batch"],
                    "properties": {
                        "batch": {
                            "type": "array",
                            "maxItems": BATCH_EVENTS_MAX,
                            "items": _POSTHOG_EVENT,
                        },
                        "api_key": _TEXT,
                        "sent_at": _MOMENT,
                    },
                },
                _POSTHOG_EVENT,
            ]
        },
        "Error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": _TEXT, "message": _TEXT},
            "additionalProperties": False,
        },
    }


def _responses() -> dict[str, Any]:
    told = {
        "BadRequest": "The request can not be read, is too large, or is a single call that is no "
        "JSON object; it is kept as a dead letter where its key is known",
        "Unauthorized": "The write key is unknown, missing or switched off",
        "ForbiddenOrigin": "A browser of another site than the source allows",
        "NotFound": "There is no such path",
        "TooManyEvents": "The source is over its limit: see Retry-After",
        "Internal": "Our mistake; send it again",
        "Unavailable": "Kafka does not take it now; send it again: see Retry-After",
    }
    errors = {name: _answer(text, _ref("Error")) for name, text in told.items()}
    exactly = {"type": "object", "const": {"success": True}}
    posthog = {"type": "object", "const": {"status": 1}}
    return errors | {
        "Ok": _answer("Every event is in the log", exactly),
        "PosthogOk": _answer("Every event is in the log", posthog),
    }


def _answer(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": text,
        "headers": {"x-request-id": {"schema": _TEXT}},
        "content": {"application/json": {"schema": schema}},
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
