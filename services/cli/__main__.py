"""The `rapport` command: every command of it, by name."""

import sys
from importlib import import_module

import typer

# Where each command is. Only the one that is asked for is imported: some load much.
COMMANDS = {
    "up": "services.cli.engines:up",
    "down": "services.cli.engines:down",
    "status": "services.cli.engines:status",
    "doctor": "services.cli.doctor:doctor",
    "live": "services.cli.live:live",
    "serve": "services.cli.serve:serve",
    "import": "services.cli.importing:import_file",
    "fit": "services.cli.fit:fit",
    "query": "services.cli.query:query",
    "demo": "services.cli.demo.command:demo",
    "position": "services.cli.position:app",
    "rebuild": "services.cli.rebuild.command:app",
    "webhooks": "services.cli.webhooks:app",
    "workspace": "services.cli.workspace:app",
    "plan": "services.cli.plans.command:app",
    "dead-letters": "services.cli.dead_letters:app",
    "suppress": "services.cli.suppress.command:app",
    "identity": "services.cli.identity.command:app",
    "audit": "services.cli.audit.command:app",
    "export": "services.cli.export:export",
    "erase": "services.cli.erase.command:erase",
}


def app(*names: str) -> typer.Typer:
    """The command line of these commands."""
    built = typer.Typer(
        name="rapport", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False
    )
    built.callback()(rapport)
    for name in names:
        module, _, function = COMMANDS[name].partition(":")
        loaded = getattr(import_module(module), function)
        if isinstance(loaded, typer.Typer):
            built.add_typer(loaded, name=name)
        else:
            built.command(name)(loaded)
    return built


def rapport() -> None:
    """An event-driven customer data platform."""


def main() -> None:
    """Entry point of the installed command."""
    asked = sys.argv[1] if len(sys.argv) > 1 else ""
    app(*([asked] if asked in COMMANDS else COMMANDS))()


if __name__ == "__main__":
    main()
