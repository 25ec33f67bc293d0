"""What is wrong in a workspace's file, and how to mend it, in words that point at the field."""

from __future__ import annotations

from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from services.common.workspace import Workspace
from services.common.workspace_parts import Place

#: Fields whose values are not repeated in a message: somebody may have pasted the key itself.
SECRET_FIELDS: Final = frozenset({"key_hashes"})


def what_is_wrong(fault: ErrorDetails) -> str:
    """What the field is, or is not; without the value where that may be a secret."""
    match fault["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return "is no field that is known here"
        case "rule":
            return str(fault["ctx"]["what"])
        case "tuple_type":
            return "is no list"
        case "model_type":
            return "is no list of fields"
    said = fault["msg"].replace("Input should", "should").replace("String should", "should")
    if SECRET_FIELDS & set(map(str, fault["loc"])) or isinstance(fault["input"], (dict, list)):
        return said
    return f"is {fault['input']!r} and {said}"


def mend_of(fault: ErrorDetails) -> str:
    """What to do about it."""
    place, context = fault["loc"], fault.get("ctx", {})
    match fault["type"]:
        case "missing":
            return f"add `{place[-1]}`"
        case "extra_forbidden":
            known = _fields_at(place[:-1])
            alike = get_close_matches(str(place[-1]), known, 1)
            return f"did you mean `{alike[0]}`?" if alike else f"known are {', '.join(known)}"
        case "rule":
            return str(context["mend"])
        case "tuple_type":
            return "begin each item with `- `"
        case "model_type":
            return "write `field: value`"
        case "string_type":
            return "put it in quotes"
        case "literal_error" | "enum":
            return f"write {context['expected']}"
        case "string_pattern_mismatch" if "key_hashes" in place:
            return "write what `printf 'KEY' | sha256sum` prints"
    return "choose another value"


def _fields_at(place: Place) -> list[str]:
    """The fields of the model that stands at a place of a Workspace."""
    at: Any = Workspace
    for part in place:
        model = _model_in(at)
        if model is not None:
            field = model.model_fields.get(str(part))
            at = field.annotation if field else None
        elif isinstance(part, str):  # a name in a mapping
            at = next(reversed(get_args(at)), None)
        else:
            at = next((one for one in get_args(at) if one is not Ellipsis), None)
    model = _model_in(at)
    fields = model.model_fields.items() if model else ()
    return sorted(field.alias or name for name, field in fields)


def _model_in(at: Any) -> type[BaseModel] | None:
    """The model of an annotation, also where it may be missing or has a validator before it."""
    if isinstance(at, type) and issubclass(at, BaseModel):
        return at
    if get_origin(at) in (Annotated, Union, UnionType):
        return next((one for one in map(_model_in, get_args(at)) if one), None)
    return None
