"""lifecycle.changed, alerts.raised, actions.requested → signed webhooks, with retries over days."""

from __future__ import annotations

from services.common.settings import Settings


def run(settings: Settings) -> None:
    """Deliver until SIGTERM. Blocks; call it from the main thread."""
    from services.journey.deliver.service import run  # Faust is heavy: decide need not load it

    run(settings)
