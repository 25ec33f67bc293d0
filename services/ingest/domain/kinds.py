"""Which kind of touchpoint a call is, and its properties in the shape of that kind."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from schemas.dead_letter import Reason
from schemas.touchpoints import KINDS
from schemas.touchpoints.spoken import EVENTS
from services.ingest.domain.identity import Names
from services.ingest.domain.refusal import Refusal
from services.ingest.domain.shapes import Fields, Shape, fields_of_people, put, shape_of

Call = dict[str, Any]

#: As many as schemas.touchpoints.identified takes.
TRAITS_MAX: Final = 500
#: As many as schemas.touchpoints.account_linked takes.
ROLE_CHARACTERS_MAX: Final = 2_000
NAME_CHARACTERS_MAX: Final = 200
#: Kinds that calls of their own bring, and the one of any other event.
UNTRACKED: Final = frozenset({"identified", "aliased", "account_linked", "custom"})
#: Kind of a tracked event -> what brings its properties into shape.
TRACKED: Final[dict[str, Shape]] = {
    kind: shape_of(kind, model) for kind, model in KINDS.items() if kind not in UNTRACKED
}


class Meant(NamedTuple):
    """What the name of an event says: its kind, how that is read, fields of its own, and in which
    fields it names other people."""

    kind: str
    shape: Shape
    says: Fields
    people: tuple[str, ...] = ()


def properties_of(call: Call, context: Fields, currency: str, names: Names) -> Fields | Refusal:
    """The properties with their kind, ready to be validated. The type is one of Segment's."""
    match call["type"]:
        case "track":
            return _track(call, currency, names)
        case "page" | "screen":
            return _page(call, context)
        case "identify":
            return _identify(call, context)
        case "alias":
            return _alias(call, names)
        case "group":
            return _group(call)
        case other:
            raise AssertionError(f"the caller lets only Segment's calls in, not {other!r}")


def fields_of(call: Call, name: str) -> Fields | Refusal:
    """An object of the call, empty where it is missing or null."""
    value = call.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        return Refusal(Reason.BAD_PROPERTIES, f"{name} is not an object", name)
    return value


def meant_by(name: str) -> Meant | None:
    """ "Order Completed", "order completed" and order_completed are one kind; unknown: None."""
    return _MEANT.get(name) or _MEANT.get(_spelled(name))


def _spelled(name: str) -> str:
    return name[:100].strip().casefold().replace(" ", "_").replace("-", "_")


def _names() -> dict[str, Meant]:
    """Both usual spellings of every known name, so that they cost one look-up."""
    names = {kind.replace("_", " ").title(): _meant(kind, {}) for kind in TRACKED}
    for name, (kind, says) in EVENTS.items():
        names[name] = _meant(kind, dict(says))
    return names | {_spelled(name): meant for name, meant in names.items()}


def _meant(kind: str, says: Fields) -> Meant:
    return Meant(kind, TRACKED[kind], says, fields_of_people(KINDS[kind]))


_MEANT: Final = _names()


def _track(call: Call, currency: str, names: Names) -> Fields | Refusal:
    name = call.get("event")
    if not isinstance(name, str) or not name.strip():
        return Refusal(Reason.NO_EVENT_NAME, "a track call needs the name of its event", "event")
    sent = fields_of(call, "properties")
    if isinstance(sent, Refusal):
        return sent
    meant = meant_by(name)
    if meant is None:
        return {"kind": "custom", "name": name.strip(), "properties": sent}
    fields = _without_nulls(sent)
    if meant.says:
        _say(fields, meant.says)
    meant.shape(fields, currency)
    fields["kind"] = meant.kind
    return _with_people(fields, meant.people, names) if meant.people else fields


def _with_people(fields: Fields, people: tuple[str, ...], names: Names) -> Fields | Refusal:
    """Other people are spelled as the workspace spells its own; what is no identifier at all is
    left for the model to refuse."""
    for field in people:
        said = fields.get(field)
        if not isinstance(said, dict):
            continue
        kind, value = said.get("kind"), said.get("value")
        if isinstance(kind, str) and isinstance(value, str):
            try:
                clean = names.spellings.normalised(kind, value)
            except ValueError as error:
                return Refusal(Reason.BAD_PROPERTIES, f"{field}: {error}", field)
            fields[field] = {"kind": kind, "value": clean}
    return fields


def _say(fields: Fields, says: Fields) -> None:
    """What the event's name says holds; what the sender put there steps aside."""
    for name, value in says.items():
        if name in fields and fields[name] != value:
            fields[f"{name}_sent"] = fields[name]
        fields[name] = value


def _identify(call: Call, context: Fields) -> Fields | Refusal:
    """Traits of the context count too: RudderStack's Python SDK sends them only there."""
    traits = fields_of(call, "traits")
    if isinstance(traits, Refusal):
        return traits
    of_context = context.get("traits")
    if isinstance(of_context, dict):
        if len(of_context) > TRAITS_MAX:  # before it is copied for each item of a batch
            detail = f"{len(of_context)} traits; at most {TRAITS_MAX}"
            return Refusal(Reason.BAD_PROPERTIES, detail, "context.traits")
        traits = {**of_context, **traits}
    return {"kind": "identified", "traits": traits}


def _page(call: Call, context: Fields) -> Fields | Refusal:
    sent = fields_of(call, "properties")
    if isinstance(sent, Refusal):
        return sent
    fields = _without_nulls(sent)
    fields["kind"] = "page_viewed"
    for name in ("name", "category"):
        put(fields, name, call.get(name))
    page = context.get("page")
    if isinstance(page, dict):
        for name in ("url", "title", "referrer"):
            if name not in fields:
                put(fields, name, page.get(name))
    return fields


def _group(call: Call) -> Fields | Refusal:
    traits = fields_of(call, "traits")
    if isinstance(traits, Refusal):
        return traits
    account = call.get("groupId")
    if isinstance(account, int) and not isinstance(account, bool):
        account = str(account)
    if not isinstance(account, str) or not account.strip():
        return Refusal(Reason.BAD_PROPERTIES, "a group call needs a groupId", "groupId")
    fields: Fields = {"kind": "account_linked", "account_id": account.strip(), "traits": traits}
    if isinstance(role := traits.get("role"), str):
        fields["role"] = role[:ROLE_CHARACTERS_MAX]
    if traits.get("left") is True:
        fields["left"] = True
    if isinstance(kind := traits.get("account_kind"), str) and 0 < len(kind) <= NAME_CHARACTERS_MAX:
        fields["account_kind"] = kind
    return fields


def _alias(call: Call, names: Names) -> Fields | Refusal:
    value = call.get("previousId")
    if value is None or value == "":
        return Refusal(Reason.NO_IDENTIFIER, "an alias call needs a previousId", "previousId")
    kind = _kind_of_previous(call, value, names)
    clean = names.cleaned(kind, value)
    if isinstance(clean, Refusal):
        return Refusal(clean.reason, clean.detail, "previousId")
    return {"kind": "aliased", "previous": {"kind": kind, "value": clean}}


def _kind_of_previous(call: Call, value: object, names: Names) -> str:
    """Segment does not say of what kind a previousId is.

    The sender may (`previousKind`). Else: the call's own anonymousId is one; so is a UUID from a
    server, whose calls bring no anonymousId; the rest is an earlier user id (analytics.js u1, u2).
    """
    said = call.get("previousKind")
    if isinstance(said, str) and said in names.spellings.spell:
        return said
    anonymous = call.get("anonymousId")
    if anonymous is None:
        is_uuid = isinstance(value, str) and len(value) == 36 and value.count("-") == 4
        return "anonymous_id" if is_uuid else "user_id"
    return "anonymous_id" if value == anonymous else "user_id"


def _without_nulls(sent: Fields) -> Fields:
    """A copy to work on: null says the same as nothing; the sender's own `kind` steps aside."""
    fields = {name: value for name, value in sent.items() if value is not None}
    if "kind" in fields:
        fields["kind_sent"] = fields.pop("kind")
    return fields
