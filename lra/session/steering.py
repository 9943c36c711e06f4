"""What a person writes while a turn runs, given to the model with its next request."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from pydantic_ai import RunContext
from pydantic_ai.exceptions import UserError

from lra.session.history import user_entry
from lra.store import Entry
from lra.store.inbox import Inbox
from lra.tools.deps import AgentDeps


@dataclass(frozen=True, slots=True)
class _Steer:
    text: str
    inbox_id: str


class Steering:
    """Messages on their way into a running turn; until the journal has them they are kept in the inbox.

    Args:
        inbox: Where they wait on disk.
        session_id: Whose they are.
    """

    def __init__(self, inbox: Inbox, session_id: str) -> None:
        self._inbox = inbox
        self._session_id = session_id
        self._waiting: list[_Steer] = []
        self.run: RunContext[AgentDeps] | None = None
        """The run that takes them; None before its first request."""

    async def add(self, text: str) -> bool:
        """Give a message to the run; False when it takes none, before its first request or after its last."""
        if self.run is None:
            return False
        steer = _Steer(text, await asyncio.to_thread(self._inbox.put, text, self._session_id))
        self._waiting.append(steer)
        try:
            self.run.enqueue(text)
        except UserError:
            await self._settle(steer)
            return False
        return True

    async def delivered(self, text: str) -> bool:
        """Note that the journal has a message now; False when it did not come from here."""
        for steer in self._waiting:
            if steer.text == text:
                await self._settle(steer)
                return True
        return False

    async def _settle(self, steer: _Steer) -> None:
        self._waiting.remove(steer)
        await asyncio.to_thread(self._inbox.remove, steer.inbox_id)

    def left(self) -> list[Entry]:
        """Return rows for the messages that the model was never given."""
        return [user_entry(steer.text) for steer in self._waiting]

    async def settle(self) -> None:
        """Note that the journal has all that was left."""
        for steer in list(self._waiting):
            await self._settle(steer)
