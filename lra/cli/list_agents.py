"""`lra list-agents`: agents in folders, and specialists."""

from __future__ import annotations

from pathlib import Path

import typer

from lra.cli import output
from lra.cli.options import HELP, Json

app = typer.Typer(add_completion=False, context_settings=HELP)


@app.command("list-agents")
def list_agents(
    path: Path = typer.Argument(Path("."), metavar="PATH", help="The folder to look in."),
    as_json: Json = False,
) -> None:
    """List the agents in this folder and yours, and the specialists; nothing of them is run."""
    from lra.agent.folders import find_agents
    from lra.agent.specialist_files import find_specialists, folders, ignored
    from lra.cli import notices
    from lra.config import load_settings

    settings = load_settings()
    found = [
        {"kind": "agent", "name": name, "description": about, "source": "folder", "path": str(folder)}
        for name, folder, about in find_agents(path, settings.home)
    ]
    specialists, problems = find_specialists(folders(settings))
    found += [
        {
            "kind": "specialist",
            "name": each.name,
            "description": each.description,
            "source": each.source,
            "path": str(each.path or ""),
        }
        for each in specialists
    ]
    for problem in [*problems, *ignored(settings)]:
        notices.say(f"lra: {problem}")
    if as_json:
        output.write_json(found)
        return
    output.write_table(
        ["KIND", "NAME", "FROM", "ABOUT"],
        [[each["kind"], each["name"], each["path"] or each["source"], each["description"]] for each in found],
        wide="ABOUT",
        spare="FROM",
    )
