"""Generates schemas/json, one JSON Schema for each message and an AsyncAPI 3 document, and
schemas/touchpoints.md, the catalogue of touchpoints.

`python -m schemas.generate` writes; `--check` fails when the files are stale. Writing refuses a
change that would break readers (a field gone, newly required, or of another type) unless
`--break` says that it is meant.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel

from schemas import catalogue
from schemas.account import Account
from schemas.action import ActionRequested
from schemas.alert import Alert
from schemas.audit import AuditRecord
from schemas.cloudevents import TYPES
from schemas.dead_letter import DeadLetter
from schemas.erasure import Erasure
from schemas.letter_handled import LetterHandled
from schemas.lifecycle import LifecycleChanged
from schemas.model import Model
from schemas.profile import Profile
from schemas.scores import Scores
from schemas.suppression import Suppression
from schemas.topics import TOPICS, Topic
from schemas.touchpoint import ResolvedTouchpoint, Touchpoint
from schemas.violation import Violation

FOLDER: Final = Path(__file__).with_name("json")
CATALOGUE: Final = "touchpoints.md"
MESSAGES: Final[dict[str, type[BaseModel]]] = {
    "touchpoints.accepted": Touchpoint,
    "touchpoints.resolved": ResolvedTouchpoint,
    "profiles.changed": Profile,
    "accounts.changed": Account,
    "scores.changed": Scores,
    "models": Model,
    "lifecycle.changed": LifecycleChanged,
    "alerts.raised": Alert,
    "actions.requested": ActionRequested,
    "dead_letters": DeadLetter,
    "dead_letters.handled": LetterHandled,
    "violations": Violation,
    "suppressions": Suppression,
    "audit": AuditRecord,
    "erasures": Erasure,
}


def generated() -> dict[str, str]:
    """File name -> content of everything in schemas/json, and of the catalogue."""
    files = {f"{name}.json": _json(schema_of(model)) for name, model in MESSAGES.items()}
    files["asyncapi.yaml"] = yaml.safe_dump(_asyncapi(), sort_keys=False, allow_unicode=True)
    files[CATALOGUE] = catalogue.page()
    return files


def _place(name: str) -> Path:
    return FOLDER.parent / name if name == CATALOGUE else FOLDER / name


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The message's JSON Schema (draft 2020-12), as it is serialised."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return head | model.model_json_schema(mode="serialization")


def breaks(old: dict[str, Any], new: dict[str, Any], at: str = "") -> list[str]:
    """What a reader of `old` would miss in `new`: fields gone, of another type, newly required."""
    found = []
    for name, definition in old.get("$defs", {}).items():
        if name in new.get("$defs", {}):
            found += breaks(definition, new["$defs"][name], f"{name}.")
    properties = new.get("properties", {})
    for name, field in old.get("properties", {}).items():
        if name not in properties:
            found.append(f"{at}{name} is gone")
        elif field.get("type") != properties[name].get("type"):
            found.append(f"{at}{name} has another type")
    known = set(old.get("properties", {}))
    for name in sorted(set(new.get("required", ())) - set(old.get("required", ())) - known):
        found.append(f"{at}{name} is new and required")
    return found


def _json(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _asyncapi() -> dict[str, Any]:
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Rapport",
            "version": "0.1.0",
            "description": "Topics of the customer data platform. Values are plain JSON; "
            "CloudEvents attributes are Kafka headers (binary mode).",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": {
            f"receive.{topic.name}": {
                "action": "receive",
                "channel": {"$ref": f"#/channels/{topic.name}"},
            }
            for topic in TOPICS
        },
    }


def _channel(topic: Topic) -> dict[str, Any]:
    payload: dict[str, Any] = {"type": "object", "description": topic.value}
    if topic.name in MESSAGES:
        payload = {"$ref": f"{topic.name}.json"}
    message: dict[str, Any] = {"payload": payload}
    if topic.name in TYPES:
        message["headers"] = {
            "type": "object",
            "properties": {"ce_type": {"const": TYPES[topic.name]}, "ce_id": {"type": "string"}},
        }
    return {
        "address": topic.name,
        "description": f"key: {topic.key}; written by {topic.written_by}; read by {topic.read_by}",
        "messages": {topic.value.replace(" ", ""): message},
        "bindings": {"kafka": {"topicConfiguration": _binding(topic)}},
    }


def _binding(topic: Topic) -> dict[str, Any]:
    if topic.retention_ms is None:
        return {"cleanup.policy": ["compact"]}
    return {"cleanup.policy": [topic.cleanup], "retention.ms": topic.retention_ms}


def stale() -> list[str]:
    """Files that differ from what would be generated, or should not be there."""
    wanted = generated()
    paths = [*FOLDER.glob("*.*"), *FOLDER.parent.glob(CATALOGUE)]
    there = {path.name: path.read_text(encoding="utf-8") for path in paths}
    return sorted(
        name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name)
    )


def breaking() -> list[str]:
    """Breaking changes of the models against the committed schemas."""
    found = []
    for name, model in MESSAGES.items():
        path = FOLDER / f"{name}.json"
        if path.is_file():
            old = json.loads(path.read_text(encoding="utf-8"))
            found += [f"{name}: {fault}" for fault in breaks(old, schema_of(model))]
    return found


def main(arguments: list[str]) -> str | None:
    """Text when something is wrong, for sys.exit."""
    if "--check" in arguments:
        if names := stale():
            return f"stale: {', '.join(names)}; run `make schemas` and commit"
        return None
    if (faults := breaking()) and "--break" not in arguments:
        return "readers would break (--break if it is meant):\n  " + "\n  ".join(faults)
    FOLDER.mkdir(exist_ok=True)
    for name, content in generated().items():
        _place(name).write_text(content, encoding="utf-8")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
