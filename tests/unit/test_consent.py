"""Consent at the place where the effect happens: who may be told of whom, and until when."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from schemas.base import micros
from schemas.scores import JourneyFacts
from schemas.scores import Permission as Published
from services.common.workspace import Endpoint
from services.journey.domain.consent import Purpose, allows
from services.journey.domain.customer import NEVER, Permission
from services.journey.messages import decode, facts_of
from tests.unit.journey_builders import Known, scores

MAIL = Purpose("email")
ASKED_OR_NOT = Purpose("email", unasked=True)
NOON = 1_000_000


@pytest.mark.parametrize(
    ("said", "strictly", "generously"),
    [
        ((), False, True),
        ((Permission("profiling", allowed=True),), False, True),
        ((Permission("email", allowed=True),), True, True),
        ((Permission("email", allowed=False),), False, False),
        ((Permission("email", allowed=True, until_us=NOON + 1),), True, True),
        ((Permission("email", allowed=True, until_us=NOON),), False, False),
        ((Permission("email", allowed=False, until_us=NOON),), False, False),
    ],
)
def test_the_newest_word_counts_until_it_expires(
    said: tuple[Permission, ...], strictly: bool, generously: bool
) -> None:
    assert allows(said, MAIL, NOON) is strictly
    assert allows(said, ASKED_OR_NOT, NOON) is generously


def test_the_last_day_of_a_permission_still_counts() -> None:
    consent = {
        "sms": Published(allowed=False),
        "email": Published(allowed=True, expires_on=date(2026, 3, 31)),
    }
    message = scores(Known(), 1)
    message = message.model_copy(update={"facts": JourneyFacts(consent=consent)})
    midnight = micros(datetime(2026, 4, 1, tzinfo=UTC))
    assert facts_of(decode(message.model_dump_json().encode())).consents == (
        Permission("email", allowed=True, until_us=midnight),
        Permission("sms", allowed=False, until_us=NEVER),
    )


def test_an_endpoint_for_no_purpose_asks_nobody() -> None:
    with pytest.raises(ValueError, match="there is none"):
        Endpoint(name="crm", url="https://x.example", secret_env="S", unasked="send")
