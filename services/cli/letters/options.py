"""The filters that all commands about dead letters share, written once, and what they mean."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import wraps
from typing import Annotated, Any, Final

import typer

from services.cli.letters.handled import now
from services.cli.letters.letter import Which

Reason = Annotated[str, typer.Option(help="only of this reason")]
Source = Annotated[str, typer.Option(help="only of this source")]
Service = Annotated[str, typer.Option(help="only of this service")]
Workspace = Annotated[str, typer.Option(help="only of this workspace")]
Field = Annotated[str, typer.Option(help="only where this field is wrong")]
RequestId = Annotated[str, typer.Option(help="only of the request that was answered with it")]
Since = Annotated[str, typer.Option(help="only so young: 30m, 12h or 7d")]
Until = Annotated[str, typer.Option(help="only so old: 30m, 12h or 7d")]
Ids = Annotated[list[str] | None, typer.Option("--id", help="only this one; may be repeated")]
State = Annotated[str, typer.Option(help="open, redriven, discarded or all")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object a line, for scripts")]

STATES: Final = ("open", "redriven", "discarded", "suppressed", "all")
_AGE: Final = re.compile(r"(\d{1,5})([mhd])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_ID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def open_ones(
    reason: Reason = "",
    source: Source = "",
    service: Service = "",
    workspace: Workspace = "",
    field: Field = "",
    request_id: RequestId = "",
    since: Since = "",
    until: Until = "",
    id: Ids = None,
) -> Which:
    """The open letters that are meant. BadParameter where a filter can not be read."""
    moments: dict[str, Any] = {}
    if since:
        moments["since"] = _moment("--since", since)
    if until:
        moments["until"] = _moment("--until", until)
    ids = tuple(checked_id(one) for one in id or ())
    return Which(
        reason=reason,
        source=source,
        service=service,
        workspace=workspace,
        field=field,
        request_id=request_id,
        ids=ids,
        **moments,
    )


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """The command with every filter as an option of its own, instead of its first parameter.

    typer reads options off a signature, so that is what is written anew.
    """
    filters = inspect.signature(open_ones, eval_str=True).parameters
    _, *own = inspect.signature(command, eval_str=True).parameters.values()

    @wraps(command)
    def chosen(**given: Any) -> None:
        which = open_ones(**{name: given.pop(name) for name in filters})
        command(which, **given)

    by_name = [
        one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in (*filters.values(), *own)
    ]
    chosen.__signature__ = inspect.Signature(by_name)  # type: ignore[attr-defined]
    chosen.__annotations__ = {one.name: one.annotation for one in by_name}
    return chosen


def in_state(which: Which, state: str) -> Which:
    """Those of another state than open. BadParameter."""
    if state not in STATES:
        raise typer.BadParameter(f"write --state as one of {', '.join(STATES)}")
    return replace(which, state=state)


def checked_id(text: str) -> str:
    """An id as `list` prints it. BadParameter."""
    if not _ID.fullmatch(text):
        raise typer.BadParameter("it is no id; `rapport dead-letters list` prints them")
    return text.lower()


def _moment(option: str, text: str) -> str:
    age = _AGE.fullmatch(text)
    if age is None:
        raise typer.BadParameter(f"write {option} as 30m, 12h or 7d")
    moment: datetime = now() - timedelta(**{_UNITS[age[2]]: int(age[1])})
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")
