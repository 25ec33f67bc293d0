"""Somebody says that two identifiers are one person."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from schemas.touchpoints.steps import MergeRequest


class ProfileMergeRequested(MergeRequest):
    """Somebody says that two identifiers are one person: they are, whatever limits say, until a
    later word of a profile_unmerge_requested about the two. Of a public key it has no effect."""

    kind: Literal["profile_merge_requested"] = "profile_merge_requested"

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "profile_merge_requested",
        "other": {"kind": "email", "value": "ada@x.example"},
        "reason": "same address",
        "requested_by": "a-17",
    }
