"""What the models of a workspace are made of: frozen parts, and errors that name a line."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

Place = tuple[str | int, ...]


class Part(BaseModel):
    """A frozen piece of a workspace; an unknown field is an error, since it is a typing error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def broken(field: str | int | Place, what: str, mend: str) -> PydanticCustomError:
    """What a rule between fields says; `field`: the one whose line is shown, below the rule's."""
    place = field if isinstance(field, tuple) else (field,)
    return PydanticCustomError("rule", "{what}", {"field": place, "what": what, "mend": mend})


def different(what: str, names: Iterable[Iterable[str]]) -> None:
    """No two of a list have a name in common."""
    seen: set[str] = set()
    for place, some in enumerate(names):
        for name in some:
            if name in seen:
                raise broken(place, f"has the {what} {name!r} of another one", "let one keep it")
            seen.add(name)
