"""The line below the prompt: where the conversation stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lra.chat.render import dollars
from lra.chat.table import counted
from lra.chat.width import cells, clip

if TYPE_CHECKING:
    from lra.session import Session

_TITLE = 40
_SHORT_TITLE = 16


@dataclass(slots=True)
class Status:
    """What is known about the conversation; empty parts are not shown."""

    loading: str = ""
    """What is still being loaded."""
    model: str = ""
    title: str = ""
    context: float | None = None
    """Share of the model's window that the history fills."""
    cost: float | None = None
    """US dollars so far; None when it is not known or costs nothing."""
    memory: str = ""
    tasks: int = 0
    """How many are open."""

    def line(self, width: int) -> str:
        """Return the line; what matters least goes first when it does not fit."""
        for title_width, left_out in ((_TITLE, 0), (_SHORT_TITLE, 0), *((0, number) for number in range(1, 6))):
            text = " · ".join(self._parts(title_width, left_out))
            if cells(text) <= width:
                return text
        return clip(text, width)

    def _parts(self, title_width: int, left_out: int) -> list[str]:
        # In the order they stand, each with its rank: the highest goes first.
        ranked = [
            (0, self.loading),
            (1, self.model),
            (6, clip(self.title, title_width) if title_width else ""),
            (2, _context(self.context)),
            (3, dollars(self.cost) if self.cost else ""),
            (5, self.memory),
            (4, f"{counted(self.tasks, 'task')} open" if self.tasks else ""),
        ]
        return [text for rank, text in ranked if text and rank <= 6 - left_out]


def _context(share: float | None) -> str:
    if share is None:
        return ""
    # What would not fit any more is shortened before the next answer.
    return f"context {share:.0%}" if share <= 1 else "context full"


async def look(status: Status, session: Session, *, memory: bool) -> None:
    """Bring a status up to date.

    Args:
        status: What to fill.
        session: The conversation.
        memory: Whether it uses memory.
    """
    runtime = session.runtime
    await session.refresh()
    usage = await session.usage()
    tasks = [task for task in await runtime.store.tasks.find() if task.status in {"pending", "in_progress"}]
    waiting = await _waiting(session) if memory else 0
    known = await runtime.store.memories.count(summaries=False)
    status.loading, status.model, status.title = "", session.model_name, session.title
    status.context = usage.context_tokens / usage.context_window if usage.turns and usage.context_window else None
    status.cost, status.tasks = usage.cost, len(tasks)
    if not memory:
        status.memory = "memory off"
    else:
        status.memory = f"indexing {waiting:,}" if waiting else (_memories(known) if known else "")


async def _waiting(session: Session) -> int:
    """Return how many texts are going to be embedded; none where nothing embeds them for now."""
    runtime = session.runtime
    if runtime.settings.embedding == "none" or not await runtime.store.queue.pending():
        return 0
    index = await runtime.memory.status()
    return index.pending if index.embedder_ready and "trouble" not in index.detail else 0


def _memories(count: int) -> str:
    return "1 memory" if count == 1 else f"{count:,} memories"
