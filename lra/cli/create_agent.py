"""`lra create-agent`: a folder with an agent of one's own."""

from __future__ import annotations

from pathlib import Path

import typer

from lra.cli import notices, output
from lra.cli.options import HELP

app = typer.Typer(add_completion=False, context_settings=HELP)


@app.command("create-agent")
def create_agent(
    name: str = typer.Argument("my_agent", metavar="NAME", help="What it is called; its folder is made here."),
    prompt: str | None = typer.Option(None, "--prompt", metavar="TEXT", help="What the agent is told."),
    model: str | None = typer.Option(None, "--model", "-m", metavar="NAME", help="The model it is to use."),
    template: str = typer.Option(
        "basic", "--template", "-t", metavar="NAME", help="basic, tool (a Python tool) or team (a specialist)."
    ),
) -> None:
    """Make a folder with an agent of your own: a few short files to change."""
    from lra.agent.models import normalise
    from lra.agent.providers import check_provider
    from lra.agent.scaffold import DEFAULT_PROMPT, check_name, files_of, write_agent
    from lra.config import load_settings
    from lra.errors import UsageError

    folder = Path(check_name(name))
    if folder.exists() or folder.is_symlink():
        raise UsageError(f"{folder} is there already.", hint="Choose another name, or remove it first.")
    if model is not None:
        model = normalise(model, load_settings())
        check_provider(model)
    if prompt is None:
        prompt = notices.ask("What is it to do? [answer questions]") if notices.interactive() else ""
        prompt = prompt or DEFAULT_PROMPT
    files = files_of(name, prompt, model=model, template=template)
    write_agent(folder, files)
    output.write(f"Made {folder}/ with {', '.join(files)}.")
    output.write(f"Talk with it: lra run {folder}")
