"""The workspace's files, read again when they change: a wrong file takes nothing down."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from services.common.workspace import Workspace
from services.common.workspace_files import WorkspaceError, load_workspaces
from services.common.workspace_metrics import REFUSED, RELOADS, VERSION
from services.common.workspace_version import version_of

log = logging.getLogger(__name__)

#: A change counts once two looks in a row have seen it: an editor may be half way through.
LOOK_EVERY_S: Final = 1.0

#: Of one workspace or of several, which may have folders of their own.
DEPTHS: Final = ("*.yaml", "*/*.yaml", "*/*/*.yaml")
#: Path, time of the last change, size and inode of each file.
Seen = tuple[tuple[str, int, int, int], ...]
Workspaces = Mapping[str, Workspace]


def tell(workspaces: Workspaces) -> None:
    """Say which version is in use, now that it is."""
    VERSION.clear()
    VERSION.labels(version_of(workspaces)).set(1)


class WorkspaceWatch:
    """Hands over the workspaces of a folder whenever they changed and are right.

    `taken`: what is said once `changed` has returned; who uses them later says so itself.
    """

    def __init__(
        self,
        folder: Path,
        workspaces: Workspaces,
        changed: Callable[[Workspaces], None],
        taken: Callable[[Workspaces], None] = tell,
    ) -> None:
        self._folder = folder
        self._current = workspaces
        tell(workspaces)
        self._changed = changed
        self._told = taken
        # nothing: the files may have changed since they were read
        self._read: Seen = ()
        self._last: Seen = ()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="workspace", daemon=True)

    def start(self) -> WorkspaceWatch:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def look(self) -> None:
        """One look at the files; read again when they have changed and rest."""
        last, self._last = self._last, _seen(self._folder)
        if self._last != last or self._last == self._read:
            return
        self._read = self._last
        try:
            found = load_workspaces(self._folder)
        except WorkspaceError as error:
            RELOADS.labels("refused").inc()
            REFUSED.set(1)
            log.error("the workspace stays as it was, since its files are wrong:\n%s", error)
            return
        if _seen(self._folder) == self._read:  # else half of it may be of another version
            self._take(found)

    def _take(self, found: Workspaces) -> None:
        REFUSED.set(0)
        if found == self._current:
            return
        if found.keys() != self._current.keys():
            log.warning("workspaces were added or removed: restart the services for that")
            found = {name: found.get(name, known) for name, known in self._current.items()}
        self._current = found
        self._changed(found)
        self._told(found)
        RELOADS.labels("taken").inc()
        log.info("the workspace's files were read again")

    def _run(self) -> None:
        while not self._stopped.wait(LOOK_EVERY_S):
            try:
                self.look()
            except Exception:
                log.exception("could not look at the workspace's files; trying again")


def _seen(folder: Path) -> Seen:
    found = []
    for path in sorted({path for deep in DEPTHS for path in folder.glob(deep)}):
        try:
            stat = path.stat()
        except OSError:  # gone between two calls, or a link that leads nowhere for a moment
            continue
        found.append((str(path), stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return tuple(found)
