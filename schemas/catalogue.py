"""The catalogue of touchpoints as one Markdown page: each kind, its fields, sample and names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from schemas.base import Properties
from schemas.touchpoints import FAMILIES, SAMPLES
from schemas.touchpoints.spoken import EVENTS, FIELDS, FIELDS_OF, names_of

JsonSchema = dict[str, Any]

HEAD: Final = """\
# Touchpoints

Generated from `schemas/touchpoints/` by `python -m schemas.generate`; change it there.

A touchpoint is sent as a call of Segment's (`POST /v1/track` and its siblings, or the same JSON on
the topic `touchpoints.inbound`). An event is known by its kind's own name in any usual spelling
("Ticket Opened", "ticket opened", `ticket_opened`) and by the names of Segment's specifications
that are listed with the kind. Any other name is a `custom` touchpoint, kept whole.

Properties that a kind does not know are kept beside those it does. A null says as little as a
property that was not sent. A field that does not fit is refused with its name, and kept in
`dead_letters`. Money is an object, `{"amount": "29.33", "currency": "USD"}`, or a bare amount in
the call's `currency`, else in the workspace's; currencies are of ISO 4217. Days are of ISO 8601. A
person is `{"kind": "email", "value": "bob@x.example"}`, an e-mail address, or a user's id. A
field's own name comes before its other names; of those the first one that is sent counts.
"""
#: Kinds that have a call of their own.
CALLS: Final = {"identified": "identify", "aliased": "alias", "account_linked": "group"}
TYPES: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "boolean",
}
OF_A_KIND: Final = {"Money": "money", "Identifier": "person", "OrderLine": "order line"}


def page() -> str:
    """The whole page."""
    parts = [HEAD, "\n".join(_contents()), _names_of_segment(), _names_of_fields()]
    for family, models in FAMILIES.items():
        parts.append(f"## {family.capitalize()}")
        parts += [_section(model) for model in models]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def call_of(kind: str) -> dict[str, Any]:
    """The call that a sender makes for the sample of this kind."""
    sample = {name: value for name, value in SAMPLES[kind].items() if name != "kind"}
    call: dict[str, Any] = {"type": CALLS.get(kind, "track"), "userId": "ada"}
    match kind:
        case "identified":
            return call | sample
        case "aliased":
            previous = sample["previous"]
            return call | {"previousId": previous["value"], "previousKind": previous["kind"]}
        case "account_linked":
            return call | {"groupId": sample["account_id"], "traits": sample["traits"]}
        case "custom":
            return call | {"event": sample["name"], "properties": sample["properties"]}
        case _:
            return call | {"event": kind.replace("_", " ").title(), "properties": sample}


def _contents() -> Iterator[str]:
    yield "| family | kinds |"
    yield "| --- | --- |"
    for family, models in FAMILIES.items():
        yield f"| {family} | {', '.join(f'[{kind}](#{kind})' for kind in map(_kind, models))} |"


def _names_of_segment() -> str:
    lines = ["## Names of Segment's events", "", "| event | kind | says |", "| --- | --- | --- |"]
    for name, (kind, says) in EVENTS.items():
        said = ", ".join(f"{_code(field)}: {value}" for field, value in says.items())
        lines.append(f"| {name} | [{kind}](#{kind}) | {said} |")
    return "\n".join(lines)


def _names_of_fields() -> str:
    lines = ["## Other names of fields", "", "| kind | field | read from too |"]
    lines.append("| --- | --- | --- |")
    lines += [f"| any | {_code(field)} | {_codes(names)} |" for field, names in FIELDS.items()]
    for kind, fields in FIELDS_OF.items():
        for field, names in fields.items():
            lines.append(f"| [{kind}](#{kind}) | {_code(field)} | {_codes(names)} |")
    return "\n".join(lines)


def _section(model: type[Properties]) -> str:
    kind, schema = _kind(model), model.model_json_schema()
    rows = [
        _row(kind, field, described, field in schema.get("required", ()))
        for field, described in schema["properties"].items()
        if field != "kind"
    ]
    sample = json.dumps(call_of(kind), indent=2, ensure_ascii=False)
    names = [name for name, event in EVENTS.items() if event.kind == kind]
    known = [f"Also known as: {', '.join(names)}.", ""] if names else []
    return "\n".join(
        [
            f"### {kind}",
            "",
            " ".join((model.__doc__ or "").split()),
            "",
            *known,
            "| field | type | bounds | what it is | example | read from too |",
            "| --- | --- | --- | --- | --- | --- |",
            *rows,
            "",
            "```json",
            sample,
            "```",
        ]
    )


def _row(kind: str, field: str, described: JsonSchema, required: bool) -> str:
    variants, sample = list(_variants(described)), SAMPLES[kind].get(field)
    says = next((one["description"] for one in (described, *variants) if "description" in one), "")
    examples = next((one["examples"] for one in variants if "examples" in one), [sample])
    default = described.get("default")
    bounds = [*_bounds(variants), *([f"else {_code(default)}"] if default else [])]
    cells = [
        f"**{_code(field)}**, required" if required else _code(field),
        _type(variants),
        ", ".join(bounds),
        says,
        ", ".join(
            _code(json.dumps(one, ensure_ascii=False)) for one in examples if one is not None
        ),
        _codes(names_of(kind, field)[1:]) if kind not in CALLS else "",
    ]
    return f"| {' | '.join(cells)} |"


def _variants(described: JsonSchema) -> Iterator[JsonSchema]:
    """What a field may be, without null; each with its description where it has one."""
    if "anyOf" not in described:
        if described.get("type") != "null":
            yield described
        return
    own = {name: described[name] for name in ("description", "examples") if name in described}
    for one in described["anyOf"]:
        for variant in _variants(one):
            yield own | variant


def _type(variants: list[JsonSchema]) -> str:
    if {one.get("type") for one in variants} == {"number", "string"}:
        return "decimal"
    (one,) = variants
    if "enum" in one:
        return "one of " + _codes(one["enum"])
    if "$ref" in one:
        return OF_A_KIND[one["$ref"].rpartition("/")[2]]
    if one["type"] == "array":
        return f"list of {_type([one['items']])}s"
    if one["type"] == "object":
        of = one.get("additionalProperties")
        return f"object of {_type([of])}s" if isinstance(of, dict) else "object"
    return {"date": "day"}.get(one.get("format", ""), TYPES[one["type"]])


def _bounds(variants: list[JsonSchema]) -> Iterator[str]:
    for one in variants:
        if "exclusiveMinimum" in one:
            yield f"above {_number(one['exclusiveMinimum'])}"
        if "minimum" in one:
            yield f"from {_number(one['minimum'])}"
        if "maximum" in one:
            yield f"to {_number(one['maximum'])}"
        if "maxLength" in one:
            least = f"{one['minLength']} to " if one.get("minLength") else "to "
            yield f"{least}{one['maxLength']:,} characters"
        for name in ("maxItems", "maxProperties"):
            if name in one:
                yield f"to {one[name]:,} of them"


def _number(bound: float) -> str:
    return f"{int(bound):,}" if bound == int(bound) else str(bound)


def _kind(model: type[Properties]) -> str:
    return str(model.model_fields["kind"].default)


def _code(text: object) -> str:
    return f"`{text}`"


def _codes(texts: Any) -> str:
    return ", ".join(_code(text) for text in texts)
