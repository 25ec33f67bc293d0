"""Taking over partitions whose slots may be full."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from services.common.ports import Commit, Move, Place, Store


def claimed(store: Store, partitions: Collection[int]) -> dict[int, Place]:
    """Where they stand. A full slot is claimed by a commit of its own before it is published.

    Else who lost it, and does not know yet, could free it by a check from before that: a stale
    snapshot of ours would come last on the topic, and nobody be left to compare it.
    """
    while True:
        places = store.places(partitions)
        claims = [
            Move(partition, place, replace(place, commits=place.commits + 1))
            for partition, place in places.items()
            if place.slot
        ]
        if not claims or store.commit(Commit(claims)).result == "done":
            return places | {claim.partition: claim.after for claim in claims}
