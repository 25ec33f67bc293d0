"""What every piece of a workspace is: frozen, strict, and clear about what is wrong in it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError


class Part(BaseModel):
    """A frozen piece of a workspace; an unknown field is an error, since it is a typing error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def broken(field: str | int, what: str, mend: str) -> PydanticCustomError:
    """What a rule between fields says; `field`: the one whose line is shown, below the rule's."""
    return PydanticCustomError("rule", "{what}", {"field": field, "what": what, "mend": mend})
