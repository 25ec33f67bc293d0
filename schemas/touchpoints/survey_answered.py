"""The customer answered a survey: CSAT, NPS or CES."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from schemas.base import Name, Properties, ShortText

#: The lowest and highest answer on each scale.
SCALES = {"csat": (1, 5), "nps": (0, 10), "ces": (1, 7)}


class SurveyAnswered(Properties):
    """`score` on the survey's scale: csat 1-5, nps 0-10, ces 1-7."""

    kind: Literal["survey_answered"] = "survey_answered"
    survey: Literal["csat", "nps", "ces"]
    score: Annotated[float, Field(ge=0, le=10)]
    survey_id: Name | None = None
    question: ShortText | None = None
    text: ShortText | None = None

    @model_validator(mode="after")
    def score_is_on_its_scale(self) -> SurveyAnswered:
        low, high = SCALES[self.survey]
        if not low <= self.score <= high:
            raise ValueError(f"score of a {self.survey} survey is from {low} to {high}")
        return self


SAMPLE: dict[str, Any] = {
    "kind": "survey_answered",
    "survey": "nps",
    "score": 9,
    "text": "fast delivery",
}
