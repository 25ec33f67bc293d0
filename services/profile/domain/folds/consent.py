"""Consent by purpose: the newest word by (time, event id), with its proof."""

from __future__ import annotations

from datetime import date

from services.profile.domain.bounds import CONSENTS_MAX, keep_newest
from services.profile.domain.commuting import keep_largest
from services.profile.domain.event import Event
from services.profile.domain.folds.facts import Facts
from services.profile.domain.part import Part
from services.profile.domain.states import Consent


class Consented(Facts, gc=False):
    purposes: dict[str, bool]
    source: str | None = None
    text_version: str | None = None
    expires_on: date | None = None


def consented(part: Part, event: Event, facts: Consented) -> None:
    """`source`: where the word was given, else what sent it."""
    expires = facts.expires_on.toordinal() if facts.expires_on else None
    source = facts.source or event.source
    consents = part.consents
    for purpose, allowed in facts.purposes.items():
        said = Consent(event.at, event.event_id, allowed, source, facts.text_version, expires)
        known = consents.get(purpose)
        if known is None or said > known:
            consents[purpose] = said
    keep_newest(consents, CONSENTS_MAX)


def join(whole: Part, part: Part) -> None:
    keep_largest(whole.consents, part.consents)


def bound(whole: Part) -> None:
    keep_newest(whole.consents, CONSENTS_MAX)
