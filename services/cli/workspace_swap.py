"""A draft folder becomes the running one at once; the former version stays beside it.

The services never see half of it: the whole folder is exchanged for its copy.
"""

from __future__ import annotations

import ctypes
import os
import shutil
from pathlib import Path
from typing import Final

from services.common.workspace_watch import DEPTHS

AT_FDCWD: Final = -100
RENAME_EXCHANGE: Final = 2


class SwapError(Exception):
    """The folder stays as it was; the message says why and what to do."""


def former_of(running: Path) -> Path:
    """Where the version before the running one is kept."""
    return running.with_name(f"{running.name}.former")


def swap(draft: Path, running: Path) -> None:
    """Make a copy of the draft's files the running folder. SwapError when that can not be."""
    draft, running = draft.resolve(), running.resolve()
    if running.exists() and (others := _others(running)):
        what = f"{running} holds more than a workspace ({others[0]})"
        raise SwapError(f"{what}; apply to a folder of its own, for example a copy of its YAML")
    new = running.with_name(f".{running.name}.{os.getpid()}.new")
    try:
        _copy(draft, new)
        if running.exists():
            _exchange(new, running)
            shutil.rmtree(former_of(running), ignore_errors=True)
            new.rename(former_of(running))
        else:
            new.rename(running)
    except OSError as error:
        mend = "let this user write beside it; of a mounted folder, apply where it is mounted from"
        raise SwapError(f"{running} can not be exchanged: {error.strerror}; {mend}") from None
    finally:
        shutil.rmtree(new, ignore_errors=True)


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


def _exchange(one: Path, other: Path) -> None:
    """In one step, else in two: between them there is no folder, and readers keep what they had."""
    if exchanged(one, other):
        return
    aside = other.with_name(f"{one.name}.aside")
    other.rename(aside)
    one.rename(other)
    aside.rename(one)
