"""Specialists that people write as Markdown files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lra.agent.specialists import BUILT_IN, MAX_REQUESTS, MAX_SECONDS, MOST, Specialist
from lra.config import Settings
from lra.config.front_matter import read_front_matter
from lra.errors import ConfigError, UsageError
from lra.text import clean_text

_FIELDS = ("name", "description", "instructions", "model", "tools", "max_requests", "max_seconds")
USER_FOLDER = "agents"
PROJECT_FOLDER = Path(".lra", "agents")


def read_specialist(path: Path, source: str) -> Specialist:
    """Return the specialist that a Markdown file describes. Blocks: it reads the file.

    Args:
        path: The file: fields between `---` lines, and the instructions below them.
        source: Where it lies, for listings.

    Raises:
        ConfigError: The file describes none; the sentence names it.
    """
    fields, body = read_front_matter(path)
    if unknown := sorted(fields.keys() - set(_FIELDS)):
        raise ConfigError(f"{path}: there is no field {unknown[0]!r}.", hint=f"There are: {', '.join(_FIELDS)}.")
    instructions = clean_text(str(fields.get("instructions") or "") + "\n\n" + body).strip()
    try:
        return Specialist(
            name=str(fields.get("name") or path.stem).strip(),
            description=clean_text(str(fields.get("description") or "")).strip(),
            instructions=instructions,
            model=str(fields["model"]).strip() if fields.get("model") not in (None, "", "inherit") else None,
            tools=_tools(fields.get("tools")),
            max_requests=int(fields.get("max_requests") or MAX_REQUESTS),
            max_seconds=float(fields.get("max_seconds") or MAX_SECONDS),
            source=source,
            path=path,
        )
    except UsageError as error:
        raise ConfigError(f"{path}: {error.message}", hint=error.hint) from None
    except (TypeError, ValueError):
        raise ConfigError(f"{path}: max_requests and max_seconds are numbers, tools is a list of names.") from None


def _tools(value: Any) -> tuple[str, ...] | None:
    """Return the names of tools, written as a list or with commas between them; `all` or nothing is None."""
    if value is None or value == "all":
        return None
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(value)
    return tuple(name.strip() for name in names if name.strip())


def folders(settings: Settings) -> list[tuple[Path, str]]:
    """Return where a person's specialists lie; those of a project count in a trusted folder alone."""
    project = [(settings.folder / PROJECT_FOLDER, "project")] if settings.trusted else []
    return [(settings.home / USER_FOLDER, "user"), *project]


def ignored(settings: Settings) -> list[str]:
    """Return a sentence when a folder that is not trusted describes specialists. Blocks: it looks for files."""
    folder = settings.folder / PROJECT_FOLDER
    if settings.trusted or not any(folder.glob("*.md")):
        return []
    return [f"The specialists in {folder} are ignored until you trust this folder (run `lra init --trust`)."]


def find_specialists(
    places: Iterable[tuple[Path, str]], more: Sequence[Specialist] = ()
) -> tuple[list[Specialist], list[str]]:
    """Return the built-in specialists and those of the places, and a sentence for each file that is none.

    A later one takes the place of an earlier one of the same name. Blocks: it reads files.

    Args:
        places: Folders with Markdown files, and what to call them.
        more: Specialists defined in Python; they come last.
    """
    found = {each.tool: each for each in BUILT_IN}
    problems: list[str] = []
    for folder, source in places:
        try:
            paths = sorted(path for path in folder.glob("*.md") if path.is_file() and path.name.lower() != "readme.md")
        except OSError:
            continue
        for path in paths:
            try:
                each = read_specialist(path, source)
            except ConfigError as error:
                problems.append(f"A specialist was left out. {error}")
                continue
            found[each.tool] = each
    found |= {each.tool: each for each in more}
    kept = list(found.values())
    if len(kept) > MOST:
        problems.append(f"Only {MOST} of {len(kept)} specialists are used.")
    return kept[:MOST], problems
