"""A typer program of about the size of lra's command line, written as typer's own tutorial does it."""

from __future__ import annotations

import typer

app = typer.Typer(name="reference", help="A program with a few commands, for comparison.")


@app.callback()
def root(verbose: bool = typer.Option(False, "--verbose", help="Say more.")) -> None:
    """A program with a few commands, for comparison."""


@app.command()
def init(
    folder: str = typer.Argument(".", help="Where."), force: bool = typer.Option(False, help="Overwrite.")
) -> None:
    """Set up this folder: model, key, and where memory lives."""


@app.command()
def chat(
    text: str | None = typer.Option(None, "--print", "-p", metavar="TEXT", help="Answer once and end."),
    resume: str | None = typer.Option(None, "--resume", "-r", metavar="ID", help="Go on with this session."),
    model: str | None = typer.Option(None, "--model", "-m", metavar="NAME", help="Model to use."),
    plain: bool = typer.Option(False, "--plain", help="No colour, no redrawing."),
) -> None:
    """Talk, or take one turn with -p."""


@app.command()
def config(as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Show every setting and where it came from."""


@app.command()
def doctor() -> None:
    """Check that everything works, and say what to do where it does not."""


@app.command()
def memory(query: str = typer.Argument(..., help="Words."), limit: int = typer.Option(10, "--limit", "-n")) -> None:
    """Add, search, change and forget memories."""


@app.command()
def sessions(as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """List, read, search, rename and delete conversations."""


@app.command()
def tasks(status: str = typer.Option("", help="Only these."), as_json: bool = typer.Option(False, "--json")) -> None:
    """List, add and finish tasks."""


if __name__ == "__main__":
    app()
