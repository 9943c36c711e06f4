"""Skills: which there are, and what one says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lra.chat.commands.registry import registry
from lra.chat.table import rows
from lra.chat.width import clip
from lra.errors import UsageError

if TYPE_CHECKING:
    from lra.chat.app import Chat


@registry.command("skills", "[NAME]", during_turn=True)
async def skills(chat: Chat, args: str) -> None:
    """List the skills; with a name, show one as the model reads it.

    A skill is a folder with a SKILL.md: in the data folder under skills/, and in a trusted project under skills/ or
    .lra/skills/. The model is told the names and descriptions, and reads the rest when it needs it.
    """
    from lra.tools.skills import read_skill, skills_in

    session = await chat.ready()
    found = {skill.name: skill for skill in skills_in(session.toolsets)}
    if not found:
        chat.screen.line(
            f"There are no skills. One is a folder with a SKILL.md in {session.runtime.settings.home}/skills."
        )
    elif not args:
        for line in rows([(each.name, each.source, each.description) for each in found.values()], chat.screen.columns):
            chat.screen.line(line)
    elif args not in found:
        raise UsageError(f"There is no skill {clip(args, 40)!r}.", hint=f"There are: {', '.join(found)}.")
    else:
        skill = found[args]
        chat.screen.line(f"{skill.name} ({skill.source}): {skill.path}", "title")
        for line in (await asyncio.to_thread(read_skill, skill)).splitlines():
            chat.screen.line(f"  {line}")
