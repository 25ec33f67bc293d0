"""What a person allowed and forbade, as their profile knows it."""

from __future__ import annotations

from uuid import UUID

import msgspec

from schemas.base import to_json
from schemas.profile_api import ShownConsent
from services.profile.api.keys import Holder
from services.profile.api.people import Found
from services.profile.snapshot import snapshot


def consent_of(holder: Holder, found: Found) -> bytes:
    """As JSON: purpose to the newest word on it."""
    home = found.home
    currency = holder.premises.workspace.currency
    shown = msgspec.json.decode(snapshot(home.component, found.person, home.version, currency))
    return to_json(
        ShownConsent(
            profile_id=UUID(bytes=found.id),
            version=home.version,
            consent=shown.get("consent", {}),
        )
    )
