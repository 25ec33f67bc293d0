"""Snapshots and models as the scoring tests publish them."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from schemas.base import micros, to_json
from schemas.model import Model
from schemas.profile import Profile, Purchases
from schemas.topics import PROFILES
from services.scoring.domain.purchases import facts_of
from tests.unit.scoring_builders import FITTED_AT, sample, sample_model

EPOCH_DAY = date(1970, 1, 1)


def profile_id(number: int) -> UUID:
    """The id of the numbered profile."""
    return UUID(int=number + 1)


def snapshot(number: int, version: int = 0, workspace: str = "demo") -> Profile:
    """The numbered customer of the CDNOW sample as a profile; `version` counts from FITTED_AT."""
    facts = facts_of(sample())
    return Profile(
        workspace=workspace,
        profile_id=profile_id(number),
        version=micros(FITTED_AT) + version,
        updated_at=FITTED_AT,
        first_seen_at=FITTED_AT,
        purchases=Purchases(
            orders=int(facts.orders[number]),
            revenue=Decimal(f"{facts.revenue[number]:.2f}"),
            repeat_revenue=Decimal(f"{facts.repeat_revenue[number]:.2f}"),
            purchase_days=int(facts.purchase_days[number]),
            first_day=EPOCH_DAY + timedelta(int(facts.first_day[number])),
            last_day=EPOCH_DAY + timedelta(int(facts.last_day[number])),
            last_order_at=FITTED_AT,
        ),
    )


def visitor(number: int) -> Profile:
    """A profile that never ordered."""
    return snapshot(number).model_copy(update={"purchases": Purchases()})


def redirect(number: int, into: int) -> Profile:
    """The numbered profile after it joined another one."""
    return Profile(
        workspace="demo",
        profile_id=profile_id(number),
        version=micros(FITTED_AT) + 9,
        updated_at=FITTED_AT,
        merged_into=profile_id(into),
    )


def model(workspace: str = "demo", later_us: int = 0) -> Model:
    """The sample's model; `later_us` makes a newer version of it."""
    found = sample_model()
    return found.model_copy(update={"workspace": workspace, "version": found.version + later_us})


def published(profile: Profile) -> bytes:
    """A profile as it travels."""
    return to_json(profile)


class Message:
    """What a consumer gives of profiles.changed."""

    def __init__(self, partition: int, offset: int, value: bytes) -> None:
        self._content = (partition, offset, value)

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return PROFILES.name

    def partition(self) -> int:
        return self._content[0]

    def offset(self) -> int:
        return self._content[1]

    def key(self) -> bytes:
        return b"key"

    def value(self) -> bytes:
        return self._content[2]

    def headers(self) -> list[tuple[str, bytes]]:
        return [("ce_source", b"rapport/demo")]
