"""Every kind of touchpoint: one file each; the union and the samples are written out here.

A new kind: write its file, add it to AnyProperties, KINDS and SAMPLES, run `make schemas`.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field

from schemas.base import Properties
from schemas.touchpoints import (
    account_linked,
    aliased,
    call_completed,
    complaint_handled,
    complaint_received,
    custom,
    identified,
    order_completed,
    order_refunded,
    page_viewed,
    product_viewed,
    survey_answered,
)
from schemas.touchpoints.account_linked import AccountLinked
from schemas.touchpoints.aliased import Aliased
from schemas.touchpoints.call_completed import CallCompleted
from schemas.touchpoints.complaint_handled import ComplaintHandled
from schemas.touchpoints.complaint_received import ComplaintReceived
from schemas.touchpoints.custom import Custom
from schemas.touchpoints.identified import Identified
from schemas.touchpoints.order_completed import OrderCompleted
from schemas.touchpoints.order_refunded import OrderRefunded
from schemas.touchpoints.page_viewed import PageViewed
from schemas.touchpoints.product_viewed import ProductViewed
from schemas.touchpoints.survey_answered import SurveyAnswered

AnyProperties = Annotated[
    PageViewed
    | ProductViewed
    | OrderCompleted
    | OrderRefunded
    | CallCompleted
    | ComplaintReceived
    | ComplaintHandled
    | SurveyAnswered
    | Identified
    | Aliased
    | AccountLinked
    | Custom,
    Field(discriminator="kind"),
]

KINDS: Final[dict[str, type[Properties]]] = {
    "page_viewed": PageViewed,
    "product_viewed": ProductViewed,
    "order_completed": OrderCompleted,
    "order_refunded": OrderRefunded,
    "call_completed": CallCompleted,
    "complaint_received": ComplaintReceived,
    "complaint_handled": ComplaintHandled,
    "survey_answered": SurveyAnswered,
    "identified": Identified,
    "aliased": Aliased,
    "account_linked": AccountLinked,
    "custom": Custom,
}

SAMPLES: Final[dict[str, dict[str, Any]]] = {
    "page_viewed": page_viewed.SAMPLE,
    "product_viewed": product_viewed.SAMPLE,
    "order_completed": order_completed.SAMPLE,
    "order_refunded": order_refunded.SAMPLE,
    "call_completed": call_completed.SAMPLE,
    "complaint_received": complaint_received.SAMPLE,
    "complaint_handled": complaint_handled.SAMPLE,
    "survey_answered": survey_answered.SAMPLE,
    "identified": identified.SAMPLE,
    "aliased": aliased.SAMPLE,
    "account_linked": account_linked.SAMPLE,
    "custom": custom.SAMPLE,
}

__all__ = ["KINDS", "SAMPLES", "AnyProperties"]
