"""Every metric of profile, described. Counted when a batch is committed, not when it is decided."""

from __future__ import annotations

from dataclasses import dataclass, field

from prometheus_client import Counter

EVENTS = Counter("rapport_profile_events", "Events folded into profiles")
DUPLICATES = Counter("rapport_profile_duplicates_dropped", "Events whose message id was known")
DEAD_LETTERS = Counter(
    "rapport_profile_dead_letters", "Records refused, by reason", labelnames=("reason",)
)
SNAPSHOTS = Counter("rapport_profile_snapshots", "Snapshots of profiles published")
MERGES = Counter("rapport_profile_merges", "Profiles that joined another one")
REDIRECTS = Counter("rapport_profile_redirects", "Redirects published")
ERASED = Counter("rapport_profile_erased", "Identifiers of people who were erased")
ERASED_DROPPED = Counter(
    "rapport_profile_erased_dropped", "Events dropped since they name somebody who was erased"
)
LOOSE_LINKS = Counter(
    "rapport_profile_loose_links",
    "Links told at their ends only: of a hub, an absorbed identifier, a public key, or too many",
)

CONTRIBUTIONS = Counter(
    "rapport_accounts_contributions", "Newer snapshots of people who belong or belonged to accounts"
)
OUTDATED = Counter("rapport_accounts_outdated", "Snapshots skipped, since a newer one was known")
ACCOUNTS = Counter("rapport_accounts_snapshots", "Snapshots of accounts published")


@dataclass(slots=True)
class AccountCounts:
    """What one decision on accounts did."""

    people: int = 0
    outdated: int = 0
    accounts: int = 0
    dead_letters: dict[str, int] = field(default_factory=dict)

    def refuse(self, reason: str) -> None:
        """One more dead letter."""
        self.dead_letters[reason] = self.dead_letters.get(reason, 0) + 1

    def publish(self) -> None:
        """Add to the counters."""
        CONTRIBUTIONS.inc(self.people)
        OUTDATED.inc(self.outdated)
        ACCOUNTS.inc(self.accounts)
        for reason, times in self.dead_letters.items():
            DEAD_LETTERS.labels(reason).inc(times)


@dataclass(slots=True)
class Counts:
    """What one decision did."""

    events: int = 0
    duplicates: int = 0
    snapshots: int = 0
    merges: int = 0
    redirects: int = 0
    loose_links: int = 0
    erased: int = 0
    erased_dropped: int = 0
    dead_letters: dict[str, int] = field(default_factory=dict)

    def publish(self) -> None:
        """Add to the counters."""
        EVENTS.inc(self.events)
        DUPLICATES.inc(self.duplicates)
        SNAPSHOTS.inc(self.snapshots)
        MERGES.inc(self.merges)
        REDIRECTS.inc(self.redirects)
        LOOSE_LINKS.inc(self.loose_links)
        ERASED.inc(self.erased)
        ERASED_DROPPED.inc(self.erased_dropped)
        for reason, times in self.dead_letters.items():
            DEAD_LETTERS.labels(reason).inc(times)
