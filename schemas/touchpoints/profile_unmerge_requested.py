"""Somebody says that two identifiers are two people."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from schemas.touchpoints.steps import MergeRequest


class ProfileUnmergeRequested(MergeRequest):
    """Somebody says that two identifiers are two people: they are, whatever links them, until a
    later word of a profile_merge_requested about the two. Of a public key it has no effect."""

    kind: Literal["profile_unmerge_requested"] = "profile_unmerge_requested"

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "profile_unmerge_requested",
        "other": {"kind": "phone", "value": "+4930123456"},
        "reason": "the family's telephone",
        "requested_by": "a-17",
    }
