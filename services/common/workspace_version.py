"""Which version of a workspace somebody runs: a name for what its files say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from services.common.workspace import Workspace

CHARACTERS: Final = 12


def version_of(workspaces: Mapping[str, Workspace]) -> str:
    """The same for files that say the same, whatever their comments and the order of fields."""
    said = {
        name: workspace.model_dump(mode="json", by_alias=True)
        for name, workspace in workspaces.items()
    }
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:CHARACTERS]
