"""The voice of the customer: surveys, reviews, suggestions, feedback."""

from __future__ import annotations

from typing import Final

from services.profile.domain.commuting import add, keep_largest, milli
from services.profile.domain.event import Event
from services.profile.domain.folds.contact import count_sentiment
from services.profile.domain.folds.facts import Facts
from services.profile.domain.part import (
    CES_ANSWERS,
    CES_MILLI,
    CSAT_ANSWERS,
    CSAT_MILLI,
    FEEDBACK_MILLI,
    FEEDBACK_RATED,
    NPS_ANSWERS,
    NPS_DETRACTORS,
    NPS_MILLI,
    NPS_PROMOTERS,
    REQUIREMENTS,
    REVIEW_MILLI,
    REVIEWS_RATED,
    Part,
)
from services.profile.domain.states import Answer

#: survey -> keys of its sums: thousandths, answers.
SURVEYS: Final = {
    "csat": (CSAT_MILLI, CSAT_ANSWERS),
    "nps": (NPS_MILLI, NPS_ANSWERS),
    "ces": (CES_MILLI, CES_ANSWERS),
}
#: Reichheld: who answers 9 or 10 promotes, who answers 0 to 6 detracts.
PROMOTER_FROM: Final = 9
DETRACTOR_TO: Final = 6


class Surveyed(Facts, gc=False):
    survey: str
    score: float


class Reviewed(Facts, gc=False):
    scale: float = 5
    rating: float | None = None
    sentiment: float | None = None
    requirement: str | None = None


class Suggested(Facts, gc=False):
    requirement: str | None = None


class Told(Facts, gc=False):
    score: float | None = None
    scale: float | None = None
    sentiment: float | None = None
    requirement: str | None = None


def surveyed(part: Part, event: Event, facts: Surveyed) -> None:
    keys = SURVEYS.get(facts.survey)
    if keys is None:
        return
    answer = Answer(event.at, event.stamp, facts.score)
    part.answers[facts.survey] = max(answer, part.answers.get(facts.survey, answer))
    add(part.sums, keys[0], milli(facts.score))
    add(part.sums, keys[1], 1)
    if facts.survey == "nps":
        if facts.score >= PROMOTER_FROM:
            add(part.sums, NPS_PROMOTERS, 1)
        elif facts.score <= DETRACTOR_TO:
            add(part.sums, NPS_DETRACTORS, 1)


def reviewed(part: Part, event: Event, facts: Reviewed) -> None:
    """Ratings as a share of the best possible one."""
    if facts.rating is not None:
        add(part.sums, REVIEW_MILLI, milli(facts.rating / facts.scale))
        add(part.sums, REVIEWS_RATED, 1)
    _heard(part, facts.sentiment, facts.requirement)


def suggested(part: Part, event: Event, facts: Suggested) -> None:
    _heard(part, None, facts.requirement)


def told(part: Part, event: Event, facts: Told) -> None:
    """Scores as a share of the best possible one; without a scale there is no share."""
    if facts.score is not None and facts.scale:
        add(part.sums, FEEDBACK_MILLI, milli(facts.score / facts.scale))
        add(part.sums, FEEDBACK_RATED, 1)
    _heard(part, facts.sentiment, facts.requirement)


def _heard(part: Part, sentiment: float | None, requirement: str | None) -> None:
    """`requirement`: the product requirement that it was turned into."""
    count_sentiment(part, sentiment)
    if requirement:
        add(part.sums, REQUIREMENTS, 1)


def join(whole: Part, part: Part) -> None:
    keep_largest(whole.answers, part.answers)
