"""JSON Schema (draft 2020-12), compiled: patterns take linear time, nothing is fetched.

What a value was is never in a message: somebody's address may stand where it does not belong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

from jsonschema_rs import Draft202012Validator, RegexOptions, ValidationError, ValidationErrorKind

Schema = dict[str, Any]
Place = tuple[str | int, ...]

#: Bytes of one compiled pattern: `(a{1000}){1000}` is refused.
PATTERN_BYTES_MAX: Final = 1 << 20
#: Of one event so many faults are told.
FAULTS_MAX: Final = 10
DETAIL_CHARACTERS_MAX: Final = 300

#: Keywords whose value is a schema, a list of schemas, schemas by name, or something else.
ONE: Final = frozenset(
    {"additionalProperties", "unevaluatedProperties", "propertyNames", "items", "unevaluatedItems"}
    | {"contains", "not", "if", "then", "else", "contentSchema"}
)
SEVERAL: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
NAMED: Final = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs"})
OTHERS: Final = frozenset(
    {"$schema", "$id", "$ref", "$anchor", "$dynamicRef", "$dynamicAnchor", "$vocabulary"}
    | {"type", "enum", "const", "multipleOf", "maximum", "exclusiveMaximum", "minimum"}
    | {"exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems", "minItems"}
    | {"uniqueItems", "maxContains", "minContains", "maxProperties", "minProperties", "required"}
    | {"dependentRequired", "format", "contentEncoding", "contentMediaType", "$comment", "title"}
    | {"description", "default", "deprecated", "readOnly", "writeOnly", "examples"}
)
KEYWORDS: Final = ONE | SEVERAL | NAMED | OTHERS

#: What a keyword that does not compile wants instead.
MENDS: Final[dict[str | int, str]] = {
    "pattern": "write a short one without look-around and back references",
    "format": "take one of draft 2020-12",
}
MEND: Final = "mend it (a `$ref` stays within the schema)"

#: A field's name may itself be somebody's address or number (an object by customer).
_PLAIN_NAME: Final = re.compile(r"(?!.*\d{7})[\w$ .:/-]{1,64}")


class SchemaError(Exception):
    """No JSON Schema; `place` leads from its root to what is wrong."""

    def __init__(self, place: Place, what: str, mend: str) -> None:
        super().__init__(what)
        self.place, self.what, self.mend = place, what, mend


class Fault(NamedTuple):
    """What an event is not as planned in: the path of the field, the keyword, in words."""

    field: str
    rule: str
    detail: str


def compiled(schema: Schema) -> Draft202012Validator:
    """Ready to be asked. SchemaError when it is none, or has a keyword that means nothing."""
    try:
        unknown = list(_unknown(schema, ()))
    except RecursionError:  # an anchor of YAML within itself
        raise SchemaError((), "holds itself", "use a `$ref` for that") from None
    for place, name in unknown:
        alike = get_close_matches(name, KEYWORDS, 1)
        mend = f"did you mean `{alike[0]}`?" if alike else "take it out (a note is a `$comment`)"
        raise SchemaError((*place, name), "is no keyword of JSON Schema", mend)
    try:
        return Draft202012Validator(
            schema,
            mask="the value",
            validate_formats=True,
            ignore_unknown_formats=False,
            offline=True,
            pattern_options=RegexOptions(PATTERN_BYTES_MAX),
        )
    except ValidationError as error:
        what = f"is no JSON Schema: {error.message}"[:DETAIL_CHARACTERS_MAX]
        place = tuple(error.instance_path)
        raise SchemaError(place, what, MENDS.get(place[-1] if place else "", MEND)) from None
    except (ValueError, TypeError) as error:  # a date of YAML, for example, which JSON has not
        raise SchemaError((), f"is no JSON: {error}", "put it in quotes") from None


def faults_of(validator: Draft202012Validator, document: Mapping[str, Any]) -> list[Fault]:
    """Everything that is not as planned, at most FAULTS_MAX; empty when it is."""
    if validator.is_valid(document):
        return []
    found = dict.fromkeys(
        fault for error in validator.iter_errors(document) for fault in _faults(error)
    )
    return list(found)[:FAULTS_MAX]


def _faults(error: ValidationError) -> Iterator[Fault]:
    place, rule = tuple(error.instance_path), error.kind.name
    match error.kind:
        case ValidationErrorKind.Required(name):
            yield Fault(path_of((*place, name)), rule, "is missing")
        case ValidationErrorKind.AdditionalProperties(
            names
        ) | ValidationErrorKind.UnevaluatedProperties(names):
            for name in names[:FAULTS_MAX]:
                yield Fault(path_of((*place, name)), rule, "is not in the plan")
        case ValidationErrorKind.PropertyNames():
            yield Fault(path_of(place), rule, "has a field whose name is not as planned")
        case _:
            yield Fault(path_of(place), rule, error.message[:DETAIL_CHARACTERS_MAX])


def path_of(place: Place) -> str:
    """The path of a field, such as `lines.0.sku`; a name that may be personal is masked."""
    return ".".join(
        str(part) if isinstance(part, int) or is_plain(part) else "***" for part in place
    )


def is_plain(name: str) -> bool:
    """Whether a name can be shown: no address, no long number, not long."""
    return _PLAIN_NAME.fullmatch(name) is not None


def _unknown(schema: object, place: Place) -> Iterator[tuple[Place, str]]:
    """(place, keyword) of keywords that no validator would look at: typing errors."""
    if not isinstance(schema, dict):
        return
    for name, value in schema.items():
        if name not in KEYWORDS:
            yield place, str(name)
        elif name in ONE:
            yield from _unknown(value, (*place, name))
        elif name in SEVERAL and isinstance(value, list):
            for number, item in enumerate(value):
                yield from _unknown(item, (*place, name, number))
        elif name in NAMED and isinstance(value, dict):
            for key, item in value.items():
                yield from _unknown(item, (*place, name, str(key)))
