"""Which kind a call is, and how its properties fit the kind."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from schemas.dead_letter import Reason
from tests.unit.ingest_builders import accepted, order, refused, track


def properties(call: dict[str, Any]) -> dict[str, Any]:
    return accepted(call).properties.model_dump()


@pytest.mark.parametrize(
    "name", ["Order Completed", "order_completed", "order completed", " ORDER-COMPLETED "]
)
def test_an_event_is_known_by_any_usual_spelling_of_its_name(name: str) -> None:
    call = order()
    assert accepted(call | {"event": name}).properties.kind == "order_completed"


def test_an_unknown_event_is_custom_and_kept_whole() -> None:
    kept = properties(track("Wishlist Shared", properties={"size": 3, "note": None, "kind": "x"}))
    assert kept == {
        "kind": "custom",
        "name": "Wishlist Shared",
        "properties": {"size": 3, "note": None, "kind": "x"},
    }


def test_products_of_an_order_become_its_lines() -> None:
    products = [{"product_id": 17, "sku": None, "category": "rock", "quantity": 2, "price": 14.66}]
    sold = properties(order(total=29.33, products=products))
    assert sold["total"] == {"amount": Decimal("29.33"), "currency": "USD"}
    assert sold["lines"] == (
        {
            "sku": "17",
            "category": "rock",
            "quantity": Decimal(2),
            "price": Decimal("14.66"),
            "cost": None,
        },
    )
    assert "products" not in sold


def test_products_stay_beside_the_lines_when_they_say_more() -> None:
    sold = properties(order(products=[{"sku": "CD-1", "brand": "4AD"}]))
    assert sold["lines"][0]["sku"] == "CD-1"
    assert sold["products"] == [{"sku": "CD-1", "brand": "4AD"}]


def test_revenue_stands_in_for_a_missing_total_and_stays_beside_it() -> None:
    assert properties(order(total=None, revenue="7.5"))["total"]["amount"] == Decimal("7.5")
    both = properties(order(total=9, revenue=7))
    assert (both["total"]["amount"], both["revenue"]) == (Decimal(9), 7)


def test_a_currency_is_the_senders_else_the_workspaces() -> None:
    assert properties(order(currency="eur"))["total"]["currency"] == "EUR"
    assert properties(order(currency=None))["total"]["currency"] == "USD"


def test_a_refund_is_positive_however_it_was_booked() -> None:
    call = track("Order Refunded", properties={"order_id": 5, "total": -14.66})
    refund = properties(call)
    assert (refund["order_id"], refund["total"]["amount"]) == ("5", Decimal("14.66"))


def test_calls_complaints_and_surveys_are_read_as_systems_write_them() -> None:
    call = properties(track("Call Completed", properties={"duration": "12.5", "agent_id": 7}))
    assert (call["duration_s"], call["agent"]) == (12.5, "7")
    complaint = properties(track("Complaint Received", properties={"id": 9, "severity": "High"}))
    assert (complaint["complaint_id"], complaint["severity"]) == ("9", 3)
    handled = properties(track("Complaint Handled", properties={"id": "9", "cost": 3}))
    assert handled["cost"] == {"amount": Decimal(3), "currency": "USD"}
    survey = properties(track("Survey Answered", properties={"survey_type": "NPS", "rating": 9}))
    assert (survey["survey"], survey["score"]) == ("nps", 9)


def test_a_property_called_kind_does_not_change_the_kind() -> None:
    sold = properties(order(kind="custom"))
    assert (sold["kind"], sold["kind_sent"]) == ("order_completed", "custom")


def test_a_page_takes_its_address_from_the_context_when_its_properties_have_none() -> None:
    context = {"page": {"url": "https://x.example/", "title": "X"}}
    page = {"type": "page", "userId": "u", "messageId": "m", "name": "Home", "context": context}
    seen = properties(page)
    assert (seen["kind"], seen["url"], seen["name"]) == (
        "page_viewed",
        "https://x.example/",
        "Home",
    )


@pytest.mark.parametrize(
    ("found", "field"),
    [
        (order(order_id=None), "order_id"),
        (order(total="NaN"), "total.amount"),
        (order(total="Infinity"), "total.amount"),
        (order(total=True), "total.amount"),
        (order(total=None), "total"),
        (order(total=1e300), "total.amount"),
        (order(currency="dollars"), "total.currency"),
        (order(products=[7]), "lines.0"),
        (order(products="CD-1"), "lines"),
        (order(products=[{"quantity": 1}]), "lines.0.sku"),
        (track("Survey Answered", properties={"survey": "nps", "score": 11}), None),
        (track("Product Viewed", properties={"sku": ["a"]}), "sku"),
        (track(properties=[1]), "properties"),
        (track(context="web"), "context"),
        (track("x" * 201), "name"),
        ({"type": "group", "userId": "u", "messageId": "m"}, "groupId"),
        ({"type": "identify", "userId": "u", "messageId": "m", "traits": 1}, "traits"),
    ],
)
def test_properties_that_do_not_fit_are_refused_with_their_field(
    found: dict[str, Any], field: str | None
) -> None:
    letter = refused(found)
    assert letter.reason is Reason.BAD_PROPERTIES
    assert field is None or (letter.field or "").startswith(field.partition(".")[0])


def test_only_the_useful_context_is_kept_and_it_is_bounded() -> None:
    context = {
        "library": {"name": "analytics.js", "version": "2", "odd": 1},
        "ip": "203.0.113.9",
        "userAgent": "M" * 5_000,
        "page": {"url": "https://x.example/", "search": "?a"},
        "os": "linux",
        "locale": None,
    }
    touchpoint = accepted(track(context=context))
    assert touchpoint.context == {
        "library": {"name": "analytics.js", "version": "2"},
        "userAgent": "M" * 1_000,
        "page": {"url": "https://x.example/"},
    }
    assert touchpoint.channel == "web"


@pytest.mark.parametrize(
    ("call", "channel"),
    [
        (track(context={"channel": "shop", "library": {"name": "analytics-ios"}}), "shop"),
        (track(context={"library": {"name": "analytics-ios"}}), "app"),
        (track(context={"library": {"name": "analytics-python"}}), None),
        (track("Call Completed"), "phone"),
        ({"type": "screen", "messageId": "m", "userId": "u"}, "app"),
        ({"type": "page", "messageId": "m", "userId": "u"}, "web"),
        (track("Complaint Received", properties={"id": 1, "channel": "email"}), "email"),
    ],
)
def test_the_channel_is_as_said_else_by_kind_else_by_library(
    call: dict[str, Any], channel: str | None
) -> None:
    assert accepted(call).channel == channel


def test_a_batchs_context_goes_under_each_items_own() -> None:
    """Spec: batch-level context merges into each item."""
    shared = {"locale": "de", "library": {"name": "analytics.js"}, "timezone": "Europe/Berlin"}
    call = track(context={"locale": "en", "timezone": None})
    kept = accepted(call, context=shared).context
    assert (kept["locale"], kept["timezone"]) == ("en", "Europe/Berlin")
    assert kept["library"] == {"name": "analytics.js"}


def test_explicit_nulls_are_as_if_nothing_was_sent() -> None:
    """They are common (rudder Go and Node)."""
    call = track(
        properties=None, context=None, traits=None, anonymousId=None, sentAt=None, channel=None
    )
    assert accepted(call).properties.kind == "custom"


@pytest.mark.parametrize("name", [None, "", "  ", 5, ["x"]])
def test_a_track_needs_the_name_of_its_event(name: object) -> None:
    assert refused(track(name)).reason is Reason.NO_EVENT_NAME


@pytest.mark.parametrize("name", [None, "", "batch", 5, ["track"]])
def test_a_call_of_no_known_type_is_refused(name: object) -> None:
    assert refused(track() | {"type": name}).reason is Reason.UNKNOWN_TYPE
