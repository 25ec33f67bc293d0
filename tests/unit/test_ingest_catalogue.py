"""Every name of an event and of a field means what the tables say; anything else is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.dead_letter import DeadLetter, Reason
from schemas.money import Money
from schemas.touchpoints import KINDS, SAMPLES
from schemas.touchpoints.spoken import EVENTS, names_of
from services.ingest.domain.kinds import TRACKED
from tests.unit.ingest_builders import accepted, refused, track, verdict_on

#: (kind, field, another name of it)
RENAMED = [
    (kind, field, name)
    for kind in sorted(TRACKED)
    for field in KINDS[kind].model_fields
    for name in names_of(kind, field)[1:]
]
MONEY = [
    (kind, field)
    for kind in sorted(TRACKED)
    for field, described in KINDS[kind].model_fields.items()
    if described.annotation in (Money, Money | None)
]
#: Of Segment's specifications; no kind says the same.
STAY_CUSTOM = (
    "Product List Viewed", "Product List Filtered", "Product Clicked", "Cart Viewed",
    "Checkout Step Viewed", "Checkout Step Completed", "Payment Info Entered", "Coupon Entered",
    "Coupon Applied", "Coupon Denied", "Coupon Removed", "Promotion Viewed", "Promotion Clicked",
    "Product Added to Wishlist", "Product Removed from Wishlist", "Email Bounced",
    "Account Created", "Account Deleted", "Account Added User", "Account Removed User",
    "Signed In", "Signed Out", "Trial Started", "Trial Ended",
)  # fmt: skip


def sample_of(kind: str) -> dict[str, Any]:
    return {name: value for name, value in SAMPLES[kind].items() if name != "kind"}


def read(event: str, **sent: Any) -> dict[str, Any]:
    """The properties that a track call with these properties arrives with."""
    return accepted(track(event, properties=sent)).properties.model_dump()


@pytest.mark.parametrize("kind", sorted(TRACKED))
def test_a_kind_is_known_by_its_name_in_any_usual_spelling(kind: str) -> None:
    title = kind.replace("_", " ").title()
    meant = KINDS[kind].model_validate(SAMPLES[kind]).model_dump()
    for name in (kind, title, title.lower(), f" {title.upper()} ", kind.replace("_", "-")):
        assert read(name, **sample_of(kind)) == meant


@pytest.mark.parametrize(("name", "kind", "says"), [(name, *to) for name, to in EVENTS.items()])
def test_segments_name_means_its_kind_and_says_what_the_table_says(
    name: str, kind: str, says: dict[str, Any]
) -> None:
    sent = {field: value for field, value in sample_of(kind).items() if field not in says}
    for spelled in (name, name.lower(), name.lower().replace(" ", "_")):
        found = read(spelled, **sent)
        assert found["kind"] == kind
        assert found.items() >= dict(says).items()


@pytest.mark.parametrize("name", STAY_CUSTOM)
def test_segments_other_names_stay_custom(name: str) -> None:
    kept = read(name, product_id=1)
    assert (kept["kind"], kept["name"], kept["properties"]) == ("custom", name, {"product_id": 1})


@pytest.mark.parametrize(("kind", "field", "name"), RENAMED)
def test_a_field_is_read_from_its_other_name(kind: str, field: str, name: str) -> None:
    value = SAMPLES[kind].get(field, {"kind": "user_id", "value": "ada"})
    others = {other: one for other, one in sample_of(kind).items() if other != field}
    assert read(kind, **others, **{name: value}) == read(kind, **others, **{field: value})


@pytest.mark.parametrize(("kind", "field"), MONEY)
def test_a_bare_amount_takes_the_currency_of_its_call(kind: str, field: str) -> None:
    found = read(kind, **sample_of(kind) | {field: 12.5, "currency": "eur"})
    assert found[field] == {"amount": Decimal("12.5"), "currency": "EUR"}
    assert "currency" not in found
    assert read(kind, **sample_of(kind) | {field: "7"})[field]["currency"] == "USD"


def test_what_the_name_says_holds_and_what_was_sent_stays_beside_it() -> None:
    found = read("Product Added", sku=17, action="click", price="14.66", quantity=2)
    assert (found["action"], found["action_sent"], found["sku"]) == ("added", "click", "17")
    assert found["price"] == {"amount": Decimal("14.66"), "currency": "USD"}


def test_an_email_of_segments_is_a_campaigns() -> None:
    call = track(
        "Email Link Clicked",
        properties={"email_id": 99, "campaign_name": "spring", "campaign_id": "c-1",
                    "link_id": "hero", "link_url": "https://shop.example/"},
    )  # fmt: skip
    clicked = accepted(call)
    found = clicked.properties.model_dump()
    assert (found["message"], found["campaign"], found["campaign_id"]) == ("99", "spring", "c-1")
    assert (found["link"], found["url"]) == ("hero", "https://shop.example/")
    assert clicked.channel == "email"


def test_a_review_of_segments_is_read() -> None:
    found = read("Product Reviewed", product_id=7, review_body="great", rating="4")
    assert (found["product"], found["text"], found["rating"]) == ("7", "great", 4)


@pytest.mark.parametrize(
    ("sent", "person"),
    [
        ("Bob@X.example", {"kind": "email", "value": "bob@x.example"}),
        (17, {"kind": "user_id", "value": "17"}),
        ({"kind": "phone", "value": "0049 30 123456"}, {"kind": "phone", "value": "+4930123456"}),
    ],
)
def test_another_person_is_named_as_identity_compares(sent: Any, person: Any) -> None:
    assert read("Invite Sent", invitee_email=sent)["referred"] == person


@pytest.mark.parametrize(
    ("event", "sent", "field"),
    [
        ("Opportunity Won", {"opportunity_id": "O", "probability": 60}, "probability"),
        ("Opportunity Won", {"opportunity_id": "O", "expected_close": "soon"}, "expected_close"),
        ("Opportunity Won", {"opportunity_id": "O", "expected_close": "0999-01-01"}, None),
        ("Customer Referred", {"referred": {"kind": "email", "value": "nobody"}}, "referred"),
        ("Customer Referred", {"referred": {"kind": "shoe", "value": "44"}}, "referred"),
        ("Review Posted", {"rating": 9}, "rating"),
        ("Survey Answered", {"survey": "csat", "score": 0}, "score"),
        ("Consent Changed", {"purposes": {}}, "purposes"),
        ("Consent Changed", {"purposes": {"email": "perhaps"}}, "purposes.email"),
        ("Points Earned", {"points": 0}, "points"),
        ("Ticket Opened", {"priority": "high"}, "ticket_id"),
        ("Ticket Opened", {"ticket_id": "", "priority": "high"}, "ticket_id"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_field(
    event: str, sent: dict[str, Any], field: str | None
) -> None:
    letter = refused(track(event, properties=sent))
    assert letter.reason is Reason.BAD_PROPERTIES
    assert letter.field == (field or "expected_close")


def test_an_empty_text_says_nothing_where_a_field_may_be_missing() -> None:
    found = read("Ticket Opened", ticket_id=5, agent="", order_id="", order_nr="")
    assert (found["ticket_id"], found["agent"], found["order_id"]) == ("5", None, None)
    assert found["order_nr"] == ""


def test_a_moment_is_read_as_its_day() -> None:
    found = read("Payment Overdue", amount=5, days_overdue=3, due_date="2026-03-31T10:00:00Z")
    assert found["due_on"].isoformat() == "2026-03-31"


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
    | st.sampled_from(["2026-03-31", "a@b", "high", "added", "USD", "1e400", "-0"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXTS, inner, max_size=3)
        | st.fixed_dictionaries(
            {}, optional=dict.fromkeys(("amount", "kind", "value", "sku"), inner)
        )
    ),
    max_leaves=6,
)


@st.composite
def sent_for_a_kind(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A kind, and its sample with some of its fields, by any of their names, replaced."""
    kind = draw(st.sampled_from(sorted(TRACKED)))
    names = [name for field in KINDS[kind].model_fields for name in names_of(kind, field)]
    changed = draw(
        st.dictionaries(st.sampled_from([*names, "currency"]) | TEXTS, ANYTHING, max_size=4)
    )
    kept = sample_of(kind) if draw(st.booleans()) else {}
    return kind, kept | changed


@given(sent_for_a_kind())
@settings(max_examples=600, deadline=None)
def test_any_json_is_a_touchpoint_of_its_kind_or_refused_with_the_field(
    sent: tuple[str, dict[str, Any]],
) -> None:
    kind, properties = sent
    verdict = verdict_on(track(kind, properties=properties))
    if verdict.kind is not None:
        assert verdict.kind == kind
        return
    letter = DeadLetter.model_validate_json(verdict.output.value)
    assert letter.reason is Reason.BAD_PROPERTIES, letter.detail
    assert letter.field
