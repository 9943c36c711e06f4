"""What a resumed conversation was about."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lra.chat.render import outcome_text
from lra.chat.screen import Screen
from lra.chat.table import ago, counted
from lra.chat.width import cells, clip

if TYPE_CHECKING:
    from lra.session import Session

_LINES = 3
_READ = 4_000
"""Characters of an answer whose first lines are shown."""
_STYLED = re.compile(r"\x1b\[[0-9;]*m")


async def recap(session: Session, screen: Screen) -> list[str]:
    """Return the title and the last exchange of a session, a few lines; nothing for a new one."""
    record = session.record
    rows = await session.runtime.store.journal.recent(2, session_id=session.id)
    if not rows:
        return []
    width = max(20, screen.columns - 6)
    turns = counted(record.turns, "turn")
    rest = f", {turns}, {ago(record.updated_at)}"
    lines = [f"“{clip(record.title or record.id, width - cells(rest))}”{rest}"]
    for row in rows:
        said = bare(row.content, width) if row.role == "assistant" else row.content.splitlines()
        said = [line for line in said if line.strip()]
        marks = ["> " if row.role == "user" else "  ", *["  "] * _LINES]
        lines += [mark + clip(line, width) for mark, line in zip(marks, said[:_LINES], strict=False)]
        if len(said) > _LINES:
            lines.append("  …")
    last = (await session.runtime.store.journal.turns(session.id))[-1:]
    if last and last[0].outcome not in {None, "completed"}:
        lines.append("  " + outcome_text(last[0].outcome or ""))
    return lines


def bare(markdown: str, width: int) -> list[str]:
    """Return the lines of an answer's beginning as they read, without the marks and the styles of Markdown.

    Args:
        markdown: The answer.
        width: The columns there are.
    """
    from lra.chat.markdown import AnswerStream
    from lra.chat.theme import Theme

    stream = AnswerStream(width, Theme("dark", 4), hyperlinks=False)
    text = stream.feed(markdown[:_READ]) + stream.close()
    return _STYLED.sub("", text).splitlines()
