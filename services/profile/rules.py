"""identity.yaml → the rules by which profile groups people."""

from __future__ import annotations

from zlib import crc32

from services.common.spelling import Spellings
from services.common.workspace import Workspace
from services.profile.domain.component import kind_code
from services.profile.domain.grouping import GROUPING
from services.profile.domain.people import Rules

_DAY_US = 86_400_000_000


def rules_of(workspace: Workspace) -> Rules:
    """The identity rules as the domain reads them."""
    identity = workspace.identity
    kinds = {kind_code(rule.kind): rule for rule in identity.kinds}
    blocked = Spellings(identity).blocked  # as at the door
    said = [
        (
            rule.kind,
            rule.limit,
            rule.window_days,
            rule.makes_known,
            rule.joins_known,
            rule.hub_degree_max,
            sorted(blocked[rule.kind]),
            rule.blocked_patterns,
        )
        for rule in identity.kinds
    ]
    return Rules(
        limits={code: rule.limit for code, rule in kinds.items()},
        ranks={code: rank for rank, code in enumerate(kinds)},
        hub_degree_max=identity.hub_degree_max,
        mark=crc32(repr((GROUPING, said, identity.hub_degree_max)).encode()),
        windows_us={
            code: round(rule.window_days * _DAY_US)
            for code, rule in kinds.items()
            if rule.window_days is not None
        },
        attaching=frozenset(code for code, rule in kinds.items() if not rule.joins_known),
        hub_degrees={
            code: rule.hub_degree_max
            for code, rule in kinds.items()
            if rule.hub_degree_max is not None
        },
        known=frozenset(code for code, rule in kinds.items() if rule.makes_known),
        blocked={kind_code(kind): values for kind, values in blocked.items() if values},
        patterns={
            code: rule.blocked_by_pattern() for code, rule in kinds.items() if rule.blocked_patterns
        },
    )
