"""The `rapport` command: every command of it, by name."""

import typer

from services.cli import doctor, engines, fit

app = typer.Typer(
    name="rapport",
    help="An event-driven customer data platform.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
app.command("up")(engines.up)
app.command("down")(engines.down)
app.command("status")(engines.status)
app.command("doctor")(doctor.doctor)
app.command("fit")(fit.fit)


def main() -> None:
    """Entry point of the installed command."""
    app()


if __name__ == "__main__":
    main()
