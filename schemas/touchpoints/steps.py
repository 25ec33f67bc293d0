"""What all steps of one case carry: a contact, a ticket, a complaint, a campaign, a deal."""

from __future__ import annotations

from pydantic import Field

from schemas.base import Name, Properties, ShortText
from schemas.money import Money
from schemas.touchpoints.common import (
    Agent,
    Balance,
    Channel,
    ComplaintId,
    Day,
    LeadId,
    OpportunityId,
    OrderId,
    Outcome,
    Owner,
    Person,
    Points,
    Probability,
    Programme,
    Reason,
    Sentiment,
    Source,
    Team,
    TicketId,
)


class Contact(Properties):
    """Somebody of the company and the customer met."""

    channel: Channel | None = None
    agent: Agent | None = None
    outcome: Outcome | None = None
    reason: Reason | None = None
    sentiment: Sentiment | None = None


class TicketStep(Properties):
    """A step of the ticket with this `ticket_id`."""

    ticket_id: TicketId
    agent: Agent | None = None
    team: Team | None = None


class ComplaintStep(Properties):
    """A step of the complaint with this `complaint_id`."""

    complaint_id: ComplaintId
    team: Team | None = None


class CampaignStep(Properties):
    """A message of a campaign; without one it is transactional, such as a receipt."""

    campaign: Name | None = Field(default=None, description="The campaign.", examples=["spring"])
    channel: Channel | None = None
    variant: ShortText | None = Field(
        default=None, description="Which variant of a test.", examples=["b"]
    )
    message: Name | None = Field(
        default=None, description="The message's number.", examples=["m-3001"]
    )


class LeadStep(Properties):
    """A step of a lead (线索); the person of the touchpoint is the lead."""

    lead_id: LeadId | None = None
    source: Source | None = None
    owner: Owner | None = None


class OpportunityStep(Properties):
    """A step of the opportunity (商机) with this `opportunity_id`."""

    opportunity_id: OpportunityId
    name: ShortText | None = Field(default=None, description="Its name.", examples=["Fleet"])
    owner: Owner | None = None
    stage: Name | None = Field(
        default=None, description="Its stage of the pipeline.", examples=["proposal"]
    )
    amount: Money | None = Field(default=None, description="What it is worth when it is won.")
    probability: Probability | None = None
    expected_close: Day | None = Field(default=None, description="The day it should be won on.")


class PointsStep(Properties):
    """Points of a loyalty programme moved."""

    points: Points
    balance: Balance | None = None
    programme: Programme | None = None
    reason: Reason | None = None
    order_id: OrderId | None = None


class MergeRequest(Properties):
    """Somebody says whether two identifiers are one person: the touchpoint's and `other`."""

    other: Person = Field(description="The other identifier: kind and value.")
    reason: Reason | None = None
    requested_by: Name | None = Field(
        default=None, description="Who asked for it.", examples=["a-17"]
    )
