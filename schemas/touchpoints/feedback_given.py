"""The customer said what they think, outside a survey."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Properties
from schemas.touchpoints.common import Category, Product, Question, Requirement, Sentiment, Text


class FeedbackGiven(Properties):
    """The customer said what they think, outside of a CSAT, NPS or CES survey."""

    kind: Literal["feedback_given"] = "feedback_given"
    text: Text | None = None
    score: float | None = Field(
        default=None,
        ge=0,
        le=100,
        description="As it was given, on a `scale` of its own.",
        examples=[4],
    )
    scale: float | None = Field(
        default=None, gt=0, le=100, description="The best possible score.", examples=[5]
    )
    question: Question | None = None
    product: Product | None = None
    category: Category | None = None
    sentiment: Sentiment | None = None
    requirement: Requirement | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "feedback_given",
        "text": "the search finds nothing",
        "score": 2,
        "scale": 5,
        "question": "What do you think of the site?",
        "product": "shop",
        "category": "usability",
        "sentiment": -0.5,
        "requirement": "REQ-5",
    }
