"""The phases of the demo: progress bars at a terminal, else a line each; and their seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

Advance = Callable[[int], None]


class Phases:
    """Shows and times what runs; `seconds` holds each phase that ended, by name."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str, title: str, total: int | None = None) -> Iterator[Advance]:
        """Time the block; it may call what it gets to say how much more is done of `total`."""
        began = time.monotonic()
        try:
            if self.console.is_terminal:
                yield from self._with_bar(title, total)
            else:
                yield _unseen
        finally:
            self.seconds[name] = round(time.monotonic() - began, 2)
        mark = "[green]done[/green]" if self.console.is_terminal else "done"
        self.console.print(f"{mark} {title} ({self.seconds[name]:.1f} s)", highlight=False)

    def _with_bar(self, title: str, total: int | None) -> Iterator[Advance]:
        columns = [SpinnerColumn(), TextColumn(title), BarColumn(bar_width=40)]
        columns += [MofNCompleteColumn()] if total else []
        bars = Progress(
            *columns, TimeElapsedColumn(), console=self.console, transient=True, expand=False
        )
        with bars as progress:
            task = progress.add_task(title, total=total)
            yield lambda more: progress.advance(task, more)

    def note(self, text: str) -> None:
        """One line that stays, in the middle of a phase."""
        self.console.print(text, highlight=False)


def _unseen(_: int) -> None:
    """Nobody watches: nothing to draw."""
