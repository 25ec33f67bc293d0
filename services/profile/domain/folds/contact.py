"""Contacts: calls, messages, meetings and visits; how the customer feels about us."""

from __future__ import annotations

from services.profile.domain.commuting import add, milli
from services.profile.domain.event import Event
from services.profile.domain.folds.facts import Facts
from services.profile.domain.part import CALL_MS, SENTIMENT_MILLI, SENTIMENTS, Part


class Met(Facts, gc=False):
    sentiment: float | None = None


class Called(Facts, gc=False):
    sentiment: float | None = None
    duration_s: float = 0


def met(part: Part, event: Event, facts: Met | Called) -> None:
    count_sentiment(part, facts.sentiment)


def called(part: Part, event: Event, facts: Called) -> None:
    add(part.sums, CALL_MS, milli(facts.duration_s))
    count_sentiment(part, facts.sentiment)


def count_sentiment(part: Part, sentiment: float | None) -> None:
    """From -1 to 1; whoever says nothing of it is not counted."""
    if sentiment is not None:
        add(part.sums, SENTIMENT_MILLI, milli(sentiment))
        add(part.sums, SENTIMENTS, 1)
