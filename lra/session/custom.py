"""The agent of a person's own that a session was opened with, loaded anew when its files change."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from lra.agent.custom import CustomAgent, Definition
from lra.agent.folders import AgentFolder
from lra.errors import LraError
from lra.session.loading import load_folder

if TYPE_CHECKING:
    from lra.session.equipment import Equipment


class Custom:
    """Which agent talks in a session.

    Args:
        definition: The agent.
        folder: Where it was loaded from.
    """

    def __init__(self, definition: Definition, folder: AgentFolder | None = None) -> None:
        self.definition = definition
        self.fresh = False
        """Whether it was loaded anew, and the session's agent has to be built again."""
        self._folder = folder

    @classmethod
    async def load(cls, agent: CustomAgent | Definition | Path | str | None) -> Custom:
        """Return an agent by what it was named with; the built-in one for None.

        Raises:
            UsageError: There is no agent at the path.
            ConfigError: It cannot be loaded; the sentence names the line.
        """
        if agent is None:
            return cls(Definition())
        if isinstance(agent, CustomAgent):
            return cls(agent.definition)
        if isinstance(agent, Definition):
            return cls(agent)
        folder = await asyncio.to_thread(AgentFolder, Path(agent))
        return cls(await load_folder(folder), folder)

    def copy(self) -> Custom:
        """Return the same for another session."""
        return Custom(self.definition, self._folder.copy() if self._folder else None)

    async def refresh(self, equipment: Equipment) -> list[str]:
        """Load the agent anew when its files were changed; what cannot be used leaves the agent as it was.

        Args:
            equipment: What is fitted with it.

        Returns:
            Sentences for the person.
        """
        folder = self._folder
        if folder is None or not await asyncio.to_thread(folder.changed):
            return []
        try:
            definition = await load_folder(folder)
            problems = await equipment.fit(definition)
        except LraError as error:
            return [f"{folder.name} was changed and stays as it was. {error}"]
        self.definition, self.fresh = definition, True
        return [f"{folder.name} was changed and is loaded anew.", *problems]
