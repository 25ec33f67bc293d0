"""Every kind of touchpoint, by family. A kind is one file: its fields, and one sample.

A new kind: write its file, import it and give it its place in FAMILIES, run `make schemas`. What
others call it stands in `spoken.py`. Its code in the state is the next one in
`services/profile/domain/part.py`; how it changes a profile is its row in
`services/profile/domain/folds/table.py`.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field

from schemas.base import Properties
from schemas.touchpoints.account_linked import AccountLinked
from schemas.touchpoints.aliased import Aliased
from schemas.touchpoints.call_completed import CallCompleted
from schemas.touchpoints.campaign_clicked import CampaignClicked
from schemas.touchpoints.campaign_converted import CampaignConverted
from schemas.touchpoints.campaign_cost_booked import CampaignCostBooked
from schemas.touchpoints.campaign_delivered import CampaignDelivered
from schemas.touchpoints.campaign_opened import CampaignOpened
from schemas.touchpoints.campaign_sent import CampaignSent
from schemas.touchpoints.cart_updated import CartUpdated
from schemas.touchpoints.checkout_started import CheckoutStarted
from schemas.touchpoints.complaint_archived import ComplaintArchived
from schemas.touchpoints.complaint_classified import ComplaintClassified
from schemas.touchpoints.complaint_fed_back import ComplaintFedBack
from schemas.touchpoints.complaint_handled import ComplaintHandled
from schemas.touchpoints.complaint_investigated import ComplaintInvestigated
from schemas.touchpoints.complaint_received import ComplaintReceived
from schemas.touchpoints.consent_changed import ConsentChanged
from schemas.touchpoints.contract_renewal_due import ContractRenewalDue
from schemas.touchpoints.contract_signed import ContractSigned
from schemas.touchpoints.custom import Custom
from schemas.touchpoints.customer_referred import CustomerReferred
from schemas.touchpoints.feedback_given import FeedbackGiven
from schemas.touchpoints.identified import Identified
from schemas.touchpoints.lead_assigned import LeadAssigned
from schemas.touchpoints.lead_captured import LeadCaptured
from schemas.touchpoints.lead_qualified import LeadQualified
from schemas.touchpoints.meeting_held import MeetingHeld
from schemas.touchpoints.membership_joined import MembershipJoined
from schemas.touchpoints.message_received import MessageReceived
from schemas.touchpoints.opportunity_lost import OpportunityLost
from schemas.touchpoints.opportunity_opened import OpportunityOpened
from schemas.touchpoints.opportunity_stage_changed import OpportunityStageChanged
from schemas.touchpoints.opportunity_won import OpportunityWon
from schemas.touchpoints.order_cancelled import OrderCancelled
from schemas.touchpoints.order_completed import OrderCompleted
from schemas.touchpoints.order_refunded import OrderRefunded
from schemas.touchpoints.page_viewed import PageViewed
from schemas.touchpoints.payment_made import PaymentMade
from schemas.touchpoints.payment_overdue import PaymentOverdue
from schemas.touchpoints.points_earned import PointsEarned
from schemas.touchpoints.points_redeemed import PointsRedeemed
from schemas.touchpoints.product_viewed import ProductViewed
from schemas.touchpoints.profile_merge_requested import ProfileMergeRequested
from schemas.touchpoints.profile_unmerge_requested import ProfileUnmergeRequested
from schemas.touchpoints.quote_sent import QuoteSent
from schemas.touchpoints.resource_shared import ResourceShared
from schemas.touchpoints.return_requested import ReturnRequested
from schemas.touchpoints.review_posted import ReviewPosted
from schemas.touchpoints.searched import Searched
from schemas.touchpoints.social_mentioned import SocialMentioned
from schemas.touchpoints.store_visited import StoreVisited
from schemas.touchpoints.suggestion_made import SuggestionMade
from schemas.touchpoints.survey_answered import SurveyAnswered
from schemas.touchpoints.task_completed import TaskCompleted
from schemas.touchpoints.ticket_answered import TicketAnswered
from schemas.touchpoints.ticket_assigned import TicketAssigned
from schemas.touchpoints.ticket_closed import TicketClosed
from schemas.touchpoints.ticket_opened import TicketOpened
from schemas.touchpoints.ticket_reopened import TicketReopened
from schemas.touchpoints.ticket_resolved import TicketResolved
from schemas.touchpoints.tier_changed import TierChanged
from schemas.touchpoints.unsubscribed import Unsubscribed

FAMILIES: Final[dict[str, tuple[type[Properties], ...]]] = {
    "browsing": (
        PageViewed,
        ProductViewed,
        Searched,
        CartUpdated,
        CheckoutStarted,
    ),
    "purchase": (
        OrderCompleted,
        OrderRefunded,
        OrderCancelled,
        ReturnRequested,
        PaymentMade,
        PaymentOverdue,
    ),
    "contact": (
        CallCompleted,
        MessageReceived,
        MeetingHeld,
        StoreVisited,
    ),
    "service": (
        TicketOpened,
        TicketAssigned,
        TicketAnswered,
        TicketResolved,
        TicketClosed,
        TicketReopened,
    ),
    "complaint": (
        ComplaintReceived,
        ComplaintClassified,
        ComplaintInvestigated,
        ComplaintHandled,
        ComplaintFedBack,
        ComplaintArchived,
    ),
    "voice of the customer": (
        SurveyAnswered,
        ReviewPosted,
        SuggestionMade,
        FeedbackGiven,
    ),
    "marketing": (
        CampaignSent,
        CampaignDelivered,
        CampaignOpened,
        CampaignClicked,
        CampaignConverted,
        CampaignCostBooked,
        Unsubscribed,
    ),
    "lead and sales": (
        LeadCaptured,
        LeadAssigned,
        LeadQualified,
        OpportunityOpened,
        OpportunityStageChanged,
        OpportunityWon,
        OpportunityLost,
        QuoteSent,
        ContractSigned,
        ContractRenewalDue,
        TaskCompleted,
    ),
    "relationship": (
        CustomerReferred,
        MembershipJoined,
        TierChanged,
        PointsEarned,
        PointsRedeemed,
        SocialMentioned,
        ResourceShared,
    ),
    "identity and consent": (
        Identified,
        Aliased,
        AccountLinked,
        ConsentChanged,
        ProfileMergeRequested,
        ProfileUnmergeRequested,
    ),
    "custom": (Custom,),
}

KINDS: Final[dict[str, type[Properties]]] = {
    model.model_fields["kind"].default: model for family in FAMILIES.values() for model in family
}
SAMPLES: Final[dict[str, dict[str, Any]]] = {kind: model.SAMPLE for kind, model in KINDS.items()}

if TYPE_CHECKING:
    AnyProperties = Properties
else:  # the union of what FAMILIES names: no second list to keep
    AnyProperties = Annotated[reduce(or_, KINDS.values()), Field(discriminator="kind")]

__all__ = ["FAMILIES", "KINDS", "SAMPLES", "AnyProperties"]
