"""One message for each topic that the columns read, and builders for small histories."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from confluent_kafka import Message
from pydantic import BaseModel

from schemas import topics
from schemas.account import Account, AccountPurchases, AccountSales, AccountService
from schemas.action import ActionRequested
from schemas.alert import Alert
from schemas.base import EPOCH, derived_id, micros, to_json
from schemas.dead_letter import DeadLetter, Reason, Way
from schemas.identifier import Identifier
from schemas.letter_handled import Handling, LetterHandled
from schemas.lifecycle import Cause, LifecycleChanged, Stage
from schemas.model import BgNbd, GammaGamma, Model, Population, RfmBoundaries
from schemas.profile import Behaviour, OpenComplaint, Profile, Purchases, Service, Trait
from schemas.profile_sections import (
    Consent,
    Contract,
    Lead,
    Loyalty,
    Marketing,
    OpenOpportunity,
    OpenTicket,
    Payments,
    Preferences,
    Quality,
    Sales,
)
from schemas.scores import AliveBelow, Churn, Clv, JourneyFacts, Rfm, Scores
from schemas.touchpoint import ResolvedTouchpoint
from schemas.touchpoints import SAMPLES
from schemas.violation import Fault, Violation
from services.common.audit import Act, Chain
from services.common.batch import Record
from services.scoring.rows import PROCESSORS
from services.scoring.waiting import Line

NOON: Final = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)
PUBLISHED_MS: Final = 1_767_355_200_500
ADA: Final = derived_id("profile", "ada")
BOB: Final = derived_id("profile", "bob")
CAUSE: Final = Cause(type="event", detail="an order", event_id=derived_id("order"))

Lines = dict[str, list[Line]]


def touchpoint(
    kind: str,
    *,
    workspace: str = "demo",
    profile: UUID = ADA,
    message: str = "",
    at: datetime = NOON,
    **properties: Any,
) -> ResolvedTouchpoint:
    """The sample of a kind, with some properties changed."""
    message = message or f"{kind}-{micros(at)}"
    return ResolvedTouchpoint(
        workspace=workspace,
        source="web",
        event_id=derived_id(workspace, message),
        message_id=message,
        occurred_at=at,
        received_at=at + timedelta(seconds=1),
        identifiers=(
            Identifier(kind="user_id", value="ada"),
            Identifier(kind="anonymous_id", value="dev-8f2"),
        ),
        channel="web",
        properties={**SAMPLES[kind], **properties},
        context={"ip": "192.0.2.1"},
        profile_id=profile,
    )


def order(profile: UUID, order_id: str, day: date, amount: str, **more: Any) -> ResolvedTouchpoint:
    """An order at noon of a day."""
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    total = {"amount": amount, "currency": more.pop("currency", "USD")}
    fields: dict[str, Any] = {"message": order_id, "at": at} | more
    return touchpoint("order_completed", profile=profile, order_id=order_id, total=total, **fields)


PROFILE: Final = Profile(
    workspace="demo",
    profile_id=ADA,
    version=micros(NOON),
    updated_at=NOON,
    identifiers=(
        Identifier(kind="user_id", value="ada"),
        Identifier(kind="email", value="ada@x.example"),
        Identifier(kind="anonymous_id", value="dev-8f2"),
    ),
    refused_links=1,
    traits={
        "city": Trait(value="London", source="web", at=NOON),
        "children": Trait(value=2, source="web", at=NOON),
        "tags": Trait(value=["a", "b"], source="crm", at=NOON),
    },
    accounts=("acme",),
    first_seen_at=NOON - timedelta(days=300),
    last_seen_at=NOON,
    behaviour=Behaviour(
        events=12,
        by_kind={"order_completed": 4, "page_viewed": 8},
        by_channel={"web": 12},
        last_at={"page_viewed": NOON},
        categories={"rock": 3},
    ),
    purchases=Purchases(
        orders=4,
        revenue=Decimal("120.50"),
        refunded=Decimal("14.66"),
        purchase_days=3,
        first_day=date(2025, 3, 1),
        last_day=date(2025, 12, 24),
        repeat_revenue=Decimal("91.17"),
        last_order_at=NOON - timedelta(days=9),
        other_currencies={"EUR": Decimal("9.99")},
        cancelled_orders=1,
        returned_orders=1,
        orders_with_cost=2,
        cost=Decimal("40.10"),
        margin=Decimal("19.90"),
        average_order=Decimal("40.17"),
    ),
    service=Service(
        calls=1,
        call_duration_s=312,
        complaints=2,
        complaints_handled=1,
        open_complaints=(
            OpenComplaint(
                complaint_id="C-77",
                received_at=NOON,
                severity=3,
                category="delivery",
                event_id=derived_id("complaint"),
            ),
        ),
        csat_answers=1,
        csat_mean=4.0,
        nps_last=9.0,
        complaints_by_step={"classified": 1, "archived": 1},
        tickets=2,
        open_tickets=(
            OpenTicket(
                ticket_id="T-501", opened_at=NOON, priority="high", step="answered", step_since=NOON
            ),
        ),
        tickets_reopened=1,
        first_contact_resolved=1,
        first_contact_known=1,
        cost_to_serve={"USD": Decimal("4.20")},
        csat_last=4.0,
        nps_answers=1,
        nps_mean=9.0,
        nps_promoters=1,
        reviews=1,
        review_mean=0.8,
        suggestions=1,
        sentiment_mean=0.4,
    ),
    payments=Payments(
        payments=3,
        paid={"USD": Decimal("88.00")},
        bills=3,
        paid_on_time=1,
        paid_late=1,
        days_late_mean=9.5,
        overdue_bills=1,
        overdue={"USD": Decimal("29.33")},
    ),
    sales=Sales(
        owner="a-17",
        leads=(Lead(captured_at=NOON, qualified=True), Lead(captured_at=NOON)),
        open_opportunities=(
            OpenOpportunity(
                opportunity_id="O-12",
                opened_at=NOON,
                stage="proposal",
                amount=Decimal(12000),
                currency="USD",
                probability=0.6,
                expected_close=date(2026, 6, 30),
            ),
        ),
        pipeline={"USD": Decimal(12000)},
        weighted_pipeline={"USD": Decimal(7200)},
        opportunities_won=1,
        opportunities_lost=2,
        won={"USD": Decimal(900)},
        contracts=(Contract(contract_id="CT-9", renewal_due_on=date(2027, 5, 31)),),
    ),
    loyalty=Loyalty(
        tier="gold", tier_since=NOON, points=Decimal("480.5"), referrals_made=1, mentions=1
    ),
    marketing=Marketing(
        sent=9,
        opened=3,
        clicked=2,
        converted=1,
        cost={"USD": Decimal("0.09")},
        unsubscribed={"email/news": NOON},
    ),
    consent={
        "email": Consent(allowed=True, at=NOON, source="web", event_id=derived_id("consent")),
        "profiling": Consent(allowed=False, at=NOON, source="web", event_id=derived_id("consent")),
    },
    preferences=Preferences(
        channel="web",
        hour=19,
        device="mobile",
        category="rock",
        product="CD-1997",
        products={"CD-1997": 3},
    ),
    quality=Quality(score=83, missing=("phone",)),
)
SCORES: Final = Scores(
    workspace="demo",
    profile_id=ADA,
    version=micros(NOON) + 7,
    profile_version=micros(NOON),
    model_version=7,
    as_of=NOON,
    rfm=Rfm(
        recency=5,
        frequency=4,
        monetary=4,
        segment="champions",
        recency_days=9.5,
        orders=4,
        revenue=Decimal("105.84"),
    ),
    churn=Churn(
        p_alive=0.9,
        churn_probability=0.1,
        basis="bg_nbd",
        alive_below=(AliveBelow(threshold=0.5, at=NOON + timedelta(days=80)),),
    ),
    clv=Clv(
        historic=Decimal("105.84"),
        predicted_12m=Decimal("61.123456"),
        total=Decimal("166.963456"),
        currency="USD",
        expected_orders_12m=2.5,
        expected_orders_30d=0.2,
        expected_next_order_at=NOON + timedelta(days=70),
        average_days_between_orders=149.0,
    ),
    value_segment="high_value",
    reasons={"churn": ("ordered 9 days ago",)},
    facts=JourneyFacts(orders=4, high_value=True, average_days_between_orders=149.0),
)
MODEL: Final = Model(
    workspace="demo",
    version=7,
    fitted_at=NOON,
    bg_nbd=BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426, log_likelihood=-9582.4),
    gamma_gamma=GammaGamma(p=6.25, q=3.74, gamma=15.44),
    rfm=RfmBoundaries(
        recency_days=(10, 50, 100, 200), frequency=(1, 2, 3, 5), monetary=(10, 20, 50, 100)
    ),
    first_gap_days=tuple(float(day) for day in range(7, 7 + 21 * 10, 10)),
    median_gap_days=107.0,
    present_value_median=35.0,
    future_value_median=20.0,
    high_value_from=150.0,
    population=Population(
        customers=2357,
        repeat_customers=1010,
        orders=6696,
        history_days=546,
        days_since_last_order=1.0,
        customers_with_three_orders=600,
        enough=True,
    ),
)


def moved(stage_from: Stage | None, stage_to: Stage, **changes: Any) -> LifecycleChanged:
    """A transition of Ada, or of another profile."""
    fields: dict[str, Any] = {
        "workspace": "demo",
        "profile_id": ADA,
        "at": NOON,
        "decided_at": NOON,
        "cause": CAUSE,
        "scores_version": 8,
    }
    fields |= changes
    event_id = derived_id(fields["profile_id"], stage_from, stage_to, fields["at"])
    return LifecycleChanged(
        from_stage=stage_from, to_stage=stage_to, **{"event_id": event_id, **fields}
    )


def alert(state: str, **changes: Any) -> Alert:
    """A churn alert of Ada, raised or cleared."""
    fields: dict[str, Any] = {
        "workspace": "demo",
        "profile_id": ADA,
        "event_id": derived_id("alert", state),
        "alert_id": derived_id("alert"),
        "kind": "churn_risk",
        "state": state,
        "severity": 3,
        "at": NOON,
        "decided_at": NOON,
        "cause": CAUSE,
        "suggested_action": "call",
        "scores_version": 8,
    }
    return Alert.model_validate(fields | changes)


ACTION: Final = ActionRequested(
    workspace="demo",
    profile_id=ADA,
    event_id=derived_id("action"),
    action="open_task",
    title="Call Ada",
    parameters={"owner": "a-17"},
    requested_at=NOON,
    cause=CAUSE,
)
LETTER: Final = DeadLetter(
    workspace="demo",
    event_id=derived_id("letter"),
    service="ingest",
    reason=Reason.BAD_TIME,
    detail="the year 9999",
    field="timestamp",
    source="web",
    message_id="m-1",
    original="e30=",
    topic="touchpoints.inbound",
    partition=3,
    offset=17,
    at=NOON,
)
LETTER_AGAIN: Final = LETTER.model_copy(
    update={
        "event_id": derived_id("letter", "again"),
        "former": LETTER.event_id,
        "way": Way(received_at=EPOCH, content_id="content-1", context={"locale": "de"}),
        "key": "a2V5",
        "headers": (("workspace", "ZGVtbw=="),),
        "cut": True,
        "request_id": "edge-7:1/2",
        "endpoint": "demo/crm",
    }
)
HANDLED: Final = LetterHandled(
    workspace="demo",
    event_id=derived_id("handled"),
    letter_id=LETTER.event_id,
    letter_at=LETTER.at,
    handling=Handling.REDRIVEN,
    at=NOON + timedelta(hours=1),
    who="ada",
    run=derived_id("run"),
    rule="cast timestamp to time",
)

ACCOUNT: Final = Account(
    workspace="demo",
    account_profile_id=derived_id("account", "acme"),
    version=7,
    updated_at=NOON,
    account_id="acme",
    kind="company",
    traits={
        "industry": Trait(value="music", source="crm", at=NOON),
        "size": Trait(value=250, source="crm", at=NOON),
    },
    members=2,
    roles={"buyer": 1},
    tiers={"gold": 1},
    member_profile_ids=(ADA, BOB),
    first_seen_at=NOON - timedelta(days=300),
    last_seen_at=NOON,
    events=21,
    purchases=AccountPurchases(
        orders=5,
        revenue=Decimal("120.50"),
        refunded=Decimal("4.99"),
        last_order_at=NOON,
        other_currencies={"EUR": Decimal("3.10")},
        orders_with_cost=2,
        margin=Decimal("30.25"),
        overdue={"USD": Decimal("9.99")},
    ),
    sales=AccountSales(
        open_opportunities=1,
        opportunities_won=1,
        pipeline={"USD": Decimal(500)},
        weighted_pipeline={"USD": Decimal(250)},
        won={"EUR": Decimal("80.50")},
    ),
    service=AccountService(
        calls=1,
        complaints=2,
        open_complaints=1,
        complaining_since=NOON - timedelta(days=2),
        worst_severity=4,
        csat_answers=2,
        csat_mean=4.5,
        nps_answers=2,
        nps_promoters=1,
        nps_detractors=1,
        nps=0.0,
        tickets=3,
        open_tickets=1,
        ticket_open_since=NOON,
        cost_to_serve={"USD": Decimal("12.50")},
    ),
)

VIOLATION: Final = Violation(
    workspace="demo",
    event_id=derived_id("violation"),
    source="web",
    plan="shop",
    event="Wishlist Shared",
    outcome="blocked",
    faults=(
        Fault(field="size", rule="required", detail="is missing"),
        Fault(field="lines.0.sku", rule="enum", detail="the value is none of them"),
    ),
    touchpoint_id=derived_id("event"),
    message_id="m-1",
    at=NOON,
)

AUDITED: Final = Chain("api@host:1#2").record(
    Act("key:crm", "profile.read", "demo", str(ADA), {"fields": 3, "masked": True, "by": "id"}),
    NOON,
)

#: (topic, name of the sample) -> message: every kind of message there is.
MESSAGES: Final[dict[tuple[str, str], BaseModel]] = {
    **{(topics.RESOLVED.name, kind): touchpoint(kind) for kind in SAMPLES},
    (topics.PROFILES.name, "live"): PROFILE,
    (topics.PROFILES.name, "empty"): Profile(
        workspace="demo", profile_id=BOB, version=1, updated_at=EPOCH
    ),
    (topics.PROFILES.name, "redirect"): Profile(
        workspace="demo", profile_id=BOB, version=2, updated_at=NOON, merged_into=ADA
    ),
    (topics.PROFILES.name, "erased"): Profile(
        workspace="demo", profile_id=BOB, version=3, updated_at=NOON, erased=True
    ),
    (topics.ACCOUNTS.name, "company"): ACCOUNT,
    (topics.ACCOUNTS.name, "gone"): Account(
        workspace="demo",
        account_profile_id=derived_id("account", "smith"),
        version=9,
        updated_at=NOON,
        gone=True,
    ),
    (topics.SCORES.name, "all"): SCORES,
    (topics.SCORES.name, "erased"): Scores(
        workspace="demo",
        profile_id=BOB,
        version=3,
        profile_version=3,
        as_of=NOON,
        erased=True,
    ),
    (topics.SCORES.name, "none"): Scores(
        workspace="demo",
        profile_id=BOB,
        version=1,
        profile_version=1,
        as_of=NOON,
        missing={"rfm": "no order yet"},
    ),
    (topics.MODELS.name, "fitted"): MODEL,
    (topics.MODELS.name, "not enough"): Model(
        workspace="demo",
        version=8,
        fitted_at=NOON,
        population=MODEL.population.model_copy(update={"enough": False, "why_not": "9 orders"}),
    ),
    (topics.LIFECYCLE.name, "first"): moved(None, Stage.NEW),
    (topics.LIFECYCLE.name, "won back"): moved(Stage.LOST, Stage.GROWING, won_back=True),
    (topics.ALERTS.name, "raised"): alert("raised"),
    (topics.ALERTS.name, "cleared"): alert("cleared"),
    (topics.ACTIONS.name, "task"): ACTION,
    (topics.DEAD_LETTERS.name, "bad time"): LETTER,
    (topics.DEAD_LETTERS.name, "refused again"): LETTER_AGAIN,
    (topics.HANDLED.name, "redriven"): HANDLED,
    (topics.VIOLATIONS.name, "two fields"): VIOLATION,
    (topics.AUDIT.name, "read"): AUDITED,
}


def record(topic: str, message: BaseModel | bytes, offset: int = 0) -> Record:
    """A message as it is read from the log."""
    value = message if isinstance(message, bytes) else to_json(message)
    return Record(topic, 0, offset, b"key", value, (("ce_source", b"rapport/demo"),))


def lines_of(messages: list[tuple[str, BaseModel]]) -> Lines:
    """The rows of (topic, message)s by table."""
    lines: Lines = {}
    for offset, (topic, message) in enumerate(messages):
        read = record(topic, message, offset)
        place = (read.topic, read.partition, read.offset, read.key, read.value)
        sent = Message(*place, list(read.headers))
        for table, row in PROCESSORS[topic](read.value, PUBLISHED_MS):
            lines.setdefault(table, []).append(Line(row, sent))
    return lines
