"""Skills: folders with a `SKILL.md`, of which a model is told the names, and reads the rest when it needs it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_ai import FunctionToolset, RunContext, Tool
from pydantic_ai.exceptions import ToolFailed
from pydantic_ai.toolsets import AbstractToolset

from lra.config import Settings
from lra.config.front_matter import read_front_matter
from lra.errors import ConfigError, LraError
from lra.text import clean_text, one_line
from lra.tools.deps import AgentDeps

FILE = "SKILL.md"
MOST = 100
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.IGNORECASE)
_MOST_DESCRIPTION = 1024
_MOST_TEXT = 50_000
"""Characters of a file that go to the model."""
_MOST_BYTES = 1_000_000
_MOST_FILES = 50

CATALOGUE = (
    "Skills are instructions for particular kinds of work. When one fits what is asked, read it with `load_skill` "
    "before you begin. There are:"
)


@dataclass(frozen=True, slots=True)
class Skill:
    """One skill, as its front matter describes it."""

    name: str
    description: str
    folder: Path
    source: str
    """`user` or `project`."""

    @property
    def path(self) -> Path:
        """Its file."""
        return self.folder / FILE


def places(settings: Settings) -> list[tuple[Path, str]]:
    """Return where skills lie; those of a project count in a trusted folder alone."""
    user = [(settings.home / "skills", "user")]
    if not settings.trusted:
        return user
    return [*user, (settings.folder / "skills", "project"), (settings.folder / ".lra" / "skills", "project")]


def find_skills(folders: Iterable[tuple[Path, str]]) -> tuple[list[Skill], list[str]]:
    """Return the skills by name, a later place before an earlier one, and what was left out. Blocks: it reads files.

    Args:
        folders: Where to look, and what to call it.
    """
    found: dict[str, Skill] = {}
    problems: list[str] = []
    for folder, source in folders:
        try:
            files = sorted(each for each in folder.glob(f"*/{FILE}") if each.is_file())
            if source != "user":
                # A link could lead to something of the person's that no project is to read.
                files = [each for each in files if each.resolve().is_relative_to(folder.resolve())]
        except OSError:
            continue
        for path in files:
            try:
                skill = _read(path, source)
            except ConfigError as error:
                problems.append(f"A skill was left out. {error}")
                continue
            found[skill.name] = skill
    kept = sorted(found.values(), key=lambda skill: skill.name)
    if len(kept) > MOST:
        problems.append(f"Only {MOST} of {len(kept)} skills are used.")
    return kept[:MOST], problems


def _read(path: Path, source: str) -> Skill:
    fields, _ = read_front_matter(path)
    name = str(fields.get("name") or path.parent.name).strip()
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{path}: {one_line(name, 60)!r} is no name for a skill.", hint="Use letters, digits, - and _."
        )
    description = one_line(clean_text(str(fields.get("description") or "")), _MOST_DESCRIPTION)
    if not description:
        raise ConfigError(f"{path}: it has no description.", hint="Say in one sentence what it is for, and when.")
    return Skill(name, description, path.parent, source)


def read_skill(skill: Skill, file: str = "") -> str:
    """Return what a skill says, or one of the files in its folder. Blocks.

    Args:
        skill: The skill.
        file: A path in its folder; `SKILL.md` without its front matter by default.

    Raises:
        LraError: There is no such file, it is no text, or it lies elsewhere.
    """
    if not file or file == FILE:
        _, text = read_front_matter(skill.path)
        others = _others(skill)
        listed = f"\n\nFiles of this skill, to be read with load_skill too: {', '.join(others)}" if others else ""
        return _cut(clean_text(text).strip()) + listed
    root = skill.folder.resolve()
    path = (root / file).resolve()
    if not path.is_relative_to(root):
        raise LraError(f"{one_line(file, 100)} does not lie in the folder of the skill {skill.name}.")
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise LraError(f"{one_line(file, 100)} is too large to read.")
        return _cut(clean_text(path.read_text("utf-8")))
    except UnicodeDecodeError:
        raise LraError(f"{one_line(file, 100)} is no text.") from None
    except OSError:
        there = ", ".join(_others(skill)) or "none"
        raise LraError(f"The skill {skill.name} has no file {one_line(file, 100)}. There are: {there}.") from None


def _others(skill: Skill) -> list[str]:
    found = (path for path in skill.folder.rglob("*") if path.is_file() and path.name != FILE)
    names = (str(path.relative_to(skill.folder)) for path in found)
    return sorted(name for name in names if not any(part.startswith((".", "__")) for part in Path(name).parts))[
        :_MOST_FILES
    ]


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}\n… {len(text) - _MOST_TEXT:,} characters left out"


class SkillToolset(FunctionToolset[AgentDeps]):
    """Tells of skills by name and description, and reads one when it is asked for.

    Args:
        skills: What there is.
    """

    def __init__(self, skills: Iterable[Skill]) -> None:
        self.skills = {skill.name: skill for skill in skills}

        async def load_skill(ctx: RunContext[AgentDeps], name: str, file: str = "") -> str:
            """Read a skill, or a file that belongs to it.

            Args:
                name: The skill.
                file: A file of the skill, by its path in the skill's folder; the skill itself when empty.
            """
            skill = self.skills.get(name)
            if skill is None:
                raise ToolFailed(f"There is no skill {one_line(name, 60)!r}. There are: {', '.join(self.skills)}.")
            try:
                return await asyncio.to_thread(read_skill, skill, file)
            except LraError as error:
                raise ToolFailed(str(error)) from None

        listed = "\n".join(f"- {skill.name}: {skill.description}" for skill in self.skills.values())
        super().__init__([Tool(load_skill)], id="skills", instructions=f"{CATALOGUE}\n{listed}")


def skills_in(toolsets: Iterable[AbstractToolset[Any]]) -> list[Skill]:
    """Return the skills among a session's toolsets."""
    return [skill for each in toolsets if isinstance(each, SkillToolset) for skill in each.skills.values()]
