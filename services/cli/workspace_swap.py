"""A draft folder becomes the running one at once; the former version stays beside it.

The services never see half of it: the whole folder is exchanged for its copy.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import getpass
import os
import shutil
import socket
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Final

from services.common.workspace_watch import DEPTHS

AT_FDCWD: Final = -100
RENAME_EXCHANGE: Final = 2
MEND: Final = "let this user write beside it; of a mounted folder, apply where it is mounted from"


class SwapError(Exception):
    """The folder stays as it was; the message says why and what to do."""


class FormerError(Exception):
    """The draft is the running version; the one before it is kept in `kept`, not as the former."""

    def __init__(self, message: str, kept: Path) -> None:
        super().__init__(message)
        self.kept = kept


def former_of(running: Path) -> Path:
    """Where the version before the running one is kept."""
    return running.with_name(f"{running.name}.former")


@contextlib.contextmanager
def alone(running: Path) -> Iterator[None]:
    """Nobody else applies to this folder meanwhile. SwapError names who does.

    The system lets the lock go when its holder dies, so the file may stay.
    """
    path = running.resolve().with_name(f".{running.resolve().name}.lock")
    try:
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise SwapError(f"{path} can not be opened: {error.strerror}; {MEND}") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "somebody"
            what = f"{holder} is applying to {running}"
            raise SwapError(f"{what}; wait until that is done, then plan again") from None
        file.truncate(0)
        file.write(f"{getpass.getuser()} (process {os.getpid()} on {socket.gethostname()})")
        file.flush()
        yield


def swap(draft: Path, running: Path) -> None:
    """Make a copy of the draft's files the running folder. SwapError when that can not be.

    FormerError: it is the running one, but the former version could not be put beside it.
    """
    draft, running = draft.resolve(), running.resolve()
    if running.exists() and (others := _others(running)):
        what = f"{running} holds more than a workspace ({others[0]})"
        raise SwapError(f"{what}; apply to a folder of its own, for example a copy of its YAML")
    new = _free_beside(running)
    try:
        _copy(draft, new)
        if not running.exists():
            new.rename(running)
            return
        before = _exchange(new, running)
    except OSError as error:
        shutil.rmtree(new, ignore_errors=True)
        raise SwapError(f"{running} can not be exchanged: {error.strerror}; {MEND}") from None
    _keep(before, former_of(running))


def _free_beside(running: Path) -> Path:
    """A name that nothing has: what an earlier apply could not put away is not touched."""
    names = (running.with_name(f".{running.name}.{number}.new") for number in count(1))
    return next(path for path in names if not path.exists())


def _keep(exchanged_for: Path, former: Path) -> None:
    """Put what was the running version where the former one is kept; it is never deleted."""
    try:
        if former.exists():
            shutil.rmtree(former)
        exchanged_for.rename(former)
    except OSError as error:
        what = f"the draft is the running version, but {former} can not be replaced"
        mend = f"what was running before is in {exchanged_for}"
        raise FormerError(f"{what}: {error.strerror}; {mend}", exchanged_for) from None


def _files(folder: Path) -> list[Path]:
    return sorted({path for deep in DEPTHS for path in folder.glob(deep)})


def _others(folder: Path) -> list[Path]:
    known = set(_files(folder))
    return sorted(path for path in folder.rglob("*") if path.is_file() and path not in known)


def _copy(draft: Path, new: Path) -> None:
    new.mkdir(parents=True)
    for path in _files(draft):
        target = new / path.relative_to(draft)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def exchanged(one: Path, other: Path) -> bool:
    """Each is where the other was, in one step; False where the system can not (Linux can)."""
    call = getattr(ctypes.CDLL(None), "renameat2", None)
    here = (AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE)
    return call is not None and call(*here) == 0


def _exchange(one: Path, other: Path) -> Path:
    """Where `other` is now. In one step, else in two: between them there is no folder, and readers
    keep what they had."""
    if exchanged(one, other):
        return one
    aside = other.with_name(f"{one.name}.aside")
    other.rename(aside)
    try:
        one.rename(other)
    except OSError:
        aside.rename(other)
        raise
    return aside
