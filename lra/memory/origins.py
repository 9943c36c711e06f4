"""Where a memory comes from: the turn, the tool call and the process of each of its changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from lra.errors import NotFoundError
from lra.store import StructuredMemoryStore
from lra.store.records import HistoryRow, MemoryRecord
from lra.store.tables import journal, turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """One change of a memory, with what led to it."""

    change: HistoryRow
    turn: int | None
    """Number of the turn in its conversation."""
    model: str
    said: str
    """What the person said in that turn."""
    replaced: tuple[MemoryRecord, ...] = ()
    """The memories whose place it took."""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {**self.change.to_dict(), "turn_number": self.turn, "model": self.model, "said": self.said}

    def sentences(self, when: str) -> list[str]:
        """Return the lines a person reads.

        Args:
            when: The time as it is shown there.
        """
        change = self.change
        where = f" in turn {self.turn} of session {change.session_id}" if self.turn and change.session_id else ""
        where = where or (f" in session {change.session_id}" if change.session_id else "")
        undone = ", taken back since" if change.undone else ""
        lines = [f"{when} {change.what} by {change.by}{where}{undone}"]
        process = f"process {change.process}"
        call = f"tool call {change.tool_call_id}" if change.tool_call_id else ""
        model = f"model {self.model}" if self.model else ""
        lines.append("  " + ", ".join(part for part in (process, call, model) if part))
        if self.said:
            lines.append(f"  the person had said: {self.said}")
        if change.content != "[forgotten]":
            lines.append(f"  {'told again as' if change.action == 'merged' else 'it says'}: {change.content}")
        lines += [f"  in the place of: {before.content} ({before.id})" for before in self.replaced]
        return lines


async def origins(store: StructuredMemoryStore, memory_id: str) -> list[Origin]:
    """Return the changes of a memory with what led to each, oldest first; also of a forgotten one, by its whole id.

    Raises:
        NotFoundError: Nothing is known of it.
    """
    found = await store.memories.history(memory_id)
    if not found:
        found = await store.memories.history((await store.memories.get(memory_id)).id)
    if not found:
        raise NotFoundError(f"Nothing is known of where memory {memory_id!r} comes from.")
    ids = {change.turn_id for change in found if change.turn_id is not None}

    def work(connection: Connection) -> dict[int, tuple[int, str, str]]:
        query = (
            select(turns.c.id, turns.c.number, turns.c.model, journal.c.content)
            .join(journal, (journal.c.turn_id == turns.c.id) & (journal.c.role == "user"), isouter=True)
            .where(turns.c.id.in_(ids))
            .order_by(journal.c.seq.desc())
        )
        return {row[0]: (row[1], row[2], row[3] or "") for row in connection.execute(query).all()}

    replaced = tuple(await store.memories.replaced(found[0].memory_id))
    known = await store.database.query(work) if ids else {}
    return [
        Origin(
            change=change,
            turn=number,
            model=model,
            said=said,
            replaced=replaced if change.seq == found[0].seq else (),
        )
        for change in found
        for number, model, said in [known.get(change.turn_id or 0, (None, "", ""))]
    ]
