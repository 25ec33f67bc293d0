"""The example workspace with another limit of age, for runs whose effects must not hang on it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Final

from services.cli.services import PROJECT

EXAMPLE: Final = PROJECT / "deploy" / "workspace"
MAIN: Final = "workspace.yaml"
AGE_LIMIT: Final = re.compile(r"^(effects_max_age_days: ).*$", re.MULTILINE)


def example_workspace(home: Path, effects_max_age_days: float) -> Path:
    """A copy in this home, which must not have one."""
    made = home / "workspace"
    shutil.copytree(EXAMPLE, made)
    text = (made / MAIN).read_text()
    text, lines = AGE_LIMIT.subn(rf"\g<1>{effects_max_age_days:.6f}", text)
    assert lines == 1, f"{MAIN} of the example says effects_max_age_days {lines} times"
    (made / MAIN).write_text(text)
    return made
