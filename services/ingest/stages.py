"""How the calls of a batch go through a stage, and the stages that pydantic does."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from schemas.dead_letter import Reason
from schemas.touchpoints import KINDS
from services.ingest.domain.draft import Draft
from services.ingest.domain.refusal import Refusal, Suppressed, bad_properties

log = logging.getLogger(__name__)

_validators: Final[Mapping[str, Callable[[Any], Any]]] = {
    kind: model.__pydantic_validator__.validate_python for kind, model in KINDS.items()
}
_dumpers: Final[Mapping[str, Callable[[Any], bytes]]] = {
    kind: model.__pydantic_serializer__.to_json for kind, model in KINDS.items()
}


def through(stage: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    """What the stage makes of each item; what is refused or suppressed passes by it.

    Our own mistake must not stop the others of a batch: it becomes a refusal too, and is logged.
    """
    results: list[Any] = []
    for item in items:
        if (found := type(item)) is Refusal or found is Suppressed:
            results.append(item)
            continue
        try:
            results.append(stage(item))
        except Exception as error:
            log.exception("a call could not be handled; it is kept as a dead letter")
            results.append(Refusal(Reason.POISON, f"{type(error).__name__}: {error}"))
    return results


def validated(draft: Draft) -> Draft | Refusal:
    """With its properties as a valid model."""
    try:
        draft.properties = _validators[draft.kind](draft.properties)
    except ValidationError as error:
        return bad_properties(error)
    return draft


def dumped(draft: Draft) -> Draft:
    """With its properties as JSON."""
    draft.properties = _dumpers[draft.kind](draft.properties)
    return draft
