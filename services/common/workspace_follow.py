"""The workspaces for a service that works in rounds: what changed counts from the next one on.

A decision of many parts must not see one version in its first and another in its last part. So
the watch only says that there is a newer one, and the loop takes it over between two rounds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from services.common.workspace_files import load_workspaces
from services.common.workspace_watch import Workspaces, WorkspaceWatch, tell


class Followed:
    """`current`: what counts in this round. A context: within it the files are watched."""

    def __init__(self, folder: Path) -> None:
        """WorkspaceError when the files are wrong: without any there is nothing to go on with."""
        self.current: Workspaces = load_workspaces(folder)
        self._newest: Workspaces = self.current
        self._watch = WorkspaceWatch(folder, self.current, self._note, taken=lambda _: None)

    def renewed(self) -> bool:
        """Called by the loop between two rounds: take over what came; whether that is another."""
        newest = self._newest
        if newest is self.current:
            return False
        self.current = newest
        tell(newest)
        return True

    def _note(self, found: Workspaces) -> None:
        """Called by the watch's thread."""
        self._newest = found

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._watch.stop()
