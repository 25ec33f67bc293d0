"""The customer answered a survey: CSAT, NPS or CES."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from schemas.base import Name, Properties
from schemas.touchpoints.common import Question, Text

#: The lowest and highest answer on each scale.
SCALES = {"csat": (1, 5), "nps": (0, 10), "ces": (1, 7)}


class SurveyAnswered(Properties):
    """The customer answered a survey: CSAT (满意度), NPS (净推荐值) or CES (费力度)."""

    kind: Literal["survey_answered"] = "survey_answered"
    survey: Literal["csat", "nps", "ces"] = Field(description="Which scale.", examples=["nps"])
    score: float = Field(
        ge=0, le=10, description="The answer: csat 1-5, nps 0-10, ces 1-7.", examples=[9]
    )
    survey_id: Name | None = Field(
        default=None, description="The survey's number.", examples=["S-3"]
    )
    question: Question | None = None
    text: Text | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "survey_answered",
        "survey": "nps",
        "score": 9,
        "survey_id": "S-3",
        "question": "Would you recommend us?",
        "text": "fast delivery",
    }

    @field_validator("score")
    @classmethod
    def score_is_on_its_scale(cls, score: float, info: ValidationInfo) -> float:
        survey = info.data.get("survey")
        if survey is not None and not SCALES[survey][0] <= score <= SCALES[survey][1]:
            low, high = SCALES[survey]
            raise ValueError(f"score of a {survey} survey is from {low} to {high}")
        return score
